"""What people start and wait for: learning, discovering, fetching and filming, as jobs that share the device."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

from PIL import Image

from server import codecs, inversion
from server.directions import checked_id
from server.errors import Cancelled, Conflict
from server.inference import Lane, Priority
from server.jobs import Job, Jobs
from server.library import Library
from server.shelf import Ready, Shelf
from server.steering import transforms
from server.steering.discover import Method, discover
from server.steering.learn import LearnSettings, learn
from server.steering.progress import Progress, Work
from server.steering.strips import strip

T = TypeVar("T")


class Studio:
    """Checks a request, names it and hands it to the jobs. Refusals are raised here, before there is a job."""

    def __init__(self, library: Library, shelf: Shelf, lane: Lane, jobs: Jobs) -> None:
        self._library, self._shelf, self._lane = library, shelf, lane
        self._jobs = jobs

    async def learn(self, generator: str, settings: LearnSettings, id: str | None = None) -> Job:
        """Learn a slider for a transform."""
        transform = transforms.find(settings.transform)
        ready = await self._shelf.get(generator)
        chosen = id or transform.name
        checked_id(chosen)
        title = f"Learning {transform.title.lower()} on {generator}"
        work = learned(self._library, ready, settings, chosen, title_of(chosen, transform.name, transform.title))
        return self._jobs.start("learn", title, work, self._on_the_lane, "device")

    async def discover(self, generator: str, method: Method, count: int) -> Job:
        """Look for sliders nobody asked for."""
        ready = await self._shelf.get(generator)
        title = f"Looking for {count} {method.upper() if method == 'pca' else 'SeFa'} directions on {generator}"
        work = discovered(self._library, ready, method, count)
        return self._jobs.start("discover", title, work, self._on_the_lane, "device")

    async def pull(self, generator: str) -> Job:
        """Fetch a generator's weights."""
        spec = self._library.spec(generator)
        if self._library.is_installed(generator):
            raise Conflict(f"{spec.title} is here already.", "There is nothing to fetch.")
        work = pulled(self._library, generator)
        return self._jobs.start("pull", f"Fetching {spec.title}", work, _in_a_thread, "network")

    async def invert(self, generator: str, data: bytes) -> Job:
        """Find the latent of a picture that somebody brought."""
        picture = await asyncio.to_thread(inversion.opened, data, self._library.spec(generator))
        ready = await self._shelf.get(generator)
        if self._library.encoder(generator) is None:
            raise inversion.without_encoder(ready.spec)
        work = inversion.inverted(self._library, ready, picture)
        return self._jobs.start("invert", f"Bringing a picture into {generator}", work, self._on_the_lane, "device")

    async def _on_the_lane(self, chunk: Callable[[], T]) -> T:
        return await self._lane.run(Priority.WORK, chunk)


async def _in_a_thread(chunk: Callable[[], T]) -> T:
    return await asyncio.to_thread(chunk)


def title_of(id: str, transform: str, title: str) -> str:
    """A slider's name from its id: "zoom_2" learned for Zoom is "Zoom 2"."""
    if id == transform:
        return title
    rest = id.removeprefix(f"{transform}_")
    return f"{title} {rest.replace('_', ' ')}" if rest != id else id.replace("_", " ").capitalize()


def learned(library: Library, ready: Ready, settings: LearnSettings, id: str, name: str) -> Work[Mapping[str, Any]]:
    """Learn a slider and keep it with its strip."""
    direction = yield from learn(ready.quick, settings, id=id, name=name)
    yield Progress(1.0, "Keeping it")
    library.keep(direction, jpeg(strip(ready.exact, direction)))
    return {"generator": direction.generator, "direction": direction.id}


def discovered(library: Library, ready: Ready, method: Method, count: int) -> Work[Mapping[str, Any]]:
    """Find sliders and keep each with its strip."""
    found = yield from discover(ready.exact, method, count=count)
    for number, direction in enumerate(found):
        picture = strip(ready.exact, direction)
        library.keep(direction, jpeg(picture))
        yield Progress(0.9 + 0.1 * (number + 1) / len(found), f"Kept {direction.name}", strip=picture)
    return {"generator": ready.spec.name, "directions": [direction.id for direction in found]}


def pulled(library: Library, generator: str) -> Work[Mapping[str, Any]]:
    """Fetch a generator. Stopping takes effect between the stages: a download in hand is finished, then thrown away."""
    yield from followed(lambda report: library.pull(generator, report))
    return {"generator": generator}


def followed(function: Callable[[Callable[[float, str], None]], None]) -> Generator[Progress, None, None]:
    """Work of a function that reports as it goes: it runs in a thread of its own, and closing makes `report` raise."""
    reports: queue.SimpleQueue[Progress | BaseException | None] = queue.SimpleQueue()
    stopping = threading.Event()

    def report(share: float, message: str) -> None:
        if stopping.is_set():
            raise Cancelled("Cancelled.")
        reports.put(Progress(share, message))

    def run() -> None:
        try:
            function(report)
            reports.put(None)
        except BaseException as error:  # carried to the thread that waits for it
            reports.put(error)

    threading.Thread(target=run, name="followed", daemon=True).start()
    last = Progress(0.0, "Starting")
    try:
        while True:
            try:
                news = reports.get(timeout=0.2)
            except queue.Empty:
                yield last  # a chance to be stopped
                continue
            if news is None:
                return
            if isinstance(news, BaseException):
                raise news
            last = news
            yield last
    finally:
        stopping.set()


def jpeg(array: Any) -> bytes:
    """uint8 [H, W, 3] as a JPEG file."""
    return codecs.encode(Image.fromarray(array.numpy()), "jpg")
