"""What commands work with: the settings of the environment, the workspace of the home, and files named by the user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from latentwalk.errors import Invalid, unreadable
from latentwalk.progress import finish
from latentwalk.steering.learning.resume_state import ResumeState
from server.auth.tokens import TokenStore
from server.cli import output
from server.jobs.task import Task
from server.services.directions.sinks import DirectionSink, FolderSink, LibrarySink
from server.services.workspace import Workspace
from server.settings import Settings


def settings(**options: Any) -> Settings:
    """The settings of the environment, overridden by those options that were given (are not None)."""
    return Settings.read(**{name: value for name, value in options.items() if value is not None})


def workspace(**options: Any) -> Workspace:
    """The workspace of the home, opened under `settings(**options)`."""
    return Workspace.open(settings(**options))


def tokens() -> TokenStore:
    """The access tokens of the home."""
    return TokenStore(settings().home / "access")


def direction_sink(workspace: Workspace, out: Path | None) -> DirectionSink:
    """Where a command keeps directions: in the folder `out` or, without one, in the library."""
    return LibrarySink(workspace.library) if out is None else FolderSink(out)


def run(task: Task) -> Mapping[str, Any]:
    """Run a task to its end in this process, with a progress bar on stderr. Returns its result."""
    return finish(task.start(ResumeState()), output.progress())


def read_file(path: Path) -> bytes:
    """The bytes of a file that the user named; NotFound where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None


def suffix_of(path: Path, known: Iterable[str]) -> str:
    """The suffix of a file name without its dot, in lower case; Invalid unless it is one of `known`."""
    suffixes = list(known)
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in suffixes:
        raise Invalid(f"“{path.name}” has no known file extension.", f"Use one of .{', .'.join(suffixes)}.")
    return suffix
