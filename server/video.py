"""Walks as films: keyframes to edits to pictures to mp4 or gif, one frame at a time."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from server import codecs, files
from server.codecs import Pixels
from server.directions import Direction
from server.edits import Edit, Number, interpolate, parse
from server.errors import AppError, Invalid
from server.films import WRITERS
from server.steering.progress import Progress, Work
from server.units import Unit

LONGEST, MOST_FRAMES = 300.0, 3600
FASTEST_GIF = 25
Format = Literal["mp4", "gif"]
Draw = Callable[[Edit], Pixels]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Keyframe(_Frozen):
    """An edit, and the seconds it takes from here to the next."""

    edit: Edit
    seconds: Annotated[Number, Field(gt=0, le=LONGEST)]

    @model_validator(mode="before")
    @classmethod
    def _parsed(cls, values: Any) -> Any:
        # Edits have rules of their own, which `parse` keeps for sockets and files alike.
        if isinstance(values, dict) and isinstance(values.get("edit"), dict):
            try:
                return {**values, "edit": parse(values["edit"])}
            except AppError as error:
                raise ValueError(str(error)) from None
        return values


class Recipe(_Frozen):
    """A film: where it passes and how it is written. The same recipe is the same frames.

    The last keyframe's seconds lead back to the first where `loop` is true, else the film ends on it. `easing`
    slows down at each keyframe ("smooth") or not at all ("linear"). `size` is the film's longest side in pixels,
    none the generator's own.
    """

    generator: str
    keyframes: Annotated[tuple[Keyframe, ...], Field(min_length=2, max_length=256)]
    loop: bool = True
    easing: Literal["smooth", "linear"] = "smooth"
    fps: Annotated[int, Field(strict=True, ge=1, le=60)] = 30
    size: Annotated[int, Field(strict=True, ge=32, le=2048)] | None = None
    format: Format = "mp4"

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if any(keyframe.edit.generator != self.generator for keyframe in self.keyframes):
            raise ValueError("A film shows one generator; every keyframe's must be the recipe's")
        if self.seconds > LONGEST:
            raise ValueError(f"A film lasts at most {LONGEST:.0f} seconds")
        if self.frames > MOST_FRAMES:
            raise ValueError(f"A film has at most {MOST_FRAMES} frames; this one would have {self.frames}")
        if self.fps > fps_for(self.format, self.fps):
            raise ValueError(f"A gif runs at {FASTEST_GIF} frames a second at most: browsers slow faster ones down")
        return self

    @property
    def seconds(self) -> float:
        return sum(keyframe.seconds for keyframe in self.keyframes[: None if self.loop else -1])

    @property
    def frames(self) -> int:
        return max(2, round(self.seconds * self.fps))

    def plain(self) -> dict[str, Any]:
        """JSON; edits in their canonical form would be text, so they stay tables with their defaults left out."""
        return self.model_dump(mode="json", exclude_defaults=True)


def read(data: object) -> Recipe:
    """A recipe from decoded JSON; Invalid with one sentence for anything else."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:80]
        reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
        sentence = f"The recipe's {place} is wrong: {reason[0].lower()}{reason[1:]}." if place else f"{reason}."
        raise Invalid(sentence, "A recipe has generator and keyframes, each with an edit and seconds.") from None


def fps_for(format: Format, fps: int) -> int:
    """The frames a second nearest to those wished for that a format can show."""
    return min(fps, FASTEST_GIF) if format == "gif" else fps


def sweep(
    edit: Edit,
    direction: Direction,
    *,
    seconds: float = 4.0,
    fps: int = 30,
    size: int | None = None,
    format: Format = "mp4",
    span: tuple[float, float] | None = None,
) -> Recipe:
    """There and back along one slider, over its usable range unless `span` says otherwise; it loops without a seam."""
    low, high = direction.range if span is None else span
    for amount in (low, high):
        direction.steps(amount)
    ends = [edit.model_copy(update={"amounts": {**edit.amounts, direction.id: amount}}) for amount in (low, high)]
    return read(
        {
            "generator": edit.generator,
            "keyframes": [{"edit": end.model_dump(exclude_defaults=True), "seconds": seconds / 2} for end in ends],
            "fps": fps_for(format, fps),
            "size": size,
            "format": format,
        }
    )


def edits_of(recipe: Recipe, units: Mapping[str, Unit]) -> Iterator[Edit]:
    """The edit of every frame, in order. A loop's frames are at i/N of its time, so the first is not shown twice."""
    stops = list(recipe.keyframes) + ([recipe.keyframes[0]] if recipe.loop else [])
    times = [0.0, *itertools.accumulate(stop.seconds for stop in stops[:-1])]
    count = recipe.frames
    for index in range(count):
        at = times[-1] * index / (count if recipe.loop else count - 1)
        left = min(bisect.bisect_right(times, at), len(times) - 1) - 1
        share = min((at - times[left]) / (times[left + 1] - times[left]), 1.0)
        if recipe.easing == "smooth":
            share = (1 - math.cos(math.pi * share)) / 2
        yield interpolate(stops[left].edit, stops[left + 1].edit, share, units)


@dataclass(frozen=True, slots=True)
class Film:
    """A finished film and its first picture."""

    path: Path
    bytes: int
    width: int
    height: int
    frames: int
    fps: int
    seconds: float
    first: Image.Image


def film(recipe: Recipe, draw: Draw, units: Mapping[str, Unit], path: Path) -> Work[Film]:
    """Render a recipe to `path`, a frame a chunk; nothing is at `path` until all of it is.

    `draw` gives the exact pixels of an edit. Memory does not grow with the film's length.
    """
    recipe_text = recipe.model_dump_json(exclude_defaults=True)
    count = recipe.frames
    with ExitStack() as stack:
        part = stack.enter_context(files.replacing(path))
        first: Image.Image | None = None
        writer = None
        for index, edit in enumerate(edits_of(recipe, units)):
            picture = scaled(codecs.picture(draw(edit)), recipe.size)
            if writer is None:
                first = picture
                samples = [picture]
                if recipe.format == "gif":  # a palette needs an idea of the whole film
                    for sampled in itertools.islice(edits_of(recipe, units), count // 8, None, max(1, count // 8)):
                        samples.append(scaled(codecs.picture(draw(sampled)), recipe.size))
                        yield Progress(0.0, "Choosing colours")
                made = WRITERS[recipe.format](part, picture.size, recipe.fps, recipe_text, samples)
                writer = stack.enter_context(made)
            writer.add(picture)
            yield Progress((index + 1) / (count + 1), f"Frame {index + 1} of {count}")
    assert first is not None
    size = path.stat().st_size
    return Film(path, size, *first.size, count, recipe.fps, count / recipe.fps, first)


def scaled(picture: Image.Image, longest: int | None) -> Image.Image:
    """A picture at the film's size, in RGB, both sides even as video wants them."""
    scale = 1.0 if longest is None else longest / max(picture.size)
    width, height = (max(2, 2 * round(side * scale / 2)) for side in picture.size)
    rgb = picture.convert("RGB")
    return rgb if rgb.size == (width, height) else rgb.resize((width, height), Image.Resampling.LANCZOS)
