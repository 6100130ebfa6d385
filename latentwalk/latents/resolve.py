"""Edit -> latent: the pure half of rendering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction, project_off
from latentwalk.edit import Edit
from latentwalk.errors import Invalid
from latentwalk.latents.class_weights import class_tensor, class_weights
from latentwalk.latents.latent_codec import STYLE_ROW_SPACES, append_style_rows, decode_latent
from latentwalk.latents.style_mixing import StyleMixing
from models.base import Generator
from models.specs import GeneratorSpec

Amounts = Sequence[tuple[Direction, float]]


def resolve(edit: Edit, generator: Generator, directions: Mapping[str, Direction]) -> tuple[Tensor, Tensor | None]:
    """The latent of an edit, in `generator.spec.space`, and its class weights [1, classes] (None without classes).

    The latent is [1, D] for a generator whose latent enters once, else one row for each layer, [1, layers, D].
    Directions are added in the order of their ids, each projected off the axes of the held ones, in the layers that
    the edit or the direction itself names. Raises Invalid where the generator or a direction cannot do what the edit
    requests.
    """
    spec = generator.spec
    classes = class_tensor(class_weights(edit, spec), spec, generator.device)
    used = {name: _find(name, spec, directions) for name in sorted(edit.amounts)}
    for name in sorted(edit.layers):
        _check_layers(edit.layers[name], _find(name, spec, directions), spec)
    before_mapping = [(one, edit.amounts[name]) for name, one in used.items() if one.space == "z" != spec.space]
    start = _start(edit, generator, classes, before_mapping)
    latent = _add_directions(edit, start, used, directions, spec, classes)
    style_steps = [(one, one.steps(edit.amounts[name])) for name, one in used.items() if one.space in STYLE_ROW_SPACES]
    return append_style_rows(latent, generator, style_steps), classes


def _add_directions(
    edit: Edit, start: Tensor, used: Mapping[str, Direction], directions: Mapping[str, Direction],
    spec: GeneratorSpec, classes: Tensor | None,
) -> Tensor:  # fmt: skip
    # Displacements are computed at the mean over the layers, so that they are the same in every layer.
    latent = mean = start.mean(dim=1) if start.ndim == 3 else start
    held = [one for name in edit.hold if (one := _find(name, spec, directions)).space == spec.space]
    limited: list[tuple[int, int, Tensor]] = []
    for name, direction in used.items():
        if direction.space != spec.space:
            continue
        change = direction.displacement(latent, edit.amounts[name], classes)
        change = change if name in edit.hold else project_off(change, held, classes)
        first, stop = edit.layers.get(name) or direction.layers or (0, spec.layers)
        if stop - first == spec.layers:
            latent = latent + change
        else:
            limited.append((first, stop, change))
    if spec.layers == 1:
        return latent
    rows = latent[:, None].repeat(1, spec.layers, 1) if start.ndim == 2 else start + (latent - mean)[:, None]
    for first, stop, change in limited:
        rows[:, first:stop] += change[:, None]
    return rows


def style_mixing(edit: Edit) -> StyleMixing:
    """The truncation and style mixing that an edit requests."""
    seeds = {int(seed): layers for seed, layers in sorted(edit.styles.items(), key=lambda pair: int(pair[0]))}
    return StyleMixing(edit.truncation, edit.cutoff, edit.mean, seeds)


def _start(edit: Edit, generator: Generator, classes: Tensor | None, before_mapping: Amounts) -> Tensor:
    # The latent before any direction but those of z: [1, D], or [1, layers, D] where the layers differ.
    mixing = style_mixing(edit)
    mixing.check(generator.spec)
    if before_mapping and (edit.base.latent is not None or edit.base.space == "w"):
        message = f"{before_mapping[0][0].name} acts in z, and this image starts in w."
        raise Invalid(message, "Start the image from a seed.")
    if edit.base.latent is not None:
        stored = decode_latent(edit.base.latent, generator.spec).to(generator.device)
        return mixing.mix(generator, mixing.truncate(generator, stored, classes), classes)
    if edit.base.space == "w":
        return mixing.mix(generator, _mix_in_w(edit, generator, mixing, classes), classes)
    z = _mix_in_z(edit, generator)
    for direction, amount in before_mapping:
        z = z + direction.displacement(z, amount, classes)
    return mixing.mix(generator, mixing.map(generator, z, classes), classes)


def _mix_in_w(edit: Edit, generator: Generator, mixing: StyleMixing, classes: Tensor | None) -> Tensor:
    # The weighted mean of the seeds' latents behind the mapping network.
    if "w" not in generator.spec.spaces:
        raise Invalid(f"{generator.spec.name} has no space w to mix seeds in.", "Leave the base's space out.")
    weights = edit.base.weights()
    z = generator.sample(list(weights))
    latents = mixing.map(generator, z, None if classes is None else classes.expand(len(z), -1))
    shares = torch.tensor(list(weights.values()), dtype=torch.float64)
    shares = (shares / shares.sum()).to(latents)
    return (shares.view(-1, *[1] * (latents.ndim - 1)) * latents).sum(dim=0, keepdim=True)


def _mix_in_z(edit: Edit, generator: Generator) -> Tensor:
    # Divided by the root of the sum of squared weights, which keeps the variance of the prior.
    weights = edit.base.weights()
    z = generator.sample(list(weights))
    shares = torch.tensor(list(weights.values()), dtype=torch.float64)
    shares = shares / shares.max()  # the squares of tiny weights would underflow
    shares = (shares / shares.square().sum().sqrt()).to(torch.float32).to(generator.device)
    return (shares.view(-1, *[1] * (z.ndim - 1)) * z).sum(dim=0, keepdim=True)


def _find(name: str, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Direction:
    direction = directions.get(name)
    if direction is None:
        raise Invalid(f"{spec.name} has no direction “{name}”.", "Choose one of its directions, or learn this one.")
    direction.check(spec)
    return direction


def _check_layers(layers: tuple[int, int], direction: Direction, spec: GeneratorSpec) -> None:
    start, stop = layers
    if not 0 <= start < stop <= spec.layers:
        raise Invalid(
            f"{direction.name} cannot be limited to layers {start} to {stop}: {spec.name} has {spec.layers}.",
            f"Use a range inside 0 to {spec.layers}.",
        )
