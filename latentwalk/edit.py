"""Edit: everything one picture depends on, as a small frozen value; and the latent it stands for."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from latentwalk.directions.direction import Direction, project_off
from latentwalk.errors import Invalid
from latentwalk.latents.latent_codec import ELSEWHERE, LONGEST, append_style_rows, decode_latent
from latentwalk.latents.style_mixing import StyleMixing
from models.base import Generator, Mean
from models.specs import GeneratorSpec

LARGEST_SEED = 2**32 - 1
MOST_SEEDS = 16
MOST_LAYERS = 256

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Seed = Annotated[int, Field(strict=True, ge=0, le=LARGEST_SEED)]
Weight = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e6)]
SignedWeight = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e6, le=1e6)]
SeedText = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,9})$")]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Base(_Frozen):
    """The point an edit starts from: one seed, seeds with weights, mixed in `space`, or a latent written out.

    In z weights are zero or more and the mix keeps the variance of the prior; in w, behind the mapping network, it
    is the weighted mean, and weights may be negative as those of a spline are. `latent` is what `latents.packed`
    writes, in the space edits are made in.
    """

    seed: Seed | None = None
    seeds: Annotated[dict[SeedText, SignedWeight], Field(max_length=MOST_SEEDS)] | None = None
    space: Literal["z", "w"] = "z"
    latent: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{2,}$", max_length=LONGEST)] | None = None

    def weights(self) -> dict[int, float]:
        """Seeds and their weights, none where the latent is written out; one seed weighs one."""
        if self.latent is not None:
            return {}
        if self.seeds is not None:
            return {int(seed): weight for seed, weight in sorted(self.seeds.items(), key=lambda pair: int(pair[0]))}
        return {self.seed or 0: 1.0}


class Edit(_Frozen):
    """A picture's recipe. The same edit of the same model is the same picture, anywhere.

    `classes` are weights (normalised to sum 1; none means the generator's default), `truncation` pulls
    towards the mean latent, `amounts` are in each direction's own unit (absent means neutral), `layers` limits
    a direction to [start, stop), `hold` names directions whose axis the others are projected off. `cutoff` truncates
    only the layers before it, towards the `mean` of the weights ("own"), of each class or of all; `styles` names the
    layers [start, stop) that other seeds give.
    """

    generator: Name
    base: Base
    classes: Annotated[dict[Name, Weight], Field(max_length=4096)] = {}
    truncation: Annotated[Number, Field(ge=0, le=2)] = 1.0
    amounts: Annotated[dict[Name, Number], Field(max_length=256)] = {}
    layers: Annotated[dict[Name, tuple[int, int]], Field(max_length=256)] = {}
    hold: Annotated[tuple[Name, ...], Field(max_length=32)] = ()
    cutoff: Annotated[int, Field(strict=True, ge=1, le=MOST_LAYERS)] | None = None
    mean: Mean = "own"
    styles: Annotated[dict[SeedText, tuple[int, int]], Field(max_length=MOST_SEEDS)] = {}

    @property
    def styling(self) -> StyleMixing:
        """How its seeds become latents."""
        seeds = {int(seed): layers for seed, layers in sorted(self.styles.items(), key=lambda pair: int(pair[0]))}
        return StyleMixing(self.truncation, self.cutoff, self.mean, seeds)

    def neutral(self) -> Edit:
        """The same picture with every slider at rest."""
        return self.model_copy(update={"amounts": {}})


def parse(data: object) -> Edit:
    """An Edit from decoded JSON; Invalid with one sentence for anything else."""
    try:
        edit = Edit.model_validate(data)
    except ValidationError as error:
        raise Invalid(_sentence(error), 'An edit needs a generator and a base such as {"seed": 7}.') from None
    starts = [start for start in (edit.base.seed, edit.base.seeds, edit.base.latent) if start is not None]
    if len(starts) != 1:
        sentence = "An edit's base is one seed, or seeds with weights, or a latent, and just one of these."
        raise Invalid(sentence, 'Write {"seed": 7}.')
    weights = edit.base.weights()
    if max([*weights, *map(int, edit.styles)], default=0) > LARGEST_SEED:
        raise Invalid(f"Seeds run from 0 to {LARGEST_SEED}.", "Choose a smaller seed.")
    below = next((seed for seed, weight in weights.items() if weight < 0 and edit.base.space == "z"), None)
    if below is not None:
        sentence = f"The edit's base.seeds.{below} is wrong: its weight is below zero."
        raise Invalid(sentence, 'Only a mix in {"space": "w"} may have such weights.')
    if edit.base.latent is None and not sum(weights.values()) > 0:
        raise Invalid("The weights of the seeds are all zero.", "Give one seed a weight above zero.")
    if edit.classes and not sum(edit.classes.values()) > 0:
        raise Invalid("The class weights are all zero.", "Give one class a weight above zero.")
    return edit


def parse_text(text: str | bytes) -> Edit:
    """An Edit from JSON text."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("That edit is not JSON.", "Send an object with generator and base.") from None
    return parse(data)


def canonical(edit: Edit) -> str:
    """The one spelling of an edit: sorted keys, no spaces, defaults left out, whole numbers without a point."""
    return json.dumps(plain(edit.model_dump(exclude_defaults=True)), sort_keys=True, separators=(",", ":"))


def share_code(edit: Edit) -> str:
    """The edit as the fragment of a link: base64url of its canonical JSON, without padding."""
    return base64.urlsafe_b64encode(canonical(edit).encode()).decode().rstrip("=")


def from_share_code(code: str) -> Edit:
    """The inverse of `share_code`."""
    try:
        text = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)).decode()
    except (binascii.Error, ValueError):
        raise Invalid("That link does not hold an edit.", "Copy the whole link again.") from None
    return parse_text(text)


