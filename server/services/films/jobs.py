"""Start films as background jobs, kept in the archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latentwalk.films.timeline import Timeline, read
from latentwalk.provenance.signing import FileSigner
from server.engine.backend import Backend
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.jobs.runner import JobRunner
from server.jobs.task import Task
from server.services.films import walk_file
from server.services.films.destinations import ArchiveDestination
from server.services.films.walk import audio_path, draw_on_backend, open_walk, walk_title
from server.storage.audio_files import AudioFiles
from server.storage.db.job import Job
from server.storage.film_archive import FilmArchive
from server.storage.library import Library

MOST_TITLE = 200


@dataclass(frozen=True, slots=True)
class FilmRequest:
    """A film to render: its timeline, and the id and title that it is archived under."""

    timeline: Timeline
    export: str
    title: str

    def to_json(self) -> dict[str, Any]:
        """The request as JSON."""
        return {"export": self.export, "recipe": self.timeline.plain(), "title": self.title}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> FilmRequest:
        """Read what `to_json` wrote; Invalid where the recipe is not one."""
        return cls(read(stored["recipe"]), str(stored["export"]), str(stored["title"])[:MOST_TITLE])


class FilmJobs:
    """Checks a timeline and queues a film of it. Every refusal is raised here, before there is a job."""

    def __init__(
        self,
        jobs: JobRunner,
        library: Library,
        generator_cache: GeneratorCache,
        inference_thread: InferenceThread,
        backend: Backend,
        film_archive: FilmArchive,
        signer: FileSigner,
        audio_files: AudioFiles,
    ) -> None:
        self._jobs, self._library, self._backend = jobs, library, backend
        self._generator_cache, self._inference_thread = generator_cache, inference_thread
        self._film_archive, self._signer, self._audio_files = film_archive, signer, audio_files
        jobs.register("export", self._resume)

    async def start(self, timeline: Timeline, *, person: str = "") -> Job:
        """Render a film of a timeline."""
        title = walk_title(timeline, self._library.spec(timeline.generator))
        request = FilmRequest(timeline, self._film_archive.new(), title)
        task = await self._task(request)
        return await self._jobs.start("export", title, task, request.to_json(), person=person)

    async def _resume(self, job: Job, request: Mapping[str, Any]) -> Task:
        return await self._task(FilmRequest.from_json(request))

    async def _task(self, request: FilmRequest) -> Task:
        walk = await open_walk(request.timeline, self._generator_cache, self._inference_thread)
        return walk_file.task(
            walk,
            ArchiveDestination(self._film_archive, request.export, request.title),
            self._signer,
            audio=audio_path(request.timeline, self._audio_files),
            draw=draw_on_backend(self._backend, Priority.WORK),
        )
