"""Films of walks and sweeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from latentwalk.directions.direction import Direction
from latentwalk.edit import Edit
from latentwalk.errors import Invalid
from latentwalk.films import presets
from latentwalk.films.encoding.formats import format_for
from latentwalk.films.render import Film, render_film
from latentwalk.films.route import checked_route
from latentwalk.films.timeline import Timeline, fps_for, read
from latentwalk.notebook.generator_handle import AnyGenerator, open_generator
from latentwalk.progress import Progress, finish
from latentwalk.rendering.draw import draw


def sweep(
    edit: Edit, direction: Direction, *, seconds: float = 4.0, span: tuple[float, float] | None = None
) -> Timeline:
    """The timeline of a loop along one direction and back, for `export_film`.

    `seconds` is its length (at most 1200), `span` the lowest and highest amount in the direction's unit; None is its
    usable range. Raises Invalid where `span` leaves the direction's track.
    """
    return presets.sweep(edit, direction, seconds=seconds, span=span)


def export_film(
    generator: AnyGenerator,
    timeline: Timeline | Mapping[str, Any],
    path: str | Path,
    *,
    fps: int | None = None,
    size: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Film:
    """Render a timeline (or its JSON data) to a file. The file's extension selects the format.

    The formats are .mp4 (H.264), .webm (VP9), .gif, .png (animated), .webp and .zip (of PNGs). `fps` (1 to 60; a GIF
    has at most 25) and `size` (the longer side of an image, 32 to 2048 px) replace those of the timeline. The file
    carries its recipe and says in XMP that a model made it; unlike the files of `latentwalk export` it is not signed.

    Raises Invalid where the timeline is not valid, the generator cannot make one of its keyframes, or the extension is
    unknown; StorageFailed where the disk fails.
    """
    handle, out = open_generator(generator), Path(path)
    parsed = timeline if isinstance(timeline, Timeline) else read(timeline)
    if parsed.audio is not None:
        raise Invalid("The timeline has audio, which is stored in a home.", "Use: latentwalk export RECIPE.json")
    format = format_for(out, parsed.output.format)
    changes = {"format": format, "fps": fps_for(format, fps or parsed.output.fps), "size": size or parsed.output.size}
    whole = read({**parsed.plain(), "output": {**parsed.output.model_dump(), **changes}})
    loaded = handle.loaded()
    route = checked_route(whole, loaded.exact, handle.directions)
    work = render_film(route, lambda edit: draw(edit, loaded), handle.directions, out)
    return finish(work, progress or (lambda _: None))