def class_weights(edit: Edit, spec: GeneratorSpec) -> dict[str, float]:
    """The class weights an edit means for a generator: its own or the default, summing to one."""
    if not spec.classes:
        if edit.classes:
            raise Invalid(f"{spec.name} has no classes.", "Leave the classes out.")
        return {}
    chosen = dict(sorted((edit.classes or spec.default_classes).items()))  # sums depend on their order
    for name in chosen:
        if name not in spec.classes:
            raise Invalid(f"{spec.name} has no class “{name}”.", f"It has {', '.join(spec.classes)}.")
    total = sum(chosen.values())
    return {name: weight / total for name, weight in chosen.items()}


def class_tensor(weights: Mapping[str, float], spec: GeneratorSpec, device: torch.device) -> Tensor | None:
    """Class weights as [1, classes]; None for a generator without classes."""
    if not spec.classes:
        return None
    return torch.tensor([[weights.get(name, 0.0) for name in spec.classes]], device=device)


def resolve(edit: Edit, generator: Generator, directions: Mapping[str, Direction]) -> tuple[Tensor, Tensor | None]:
    """The latent [1, D] and class weights [1, classes] of an edit: the pure half of rendering.

    Several seeds are averaged and divided by the root of the squared weights' sum, which keeps the variance of
    the prior. Directions act in the order of their ids, each off the held ones' axes. Where a generator has layers
    the latent is one for each, [1, layers, D], and a direction acts on those that the edit, or it itself, names.
    """
    spec = generator.spec
    classes = class_tensor(class_weights(edit, spec), spec, generator.device)
    known = {name: _known(name, spec, directions) for name in sorted(edit.amounts)}
    early = [(one, edit.amounts[name]) for name, one in known.items() if one.space == "z" != spec.space]
    start = _start(edit, generator, classes, early)
    latent = middle = start.mean(dim=1) if start.ndim == 3 else start
    held = [one for name in edit.hold if (one := _known(name, spec, directions)).space == spec.space]
    partly: list[tuple[int, int, Tensor]] = []
    for name in sorted(edit.layers):
        _whole(edit.layers[name], _known(name, spec, directions), spec)
    elsewhere = [(one, one.steps(edit.amounts[name])) for name, one in known.items() if one.space in ELSEWHERE]
    for name, direction in known.items():
        if direction.space != spec.space:
            continue
        change = direction.displacement(latent, edit.amounts[name], classes)
        change = change if name in edit.hold else project_off(change, held, classes)
        first, stop = edit.layers.get(name) or direction.layers or (0, spec.layers)
        if stop - first == spec.layers:
            latent = latent + change
        else:
            partly.append((first, stop, change))
    if spec.layers == 1:
        return append_style_rows(latent, generator, elsewhere), classes
    layered = latent[:, None].repeat(1, spec.layers, 1) if start.ndim == 2 else start + (latent - middle)[:, None]
    for first, stop, change in partly:
        layered[:, first:stop] += change[:, None]
    return append_style_rows(layered, generator, elsewhere), classes


