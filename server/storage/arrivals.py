"""A home that an earlier version left: its jobs, films and directions are taken into the store, and nothing is lost."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latentwalk.errors import LatentwalkError
from models import atomic_files
from server.jobs.job import Job, State, now
from server.storage.db.job_table import JobRow, JobTable
from server.storage.film_archive import DESCRIPTION
from server.storage.learned_directions import LearnedDirections

WISH = "wish.json"  # in a film's folder until it was finished

log = logging.getLogger(__name__)


def take_in(home: Path, learned: LearnedDirections, worklist: JobTable) -> None:
    """Move what lies in files of earlier versions into the store. Each is removed only once it is durable there, so
    that this may be stopped anywhere and done again; what cannot be read stays where it is."""
    for source in (_jobs(home / "jobs"), _films(home / "exports")):
        for path, kept in source:
            if kept is not None:
                worklist.keep([kept])
            atomic_files.remove(path)
    moved = learned.take_in()
    if moved:
        log.info("%d directions were taken into the store", moved)


def _jobs(folder: Path) -> Iterator[tuple[Path, JobRow | None]]:
    for path in sorted(folder.glob("*.json")):
        try:
            stored = _table(path)
            job = Job(**{**stored, "state": State(stored["state"]), "strip_version": 0})
            yield path, JobRow(job)
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("Left out the job %s: %s", path.name, error)


def _films(folder: Path) -> Iterator[tuple[Path, JobRow | None]]:
    # Films that were begun and not finished, oldest first. They become jobs that a server begins again.
    for path in sorted(folder.glob(f"*/{WISH}"), key=lambda path: path.stat().st_mtime):
        if (path.parent / DESCRIPTION).exists():
            yield path, None  # it was finished, and the server stopped before this was done
            continue
        try:
            wish = _table(path)
            title = str(wish.get("title", ""))[:200]
            request = {"export": path.parent.name, "recipe": wish.get("recipe"), "title": title}
            job = Job(f"j-{secrets.token_hex(6)}", "export", title, created=now())
            yield path, JobRow(job, request, attempts=int(wish.get("tries", 0)))
        except (OSError, ValueError, TypeError, LatentwalkError) as error:
            log.warning("Left out the unfinished export %s: %s", path.parent.name, error)


def _table(path: Path) -> dict[str, Any]:
    stored = json.loads(path.read_text())
    if not isinstance(stored, dict):
        raise TypeError("it is not a table")
    return stored
