"""Timelines from files: a recipe as JSON, or the recipe that an exported file carries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from latentwalk.directions.direction import Direction
from latentwalk.edit import Edit
from latentwalk.errors import Invalid
from latentwalk.films.encoding import formats
from latentwalk.films.presets import sweep
from latentwalk.films.recipe_extraction import recipe_of
from latentwalk.films.timeline import Quality, Timeline, fps_for, read


def sweep_timeline(
    edit: Edit, direction: Direction, out: Path, *, seconds: float, fps: int, size: int | None
) -> Timeline:
    """The timeline of a film along one slider and back, in the format that the suffix of `out` names."""
    format = formats.format_for(out)
    output = {"format": format, "fps": fps_for(format, fps), "size": size}
    return sweep(edit, direction, seconds=seconds, output=output)


def timeline_for(
    timeline: Timeline, out: Path, *, format: str | None = None, quality: Quality | None = None
) -> Timeline:
    """The timeline with its output changed to the suffix of `out`; `format` chooses where a suffix leaves it open."""
    known = next((one for one in formats.containers() if one == (format or timeline.output.format)), None)
    if format is not None and known is None:
        raise Invalid(f"There is no format “{format[:20]}”.", f"Choose one of {', '.join(formats.containers())}.")
    chosen = formats.format_for(out, known)
    output: dict[str, Any] = timeline.output.model_dump()
    output |= {"format": chosen, "fps": fps_for(chosen, timeline.output.fps)}
    if quality in get_args(Quality):
        output["quality"] = quality
    return read({**timeline.plain(), "output": output})


def timeline_in(data: bytes, name: str) -> Timeline:
    """The timeline that a file called `name` is or carries; Invalid for a single image, and for anything else."""
    try:
        kind, recipe = recipe_of(data)
    except Invalid as error:
        if data.lstrip()[:1] == b"{":
            read(_json(data, name))  # raises an error that names the fault
        raise Invalid(f"{name} is not a recipe.", error.hint) from None
    if kind != "walk":
        raise Invalid(f"{name} is one image, not a walk.", "Drop it on the page to continue from it.")
    return read(recipe)


def _json(data: bytes, name: str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Invalid(f"{name} is not JSON.", "`latentwalk walk --recipe` writes a recipe to start from.") from None
