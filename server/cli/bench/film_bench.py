"""The overhead of a film: an export against its forward passes and its encoder alone, in one run."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from latentwalk.edit import parse
from latentwalk.films.constant_speed import identity_pace
from latentwalk.films.encoding.formats import containers
from latentwalk.films.encoding.writer import WriterOptions
from latentwalk.films.layout import compose
from latentwalk.films.presets import PresetRequest, back_and_forth, random_walk
from latentwalk.films.render import frame_edits, render_film
from latentwalk.films.route import Route, route_of
from latentwalk.films.timeline import Format, Timeline, canonical, fps_for, read
from latentwalk.progress import finish
from latentwalk.provenance.xmp import packet
from latentwalk.rendering.device import pick_device, tune_threads
from latentwalk.rendering.draw import draw
from latentwalk.rendering.loaded_generator import LoadedGenerator
from server.settings import Settings
from server.storage.library import Library

FPS = 30


def bench(
    settings: Settings, generator: str, frames: int = 300, format: Format = "mp4", rounds: int = 10
) -> dict[str, Any]:
    """Seconds of drawing `frames` images, of encoding them, and of the whole export; `ratio` is that over the sum.

    Each is divided into rounds that alternate, so that other load on the machine affects all of them alike.
    """
    tune_threads()
    library = Library(settings.home)
    exact = library.load(generator, pick_device(settings.device))
    loaded = LoadedGenerator(exact, exact, lambda: library.directions(generator))
    each = max(2, frames // rounds)
    route = _route(loaded, each, format)
    spent = {"forward": 0.0, "encode": 0.0, "export": 0.0}
    edits = [cells[0] for cells in frame_edits(route, identity_pace(route.timeline.length))]
    pictures = [compose(route.timeline, [draw(edit, loaded)]) for edit in edits]  # which also warms up the generator
    recipe = canonical(route.timeline)
    plan = WriterOptions(pictures[0].size, FPS, each, "good", recipe, packet("walk", recipe), tuple(pictures[:8]))
    with tempfile.TemporaryDirectory(prefix="latentwalk-") as folder:

        def forward() -> None:
            for edit in edits:
                draw(edit, loaded)

        def encode() -> None:
            with containers()[format].writer(Path(folder) / "encoded", plan) as writer:
                for picture in pictures:
                    writer.add(picture)

        def export() -> None:
            finish(render_film(route, lambda edit: draw(edit, loaded), loaded.directions(), Path(folder) / "exported"))

        parts: dict[str, Callable[[], None]] = {"forward": forward, "encode": encode, "export": export}
        orders = itertools.cycle(itertools.permutations(parts))
        for _, order in zip(range(rounds), orders, strict=False):
            for name in order:
                begin = time.perf_counter()
                parts[name]()
                spent[name] += time.perf_counter() - begin
    seconds = {f"{name}_s": round(total, 3) for name, total in spent.items()}
    ratio = spent["export"] / (spent["forward"] + spent["encode"])
    count = each * rounds
    facts = {"generator": generator, "device": str(exact.device), "format": format, "frames": count}
    return {**facts, **seconds, "ratio": round(ratio, 3)}


def _route(loaded: LoadedGenerator, frames: int, format: Format) -> Route:
    directions = loaded.directions()
    edit = parse({"generator": loaded.spec.name, "base": {"seed": 7}})
    request = PresetRequest(edit, frames / FPS, 4, next(iter(directions), None))
    timeline: Timeline = (back_and_forth if directions else random_walk)(request, loaded.spec, directions)
    output = {"format": format, "fps": fps_for(format, FPS)}
    timed = read({**timeline.plain(), "speed": "timed", "output": output})
    return route_of(timed, {name: direction.unit for name, direction in directions.items()}, loaded.spec)
