"""Import directions and latents that other programs wrote, and export ours to their formats."""

from __future__ import annotations

import asyncio
import datetime
import functools
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import to_bytes
from latentwalk.directions.latent_walk import LinearWalk
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from latentwalk.edit import Base
from latentwalk.errors import Invalid, LatentwalkError, refusal
from latentwalk.latents.latent_codec import encode_latent
from models.base import Generator, SupportsStyles
from models.importing.direction_files import VectorFile
from models.importing.open_checkpoint import LARGEST_VECTORS, open_vectors
from models.specs import GeneratorSpec, name_from_title, title_from_name
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.services.directions.sinks import LibrarySink
from server.services.titles import title_from_file
from server.storage.library import Library

__all__ = ["LARGEST_VECTORS", "ExternalDirections", "ImportedVectors", "base", "directions", "exported", "read"]
PROJECTED = "a projected w"
GANSPACE = "GANSpace's components"
ROSINALITY = "rosinality's factors"
SIGMA = Unit("σ", decimals=1)
UNITLESS = Unit("", decimals=1)
RANGES = {GANSPACE: 3.0, ROSINALITY: 5.0}  # what these programs offer themselves
DEFAULT_RANGE = 3.0
OWN_FACTORS = 0.5  # of the way from a random direction's gain to that of the weights' own factors; less is rejected
FACTORS_CHECKED = 3  # the strongest
MOST_ID = 34  # characters of an id before its number
NOTE = (
    "Imported from another program, which does not record the model. The range is that program's and was not measured."
)


@dataclass(frozen=True, slots=True)
class ImportedVectors:
    """What a file turned out to hold: `directions` that are now in the library, or the `base` of an edit."""

    directions: tuple[Direction, ...] = ()
    base: Base | None = None


class ExternalDirections:
    """Imports vector files into the library of a server, between two frames of the live view."""

    def __init__(
        self,
        library: Library,
        generator_cache: GeneratorCache,
        inference_thread: InferenceThread,
        *,
        unlocked: bool = False,
    ) -> None:
        self._library, self._generator_cache = library, generator_cache
        self._inference_thread, self._unlocked = inference_thread, unlocked

    async def import_file(
        self, generator: str, data: bytes, name: str, space: str | None, count: int
    ) -> ImportedVectors:
        """Keep the directions in a file called `name` as sliders, or read the latent in it as the base of an edit."""
        spec = self._library.spec(generator)
        file = await asyncio.to_thread(read, data, name, unlocked=self._unlocked)
        if file.kind == "latent":
            return ImportedVectors(base=base(file, spec, name))
        loaded = await self._generator_cache.get(generator)
        imported = directions(file, loaded.exact, name, count, space)
        sink = LibrarySink(self._library)
        for direction in imported:  # each by itself, so that frames of the live view come in between
            keep = functools.partial(sink.keep, direction, loaded.exact)
            await self._inference_thread.run(Priority.STILL, keep)
        return ImportedVectors(directions=tuple(imported))


def read(data: bytes, name: str, *, unlocked: bool = False) -> VectorFile:
    """Read a file called `name` in the sandbox; Invalid for anything but a known kind of vector file."""
    try:
        return open_vectors(data, unlocked=unlocked)
    except LatentwalkError as error:
        raise refusal(name, error) from error


def directions(file: VectorFile, generator: Generator, name: str, count: int, space: str | None) -> list[Direction]:
    """The `count` strongest directions of a file called `name`; Invalid where they do not fit `generator`.

    `space` is "z" or "w". None takes "w" from a name that ends as InterFaceGAN's do, else the space that edits use.
    """
    spec = generator.spec
    if space != "z" and is_layered(file, spec):
        return [_layered_direction(file, generator, name)]
    if file.kind != "directions":
        raise Invalid(f"{name} holds a latent, not directions.", "Start an image from it: latentwalk render --latent.")
    chosen = space or ("w" if re.search(r"_w(_boundary)?\.npy$", name) and "w" in spec.spaces else spec.space)
    if chosen not in spec.spaces:
        raise Invalid(f"{spec.name} has no space {chosen}.", f"It has {', '.join(spec.spaces)}.")
    width, own_width = file.rows.shape[1], spec.spaces[chosen][-1]
    if width != own_width:
        raise Invalid(
            f"{name} has vectors of {width} numbers, but the space {chosen} of {spec.name} has {own_width}: it was "
            "made for another model or another space.",
            "Spaces here: " + ", ".join(f"{one} of {shape[-1]}" for one, shape in spec.spaces.items()) + ".",
        )
    rows = torch.from_numpy(file.rows)
    if file.format == ROSINALITY and chosen == spec.space:
        _check_factors(rows, generator, name)
    ids = _ids(name, min(count, len(rows)), numbered=len(rows) > 1)
    spreads = file.spreads.tolist()
    titles = [title_from_file(name) + (f" {number}" if len(rows) > 1 else "") for number in range(1, len(ids) + 1)]
    return [
        _direction(spec, file, id, chosen, row, spread, title)
        for id, row, spread, title in zip(ids, rows, spreads, titles, strict=False)
    ]


