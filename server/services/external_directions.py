"""Other programs' directions and latents as ours: checked against the generator they are meant for, kept as sliders."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Mapping
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
from models.base import Generator
from models.importing.direction_files import VectorFile
from models.importing.open_checkpoint import LARGEST_VECTORS, open_vectors
from models.specs import GeneratorSpec

__all__ = ["LARGEST_VECTORS", "base", "directions", "exported", "read"]
SIGMA = Unit("σ", decimals=1)
PLAIN = Unit("", decimals=1)
REACH = {"GANSpace's components": 3.0, "rosinality's factors": 5.0}  # what their own programs offer
USUAL = 3.0
OWN = 0.5  # of the way from any direction's strength to that of these weights' own factors: below it they are others'
CHECKED = 3  # factors that are held against the weights, the strongest
NOTE = "Made by another program, which does not say for which model. Its range is that program's, not measured."


def read(data: bytes, name: str, *, unlocked: bool = False) -> VectorFile:
    """What a file called `name` holds, read in the jail; Invalid, with a sentence, for anything else."""
    try:
        return open_vectors(data, unlocked=unlocked)
    except LatentwalkError as error:
        raise refusal(name, error) from error


def directions(found: VectorFile, generator: Generator, name: str, count: int, space: str | None) -> list[Direction]:
    """The `count` strongest directions of a file called `name`, as sliders; Invalid where they are not for `generator`.

    `space` is z or w; where it is not said, a name that ends as InterFaceGAN's do says it, and else edits' own.
    """
    spec = generator.spec
    if found.kind != "directions":
        raise Invalid(f"{name} holds a latent, not directions.", "Start a picture from it: latentwalk render --latent.")
    chosen = space or ("w" if re.search(r"_w(_boundary)?\.npy$", name) and "w" in spec.spaces else spec.space)
    if chosen not in spec.spaces:
        raise Invalid(f"{spec.name} has no space {chosen}.", f"It has {', '.join(spec.spaces)}.")
    width, own = found.rows.shape[1], spec.spaces[chosen][-1]
    if width != own:
        raise Invalid(
            f"{name} is of {width} numbers, and the space {chosen} of {spec.name} has {own}: it was made for another "
            "model or another space.",
            "Spaces here: " + ", ".join(f"{one} of {shape[-1]}" for one, shape in spec.spaces.items()) + ".",
        )
    rows = torch.from_numpy(found.rows)
    if found.format == "rosinality's factors" and chosen == spec.space:
        _check_factors(rows, generator, name)
    stem = re.sub(r"[^a-z0-9]+", "_", Path(name).stem.lower()).strip("_")
    stem = (stem if stem[:1].isalpha() else f"from_{stem}")[:34].strip("_")
    many = min(count, len(rows))
    ids = [stem if len(rows) == 1 else f"{stem}_{number}" for number in range(1, many + 1)]
    spreads = found.spreads.tolist()
    return [_slider(spec, found, id, chosen, row, spread) for id, row, spread in zip(ids, rows, spreads, strict=False)]


def base(found: VectorFile, spec: GeneratorSpec, name: str) -> Base:
    """The start of an edit from a latent; Invalid where it is none of this generator's."""
    rows = torch.from_numpy(found.rows)
    if found.kind != "latent":
        raise Invalid(f"{name} holds directions, not a latent.", "Keep them as sliders: latentwalk sliders import.")
    if rows.shape[1] != spec.width or len(rows) not in (1, spec.layers):
        layers = f" in 1 or {spec.layers} rows" if spec.layers > 1 else ""
        raise Invalid(
            f"{name} is a latent of {len(rows)} x {rows.shape[1]} numbers, and {spec.name} takes {spec.width}{layers} "
            f"in its space {spec.space}: it was made for another model or another space.",
            "Project the picture with this generator's own weights.",
        )
    return Base(latent=encode_latent(rows[0] if len(rows) == 1 else rows))


def exported(direction: Direction, ending: str) -> bytes:
    """A direction as a file: ours (safetensors), InterFaceGAN's (npy: [1, D]) or GANSpace's components (npz).

    Only a straight direction of z or w has a place in the latter two.
    """
    if ending == "safetensors":
        return to_bytes(direction)
    if direction.walk.kind != "linear" or direction.space not in ("z", "w"):
        raise Invalid(f"{direction.name} is no straight line in z or w.", "Export it as .safetensors.")
    axis = direction.walk.axis()
    assert axis is not None
    row = axis.detach().cpu().numpy().astype(np.float32)[None]
    file = io.BytesIO()
    if ending == "npy":
        np.save(file, row)
        return file.getvalue()
    spread = np.full(1, abs(direction.curve.step(direction.unit.coordinate(direction.range[1])) / 3), np.float32)
    parts: Mapping[str, Any] = {"lat_comp": row[None], "lat_stdev": spread, "lat_mean": np.zeros_like(row[None])}
    np.savez(file, **parts)
    return file.getvalue()


def _check_factors(rows: Tensor, generator: Generator, name: str) -> None:
    # Factors are what the weights they were read off stretch most; to other weights they are any directions.
    weight = generator.input_weights().cpu().double()
    power = weight.T @ weight
    any, best = power.trace() / len(power), torch.linalg.eigvalsh(power)[-CHECKED:].mean()
    found = torch.einsum("nd,de,ne->n", rows[:CHECKED].double(), power, rows[:CHECKED].double()).mean()
    if float((found - any) / (best - any)) < OWN:
        raise Invalid(
            f"{name} holds factors of other weights than those of {generator.spec.name}, which hardly heed them.",
            f"Find its own: latentwalk discover sefa --generator {generator.spec.name}",
        )


def _slider(spec: GeneratorSpec, found: VectorFile, id: str, space: str, row: Tensor, spread: float) -> Direction:
    told = found.format == "GANSpace's components"
    reach = REACH.get(found.format, USUAL)
    return Direction(
        id=id,
        name=id.replace("_", " ").capitalize(),
        group="discovered",
        generator=spec.name,
        fingerprint=spec.fingerprint,
        space=space,
        unit=SIGMA if told else PLAIN,
        walk=LinearWalk(row.clone()),
        curve=Curve.straight(spread, reach),
        range=(-reach, reach),
        track=(-1.5 * reach, 1.5 * reach),
        requested_range=(-reach, reach),
        method="imported",
        seed=0,
        created=datetime.date.today().isoformat(),
        note=NOTE,
        licence="Not known.",
        settings={"format": found.format},
    )
