"""What people start and wait for: learning, discovering, fetching and filming, as jobs that share the device."""

from __future__ import annotations

import asyncio
import functools
import queue
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

from PIL import Image

from server import codecs, foreign, inversion, jury, uploads
from server.directions import Direction, checked_id
from server.edits import Edit
from server.errors import Cancelled, Conflict
from server.inference import Lane, Priority
from server.jobs import Job, Jobs
from server.library import Library
from server.regressors import Entry, Regressors
from server.shelf import Ready, Shelf
from server.steering import transforms
from server.steering.discover import Method, discover
from server.steering.learn import LearnSettings, learn
from server.steering.progress import Progress, Work
from server.steering.score.ratings import Rating
from server.steering.score.settings import ScoreSettings
from server.steering.strips import strip

T = TypeVar("T")
WORDS = {"pca": "PCA", "sefa": "SeFa", "styles": "style"}


class Studio:
    """Checks a request, names it and hands it to the jobs. Refusals are raised here, before there is a job."""

    def __init__(self, library: Library, regressors: Regressors, shelf: Shelf, lane: Lane, jobs: Jobs) -> None:
        self._library, self._regressors, self._shelf, self._lane = library, regressors, shelf, lane
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

    async def learn_score(self, generator: str, settings: ScoreSettings, second: str | None, id: str | None) -> Job:
        """Learn a slider from a regressor's score."""
        entry = self._regressors.usable(settings.regressor)
        jury.named(entry, id)
        ready = await self._shelf.get(generator)
        jury.held(ready.directions(), settings.hold, generator)
        seats = await asyncio.to_thread(jury.panel, self._regressors, settings.regressor, second)

        def keep(direction: Direction, picture: Any) -> None:
            self._library.keep(direction, jpeg(picture))

        work = jury.learned(self._library, ready, ready.quick, seats, entry, settings, id, keep)
        title = f"Learning {entry.spec.title.lower()} on {generator}"
        return self._jobs.start("score", title, work, self._on_the_lane, "device")

    async def rate(
        self,
        generator: str,
        name: str,
        title: str,
        ratings: Sequence[Rating],
        card: Mapping[str, str],
        reason: str | None,
    ) -> Job:
        """Make a judge of ratings."""
        checked_id(name)
        ready = await self._shelf.get(generator)
        work = jury.rated(self._regressors, ready.exact, name, title, ratings, card, reason)
        return self._jobs.start("judge", f"Fitting {len(ratings)} ratings", work, self._on_the_lane, "device")

    async def upload(self, data: bytes, name: str, title: str | None) -> Entry:
        """Keep an uploaded model as a draft of a judge."""
        return await asyncio.to_thread(uploads.taken, self._regressors, data, name, title, {}, None)

    async def plan(self, name: str, changes: Mapping[str, Any], generator: str) -> Entry:
        """Try an uploaded judge on a generator's pictures, and keep its plan."""
        ready = await self._shelf.get(generator)
        work = functools.partial(uploads.planned, self._regressors, name, changes, ready.exact)
        return await self._lane.run(Priority.STILL, work)

    async def score(self, name: str, edit: Edit) -> tuple[Entry, float]:
        """What a judge says of an edit's picture."""
        entry = self._regressors.find(name)
        ready = await self._shelf.get(edit.generator)
        judge = await asyncio.to_thread(self._regressors.load, name)
        return entry, await self._lane.run(Priority.STILL, lambda: jury.score_of(judge, edit, ready))

    async def discover(self, generator: str, method: Method, count: int) -> Job:
        """Look for sliders nobody asked for."""
        ready = await self._shelf.get(generator)
        title = f"Looking for {count} {WORDS[method]} directions on {generator}"
        work = discovered(self._library, ready, method, count)
        return self._jobs.start("discover", title, work, self._on_the_lane, "device")

    async def foreign(self, generator: str, data: bytes, name: str, space: str | None, count: int) -> dict[str, Any]:
        """Keep another program's `directions` as sliders, or give the `base` of an edit that starts at its latent."""
        spec = self._library.spec(generator)
        found = await asyncio.to_thread(foreign.read, data, name, unlocked=self._regressors.unlocked)
        if found.kind == "latent":
            base = foreign.base(found, spec, name).model_dump(exclude_none=True, exclude_defaults=True)
            return {"directions": [], "base": base}
        ready = await self._shelf.get(generator)
        made = foreign.directions(found, ready.exact, name, count, space)
        for one in made:
            picture = await self._lane.run(Priority.STILL, functools.partial(strip, ready.exact, one))
            self._library.keep(one, jpeg(picture))
        return {"directions": made, "base": None}

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


def followed(function: Callable[[Callable[[float, str], None]], object]) -> Generator[Progress, None, None]:
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