def is_layered(file: VectorFile, spec: GeneratorSpec) -> bool:
    """Whether a file holds one vector for each layer of w+, rather than one direction in each row.

    The shape tells, except for orthonormal rows: those are a list of factors, as SeFa and GANSpace compute them.
    """
    if spec.layers == 1 or spec.space != "w" or file.rows.shape != (spec.layers, spec.width):
        return False
    if file.format in (GANSPACE, ROSINALITY, PROJECTED):
        return False
    gram = file.rows.astype(np.float64) @ file.rows.astype(np.float64).T
    return not np.allclose(gram, np.eye(len(gram)), atol=1e-3)


def base(file: VectorFile, spec: GeneratorSpec, name: str) -> Base:
    """The base of an edit from the latent in a file; Invalid where its shape is not one of the generator's."""
    rows = torch.from_numpy(file.rows)
    if file.kind != "latent":
        raise Invalid(f"{name} holds directions, not a latent.", "Import them as sliders: latentwalk sliders import.")
    if rows.shape[1] != spec.width or len(rows) not in (1, spec.layers):
        layers = f" in 1 or {spec.layers} rows" if spec.layers > 1 else ""
        raise Invalid(
            f"{name} is a latent of {len(rows)} x {rows.shape[1]} numbers, but {spec.name} takes {spec.width}{layers} "
            f"in its space {spec.space}: it was made for another model or another space.",
            "Project the image with this generator's own weights.",
        )
    return Base(latent=encode_latent(rows[0] if len(rows) == 1 else rows))


def exported(direction: Direction, suffix: str) -> bytes:
    """A direction as a file: "safetensors" is ours, "npy" InterFaceGAN's ([1, D]), "npz" GANSpace's components.

    The last two can hold only a linear direction of z or w.
    """
    if suffix == "safetensors":
        return to_bytes(direction)
    if direction.walk.kind != "linear" or direction.space not in ("z", "w"):
        raise Invalid(f"{direction.name} is not a linear direction in z or w.", "Export it as .safetensors.")
    axis = direction.walk.axis()
    assert axis is not None
    row = axis.detach().cpu().numpy().astype(np.float32)[None]
    file = io.BytesIO()
    if suffix == "npy":
        np.save(file, row)
        return file.getvalue()
    spread = np.full(1, abs(direction.curve.step(direction.unit.coordinate(direction.range[1])) / 3), np.float32)
    parts: Mapping[str, Any] = {"lat_comp": row[None], "lat_stdev": spread, "lat_mean": np.zeros_like(row[None])}
    np.savez(file, **parts)
    return file.getvalue()


def _ids(name: str, count: int, *, numbered: bool) -> list[str]:
    # Ids begin with a letter: those of "07.npy" are made of "from_07".
    stem = name_from_title(Path(name).stem, MOST_ID, otherwise="from")
    return [f"{stem}_{number}" for number in range(1, count + 1)] if numbered else [stem]


def _check_factors(rows: Tensor, generator: Generator, name: str) -> None:
    # SeFa factors are the directions that the first weight matrix amplifies most. Another model's weights amplify them
    # no more than random directions.
    weight = generator.input_weights().cpu().double()
    power = weight.T @ weight
    random, best = power.trace() / len(power), torch.linalg.eigvalsh(power)[-FACTORS_CHECKED:].mean()
    strongest = rows[:FACTORS_CHECKED].double()
    gain = torch.einsum("nd,de,ne->n", strongest, power, strongest).mean()
    if float((gain - random) / (best - random)) < OWN_FACTORS:
        raise Invalid(
            f"{name} holds factors of other weights: those of {generator.spec.name} hardly respond to them.",
            f"Find its own: latentwalk discover sefa --generator {generator.spec.name}",
        )


def _layered_direction(file: VectorFile, generator: Generator, name: str) -> Direction:
    # Styles are affine in w, so that a change of each layer's w is one change of the styles, the space S. Equal rows
    # are a direction of w itself, which can also be held.
    spec, rows = generator.spec, torch.from_numpy(file.rows)
    id = _ids(name, 1, numbered=False)[0]
    title = title_from_file(name)
    if torch.allclose(rows, rows[:1].expand_as(rows), atol=1e-5):
        length = float(rows[0].norm())
        return _direction(spec, file, id, "w", rows[0] / length, length, title)
    if not isinstance(generator, SupportsStyles):
        raise Invalid(f"{spec.name} takes no vector for each layer ({name}).", "Choose a style-based generator.")
    with torch.no_grad():
        start = torch.zeros(1, *rows.shape, device=generator.device)
        change = generator.style_vector(start + rows.to(start)) - generator.style_vector(start)
    length = float(change.norm())
    if not length > 0:
        raise Invalid(f"{name} changes nothing on {spec.name}.", "It was made for another model.")
    return _direction(spec, file, id, "s", change[0].cpu() / length, length, title)


def _direction(
    spec: GeneratorSpec, file: VectorFile, id: str, space: str, row: Tensor, spread: float, title: str = ""
) -> Direction:
    limit = RANGES.get(file.format, DEFAULT_RANGE)
    return Direction(
        id=id,
        name=title or title_from_name(id),
        group="discovered",
        generator=spec.name,
        fingerprint=spec.fingerprint,
        space=space,
        unit=SIGMA if file.format == GANSPACE else UNITLESS,
        walk=LinearWalk(row.clone()),
        curve=Curve.straight(spread, limit),
        range=(-limit, limit),
        track=(-1.5 * limit, 1.5 * limit),
        requested_range=(-limit, limit),
        method="imported",
        seed=0,
        created=datetime.date.today().isoformat(),
        note=NOTE,
        licence="Not known.",
        settings={"format": file.format},
    )
