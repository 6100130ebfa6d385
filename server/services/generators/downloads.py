"""Download a generator or a regressor from the place that its catalogue entry pins."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from latentwalk.errors import Cancelled, Conflict
from latentwalk.progress import Progress, Work
from latentwalk.steering.learning.resume_state import ResumeState
from models import atomic_files
from models.catalogue import download
from models.regressors import catalogue
from server.jobs.task import Task, run_in_thread
from server.storage.library import Library

Report = Callable[[float, str], None]
POLL = 0.2  # seconds without a report after which a download can be stopped all the same


def check_generator(library: Library, name: str) -> None:
    """Raise NotFound for an unknown generator and Conflict for one that is installed already."""
    spec = library.spec(name)
    if library.is_installed(name):
        raise Conflict(f"{spec.title} is installed already.", "There is nothing to download.")


def generator_task(library: Library, name: str) -> Task:
    """Download a generator. Stopping takes effect between stages: the current file is finished, then discarded."""

    def make(resume_state: ResumeState) -> Work[Mapping[str, Any]]:
        if library.is_installed(name):  # the server stopped after the download and before it was recorded
            yield Progress(1.0, "Installed")
        else:
            yield from report_as_work(lambda report: library.pull(name, report))
        return {"generator": name}

    return Task(make, run_in_thread, "network")


def regressor_terms(name: str) -> str:
    """The licence terms to accept before regressor `name` is downloaded; empty where there are none to accept."""
    regressor = catalogue.pullable().get(name)
    return "" if regressor is None else regressor.terms


def is_regressor(name: str) -> bool:
    """Whether `name` is a regressor that can be downloaded."""
    return name in catalogue.pullable()


def regressor_task(folder: Path, name: str, accepted: bool) -> Task:
    """Download a regressor into `folder`; `accepted` says that its terms, if any, were accepted.

    Raises Conflict where it is installed already; the work raises ModelFailed where terms were not accepted.
    """
    regressor = catalogue.pullable()[name]
    if catalogue.is_installed(name, folder):
        raise Conflict(f"{regressor.spec.title} ({name}) is installed already.", "There is nothing to download.")

    def make(resume_state: ResumeState) -> Work[Mapping[str, Any]]:
        try:
            yield from report_as_work(
                lambda report: download.fetch_weights(regressor, folder, report, accepted=accepted)
            )
        except OSError as error:
            raise atomic_files.storage_error(folder / name, error) from error
        return {"regressor": name}

    return Task(make, run_in_thread, "network")


def report_as_work(function: Callable[[Report], object]) -> Generator[Progress, None, None]:
    """Turn a function that reports its progress to a callback into work that yields it.

    The function runs in its own thread. Closing the generator makes its next report raise Cancelled; its own errors
    are raised here.
    """
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
        except BaseException as error:  # raised again in the thread that drives the work
            reports.put(error)

    threading.Thread(target=run, name="download", daemon=True).start()
    progress = Progress(0.0, "Starting")
    try:
        while True:
            try:
                report_or_end = reports.get(timeout=POLL)
            except queue.Empty:
                yield progress  # so that the work can be closed meanwhile
                continue
            if report_or_end is None:
                return
            if isinstance(report_or_end, BaseException):
                raise report_or_end
            progress = report_or_end
            yield progress
    finally:
        stopping.set()
