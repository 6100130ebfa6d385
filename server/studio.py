"""What people start and wait for: learning, discovering, fetching and filming, as jobs that share the device."""

from __future__ import annotations

import asyncio
import datetime
import functools
import queue
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from PIL import Image

from models.base import Generator as Model
from models.base import Precision
from server import codecs, foreign, inversion, jury, uploads
from server.directions import Direction, checked_id
from server.edits import Edit
from server.errors import Cancelled, Conflict
from server.inference import Lane, Priority
from server.job import Job
from server.jobs import Jobs
from server.library import Library
from server.plan import Plan, in_a_thread
from server.regressors import Entry, Regressors
from server.shelf import Ready, Shelf
from server.steering import transforms
from server.steering.discover import Method, discover
from server.steering.learn import LearnSettings, learn
from server.steering.memory import Memory
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
        jobs.knows("learn", lambda job, request: self._learning(request))
        jobs.knows("score", lambda job, request: self._scoring(request))
        jobs.knows("judge", lambda job, request: self._rating(request))
        jobs.knows("discover", lambda job, request: self._discovering(request))
        jobs.knows("pull", lambda job, request: self._pulling(request))

    async def learn(self, generator: str, settings: LearnSettings, id: str | None = None, *, person: str = "") -> Job:
        """Learn a slider for a transform."""
        transform = transforms.find(settings.transform)
        chosen = id or transform.name
        checked_id(chosen)
        request = await self._asked(generator, settings=asdict(settings), id=chosen)
        title = f"Learning {transform.title.lower()} on {generator}"
        return await self._jobs.start("learn", title, await self._learning(request), request, person=person)

    async def learn_score(
        self, generator: str, settings: ScoreSettings, second: str | None, id: str | None, *, person: str = ""
    ) -> Job:
        """Learn a slider from a regressor's score."""
        entry = self._regressors.usable(settings.regressor)
        jury.named(entry, id)
        request = await self._asked(generator, settings=asdict(settings), id=id, second=second)
        title = f"Learning {entry.spec.title.lower()} on {generator}"
        return await self._jobs.start("score", title, await self._scoring(request), request, person=person)

    async def rate(
        self,
        generator: str,
        name: str,
        title: str,
        ratings: Sequence[Rating],
        card: Mapping[str, str],
        reason: str | None,
        *,
        person: str = "",
    ) -> Job:
        """Make a judge of ratings."""
        checked_id(name)
        rows = [asdict(one) for one in ratings]
        request = await self._asked(generator, name=name, title=title, ratings=rows, card=dict(card), reason=reason)
        named = f"Fitting {len(ratings)} ratings"
        return await self._jobs.start("judge", named, await self._rating(request), request, person=person)

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

    async def discover(self, generator: str, method: Method, count: int, *, person: str = "") -> Job:
        """Look for sliders nobody asked for."""
        request = await self._asked(generator, method=method, count=count)
        title = f"Looking for {count} {WORDS[method]} directions on {generator}"
        return await self._jobs.start("discover", title, await self._discovering(request), request, person=person)

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

    async def pull(self, generator: str, *, person: str = "") -> Job:
        """Fetch a generator's weights."""
        spec = self._library.spec(generator)
        if self._library.is_installed(generator):
            raise Conflict(f"{spec.title} is here already.", "There is nothing to fetch.")
        request = {"generator": generator}
        title = f"Fetching {spec.title}"
        return await self._jobs.start("pull", title, await self._pulling(request), request, person=person)

    async def invert(self, generator: str, data: bytes, *, person: str = "") -> Job:
        """Find the latent of a picture that somebody brought. The picture is not kept, so no later server can go on."""
        picture = await asyncio.to_thread(inversion.opened, data, self._library.spec(generator))
        ready = await self._shelf.get(generator)
        if self._library.encoder(generator) is None:
            raise inversion.without_encoder(ready.spec)
        plan = self._plan(lambda memory: inversion.inverted(self._library, ready, picture))
        return await self._jobs.start("invert", f"Bringing a picture into {generator}", plan, person=person)

    # How each is done, from its request alone: now, or by a server that takes it up after this one.

    async def _asked(self, generator: str, **more: Any) -> dict[str, Any]:
        # What the clock decides is decided once: the date on a card, and which twin of a generator is the quicker.
        ready = await self._shelf.get(generator)
        created = datetime.date.today().isoformat()
        return {"generator": generator, "created": created, "precision": ready.quick.precision, **more}

    async def _learning(self, request: Mapping[str, Any]) -> Plan:
        ready = await self._shelf.get(request["generator"])
        settings = LearnSettings(**request["settings"])
        if not isinstance(settings.layers, str):  # two numbers, which JSON has as a list
            settings = replace(settings, layers=(settings.layers[0], settings.layers[1]))
        transform = transforms.find(settings.transform)
        quick, id = twin(ready, request["precision"]), request["id"]
        name = title_of(id, transform.name, transform.title)
        date = request["created"]
        return self._plan(lambda memory: learned(self._library, ready, quick, settings, id, name, memory, date))

    async def _scoring(self, request: Mapping[str, Any]) -> Plan:
        generator = request["generator"]
        settings = ScoreSettings(**{**request["settings"], "hold": tuple(request["settings"]["hold"])})
        entry = self._regressors.usable(settings.regressor)
        ready = await self._shelf.get(generator)
        quick = twin(ready, request["precision"])
        jury.held(ready.directions(), settings.hold, generator)
        seats = await asyncio.to_thread(jury.panel, self._regressors, settings.regressor, request["second"])

        def keep(direction: Direction, picture: Any) -> None:
            self._library.keep(direction, jpeg(picture))

        def make(memory: Memory) -> Work[Mapping[str, Any]]:
            id, date = request["id"], request["created"]
            return jury.learned(self._library, ready, quick, seats, entry, settings, id, keep, memory, date)

        return self._plan(make)

    async def _rating(self, request: Mapping[str, Any]) -> Plan:
        ready = await self._shelf.get(request["generator"])
        ratings = [Rating(**row) for row in request["ratings"]]
        name, title, card, reason = (request[part] for part in ("name", "title", "card", "reason"))
        return self._plan(lambda memory: jury.rated(self._regressors, ready.exact, name, title, ratings, card, reason))

    async def _discovering(self, request: Mapping[str, Any]) -> Plan:
        ready = await self._shelf.get(request["generator"])
        return self._plan(lambda memory: discovered(self._library, ready, request["method"], request["count"]))

    async def _pulling(self, request: Mapping[str, Any]) -> Plan:
        def make(memory: Memory) -> Work[Mapping[str, Any]]:
            generator = request["generator"]
            if self._library.is_installed(generator):  # a server died between having it and saying so
                yield Progress(1.0, "It is here")
                return {"generator": generator}
            return (yield from pulled(self._library, generator))

        return Plan(make, in_a_thread, "network")

    def _plan(self, make: Callable[[Memory], Work[Mapping[str, Any]]]) -> Plan:
        return Plan(make, self._on_the_lane, "device")

    async def _on_the_lane(self, chunk: Callable[[], T]) -> T:
        return await self._lane.run(Priority.WORK, chunk)


def twin(ready: Ready, precision: Precision) -> Model:
    """The twin of a generator that work was begun with: the other one gives other bytes."""
    known = next((one for one in (ready.quick, ready.exact) if one.precision == precision), None)
    return known or ready.exact.at(precision)


def title_of(id: str, transform: str, title: str) -> str:
    """A slider's name from its id: "zoom_2" learned for Zoom is "Zoom 2"."""
    if id == transform:
        return title
    rest = id.removeprefix(f"{transform}_")
    return f"{title} {rest.replace('_', ' ')}" if rest != id else id.replace("_", " ").capitalize()


def learned(
    library: Library, ready: Ready, quick: Model, settings: LearnSettings, id: str, name: str,
    memory: Memory | None = None, created: str = "",
) -> Work[Mapping[str, Any]]:  # fmt: skip
    """Learn a slider and keep it with its strip; with a memory, from where it was left."""
    direction = yield from learn(quick, settings, id=id, name=name, memory=memory, created=created)
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