def _start(
    edit: Edit, generator: Generator, classes: Tensor | None, early: Sequence[tuple[Direction, float]]
) -> Tensor:
    # The base's latent before any direction but those of z: [1, D], or [1, layers, D] where layers differ.
    how = edit.styling
    how.check(generator.spec)
    if early and (edit.base.latent is not None or edit.base.space == "w"):
        raise Invalid(f"{early[0][0].name} acts in z, and this picture starts in w.", "Start it from a seed.")
    if edit.base.latent is not None:
        stored = decode_latent(edit.base.latent, generator.spec).to(generator.device)
        return how.mixed(generator, how.truncated(generator, stored, classes), classes)
    weights = edit.base.weights()
    shares = torch.tensor(list(weights.values()), dtype=torch.float64)
    drawn = generator.sample(list(weights))
    if edit.base.space == "w":
        if "w" not in generator.spec.spaces:
            raise Invalid(f"{generator.spec.name} has no space w to mix seeds in.", "Leave the base's space out.")
        each = None if classes is None else classes.expand(len(drawn), -1)
        mapped = how.mapped(generator, drawn, each)
        shares = (shares / shares.sum()).to(mapped)
        mean = (shares.view(-1, *[1] * (mapped.ndim - 1)) * mapped).sum(dim=0, keepdim=True)
        return how.mixed(generator, mean, classes)
    shares = shares / shares.max()  # tiny squares vanish
    shares = (shares / shares.square().sum().sqrt()).to(torch.float32).to(generator.device)
    z = (shares.view(-1, *[1] * (drawn.ndim - 1)) * drawn).sum(dim=0, keepdim=True)
    for direction, amount in early:
        z = z + direction.displacement(z, amount, classes)
    return how.mixed(generator, how.mapped(generator, z, classes), classes)


def _known(name: str, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Direction:
    direction = directions.get(name)
    if direction is None:
        raise Invalid(f"{spec.name} has no direction “{name}”.", "Pick one of its sliders, or learn this one.")
    direction.check(spec)
    return direction


def _whole(layers: tuple[int, int], direction: Direction, spec: GeneratorSpec) -> None:
    start, stop = layers
    if not 0 <= start < stop <= spec.layers:
        raise Invalid(
            f"{direction.name} cannot be limited to layers {start} to {stop}: {spec.name} has {spec.layers}.",
            f"Use a range inside 0 to {spec.layers}.",
        )


def plain(value: Any) -> Any:
    """JSON with whole numbers written without a point, so that 1 and 1.0 are one spelling."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"] if part != "[key]")
    if first["type"] == "extra_forbidden":
        return f"An edit has no “{place[:60]}”."
    if first["type"] == "missing":
        return f"The edit does not say its {place}."
    reason = str(first["msg"])
    return f"The edit's {place[:60]} is wrong: {reason[0].lower()}{reason[1:]}." if place else "That is not an edit."
