"""What people start and wait for: learning, discovering, fetching and filming, as jobs that share the device."""

from __future__ import annotations

import asyncio
import datetime
import functools
import queue
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from latentwalk.directions.direction import check_id
from latentwalk.edit import Edit
from latentwalk.errors import Cancelled, Conflict
from latentwalk.inversion import encoder_inversion
from latentwalk.progress import Progress, Work
from latentwalk.steering import transforms
from latentwalk.steering.discovery import Method
from latentwalk.steering.learning.learn import LearnSettings
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.preview_strips import preview_strip
from latentwalk.steering.scores.ratings import Rating
from latentwalk.steering.scores.settings import ScoreSettings
from server.engine.backend import Backend
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.jobs.job import Job, Kind
from server.jobs.runner import JobRunner
from server.jobs.task import Task, run_in_thread
from server.services import external_directions, regressor_learning, regressor_uploads
from server.services.learning import to_jpeg
from server.storage.library import Library
from server.storage.regressors import RegressorEntry, Regressors

T = TypeVar("T")
LEARNING: tuple[Kind, ...] = ("learn", "score", "judge", "discover")
WORDS = {"pca": "PCA", "sefa": "SeFa", "styles": "style"}


class Studio:
    """Checks a request, names it and hands it to the jobs. Refusals are raised here, before there is a job."""

    def __init__(
        self,
        library: Library,
        regressors: Regressors,
        shelf: GeneratorCache,
        lane: InferenceThread,
        jobs: JobRunner,
        backend: Backend,
    ) -> None:
        self._library, self._regressors, self._shelf, self._lane = library, regressors, shelf, lane
        self._jobs, self._backend = jobs, backend
        for kind in LEARNING:
            jobs.knows(kind, functools.partial(self._again, kind))
        jobs.knows("pull", lambda job, request: self._pulling(request))

    async def learn(self, generator: str, settings: LearnSettings, id: str | None = None, *, person: str = "") -> Job:
        """Learn a slider for a transform."""
        transform = transforms.find(settings.transform)
        chosen = id or transform.name
        check_id(chosen)
        request = await self._asked(generator, settings=asdict(settings), id=chosen)
        title = f"Learning {transform.title.lower()} on {generator}"
        return await self._begin("learn", title, request, person)

    async def learn_score(
        self, generator: str, settings: ScoreSettings, second: str | None, id: str | None, *, person: str = ""
    ) -> Job:
        """Learn a slider from a regressor's score."""
        entry = self._regressors.usable(settings.regressor)
        regressor_learning.slider_name(entry, id)
        request = await self._asked(generator, settings=asdict(settings), id=id, second=second)
        title = f"Learning {entry.spec.title.lower()} on {generator}"
        return await self._begin("score", title, request, person)

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
        check_id(name)
        rows = [asdict(one) for one in ratings]
        request = await self._asked(generator, name=name, title=title, ratings=rows, card=dict(card), reason=reason)
        return await self._begin("judge", f"Fitting {len(ratings)} ratings", request, person)

    async def upload(self, data: bytes, name: str, title: str | None) -> RegressorEntry:
        """Keep an uploaded model as a draft of a judge."""
        return await asyncio.to_thread(regressor_uploads.keep_draft, self._regressors, data, name, title, {}, None)

    async def plan(self, name: str, changes: Mapping[str, Any], generator: str) -> RegressorEntry:
        """Try an uploaded judge on a generator's pictures, and keep its plan."""
        ready = await self._shelf.get(generator)
        work = functools.partial(regressor_uploads.confirm_plan, self._regressors, name, changes, ready.exact)
        return await self._lane.run(Priority.STILL, work)

    async def score(self, name: str, edit: Edit) -> tuple[RegressorEntry, float]:
        """What a judge says of an edit's picture."""
        entry = self._regressors.find(name)
        ready = await self._shelf.get(edit.generator)
        judge = await asyncio.to_thread(self._regressors.load, name)
        return entry, await self._lane.run(Priority.STILL, lambda: regressor_learning.score_of(judge, edit, ready))

    async def discover(self, generator: str, method: Method, count: int, *, person: str = "") -> Job:
        """Look for sliders nobody asked for."""
        request = await self._asked(generator, method=method, count=count)
        title = f"Looking for {count} {WORDS[method]} directions on {generator}"
        return await self._begin("discover", title, request, person)

    async def foreign(self, generator: str, data: bytes, name: str, space: str | None, count: int) -> dict[str, Any]:
        """Keep another program's `directions` as sliders, or give the `base` of an edit that starts at its latent."""
        spec = self._library.spec(generator)
        found = await asyncio.to_thread(external_directions.read, data, name, unlocked=self._regressors.unlocked)
        if found.kind == "latent":
            base = external_directions.base(found, spec, name).model_dump(exclude_none=True, exclude_defaults=True)
            return {"directions": [], "base": base}
        ready = await self._shelf.get(generator)
        made = external_directions.directions(found, ready.exact, name, count, space)
        for one in made:
            picture = await self._lane.run(Priority.STILL, functools.partial(preview_strip, ready.exact, one))
            self._library.keep(one, to_jpeg(picture))
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
        picture = await asyncio.to_thread(encoder_inversion.open_picture, data, self._library.spec(generator))
        ready = await self._shelf.get(generator)
        if self._library.encoder(generator) is None:
            raise encoder_inversion.no_encoder(ready.spec)
        drive = functools.partial(self._lane.run, Priority.WORK)
        encoder = self._library.encoder(generator)

        def make(memory: ResumeState) -> Work[Mapping[str, Any]]:
            inversion = yield from encoder_inversion.invert(ready.exact, encoder, picture)
            return inversion.to_json()

        plan = Task(make, drive, "device")
        return await self._jobs.start("invert", f"Bringing a picture into {generator}", plan, person=person)

    async def _asked(self, generator: str, **more: Any) -> dict[str, Any]:
        # What the clock decides is decided once: the date on a card, and which twin of a generator is the quicker.
        loaded = await self._backend.load(generator)
        created = datetime.date.today().isoformat()
        return {"generator": generator, "created": created, "precision": loaded.precision, **more}

    async def _again(self, kind: Kind, job: Job, request: Mapping[str, Any]) -> Task:
        return await self._backend.plan(kind, request)

    async def _begin(self, kind: Kind, title: str, request: Mapping[str, Any], person: str) -> Job:
        return await self._jobs.start(kind, title, await self._backend.plan(kind, request), request, person=person)

    async def _pulling(self, request: Mapping[str, Any]) -> Task:
        def make(memory: ResumeState) -> Work[Mapping[str, Any]]:
            generator = request["generator"]
            if self._library.is_installed(generator):  # a server died between having it and saying so
                yield Progress(1.0, "It is here")
                return {"generator": generator}
            return (yield from pulled(self._library, generator))

        return Task(make, run_in_thread, "network")


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
