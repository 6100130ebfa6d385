"""The table of jobs: which server holds which job until when, and what another server needs to resume it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import RowMapping, and_, delete, insert, or_, select, update

from server.storage.db import lease_owner
from server.storage.db.database import Database, storable
from server.storage.db.job import Job, State
from server.storage.db.tables import JOBS

LEASE = 30.0  # seconds that a server holds a job without renewing it
UNFINISHED = (State.QUEUED, State.RUNNING, State.PAUSED)


@dataclass(frozen=True, slots=True, eq=False)
class JobRow:
    """A job with the columns that the API does not show; `request` is None when the job cannot be started again."""

    job: Job
    request: dict[str, Any] | None = None
    attempts: int = 0
    mark: int = 0
    stopping: bool = False
    owner: str | None = None
    lease: float = 0.0

    def is_free(self, now: float) -> bool:
        """Whether no server is working on the job, and its last owner will not return to it."""
        return self.owner is None or self.lease < now or lease_owner.is_gone(self.owner)


class JobTable:
    """The jobs of a database as the server `owner` sees them. A server that lost its lease cannot change a row."""

    def __init__(self, database: Database, owner: str = "", clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock
        self.owner = owner or lease_owner.this()

    def add(self, job: Job, request: Mapping[str, Any] | None) -> None:
        """Insert a job, held by this server. It is durable when this returns."""
        lease = {"owner": self.owner, "lease": self._clock() + LEASE, "attempts": 0, "mark": 0, "stopping": False}
        with self._database.writing() as connection:
            connection.execute(insert(JOBS).values({**_values(job), **lease, "request": request and dict(request)}))

    def save(self, job: Job) -> bool:
        """Save a job's progress and renew the lease; False when this server does not hold the job any more."""
        values = _values(job) | {"lease": self._clock() + LEASE}
        if job.state.is_end:
            values["owner"] = None
        with self._database.writing() as connection:
            mine = and_(JOBS.c.id == job.id, JOBS.c.owner == self.owner)
            return connection.execute(update(JOBS).where(mine).values(values)).rowcount == 1

    def begin(self, id: str, mark: int) -> int:
        """Record that a job starts from checkpoint `mark`, and count how often it has started from it, now included."""
        mine = and_(JOBS.c.id == id, JOBS.c.owner == self.owner)
        with self._database.writing() as connection:
            row = connection.execute(select(JOBS.c.attempts, JOBS.c.mark).where(mine)).first()
            if row is None:
                return 1
            attempts = row.attempts + 1 if row.mark == mark else 1
            connection.execute(update(JOBS).where(mine).values(attempts=attempts, mark=mark))
            return attempts

    def release(self, job: Job, attempts: int = 0) -> None:
        """Give up the lease so that the next server takes the job over. An orderly stop is not a failed attempt."""
        mine = and_(JOBS.c.id == job.id, JOBS.c.owner == self.owner)
        with self._database.writing() as connection:
            connection.execute(update(JOBS).where(mine).values(_values(job) | {"owner": None, "attempts": attempts}))

    def stop(self, id: str) -> None:
        """Record that a job is to be cancelled, whichever server holds it."""
        with self._database.writing() as connection:
            connection.execute(update(JOBS).where(JOBS.c.id == id).values(stopping=True))

    def claim(self, row: JobRow) -> bool:
        """Take over a job whose server is gone; False when another server was faster."""
        free = and_(JOBS.c.id == row.job.id, JOBS.c.owner.is_not_distinct_from(row.owner), _unfinished())
        with self._database.writing() as connection:
            lease = {"owner": self.owner, "lease": self._clock() + LEASE}
            return connection.execute(update(JOBS).where(free).values(lease)).rowcount == 1

    def renew(self) -> set[str]:
        """Renew the leases of this server's jobs; the ids of those among them that are to be cancelled."""
        mine = and_(JOBS.c.owner == self.owner, _unfinished())
        with self._database.writing() as connection:
            connection.execute(update(JOBS).where(mine).values(lease=self._clock() + LEASE))
            return set(connection.execute(select(JOBS.c.id).where(mine, JOBS.c.stopping)).scalars())

    def all(self, most: int | None = None) -> list[JobRow]:
        """Every job, or the newest `most`, newest first."""
        if not self._database.exists:
            return []
        with self._database.reading() as connection:
            rows = connection.execute(select(JOBS).order_by(JOBS.c.created.desc(), JOBS.c.id).limit(most))
            return [_job_row(row) for row in rows.mappings()]

    def requests(self, kind: str) -> list[dict[str, Any]]:
        """The requests of the unfinished jobs of one kind."""
        unfinished = [row for row in self.all() if not row.job.state.is_end and row.job.kind == kind]
        return [row.request for row in unfinished if row.request is not None]

    def free(self) -> list[JobRow]:
        """The unfinished jobs that no server works on, oldest first."""
        with self._database.reading() as connection:
            selected = select(JOBS).where(_unfinished(), or_(JOBS.c.owner.is_(None), JOBS.c.owner != self.owner))
            rows = [_job_row(row) for row in connection.execute(selected.order_by(JOBS.c.created)).mappings()]
        return [row for row in rows if row.is_free(self._clock())]

    def trim(self, most: int) -> None:
        """Delete all but the newest `most` jobs; unfinished jobs are never deleted."""
        with self._database.writing() as connection:
            newest = select(JOBS.c.id).order_by(JOBS.c.created.desc()).limit(most).scalar_subquery()
            connection.execute(delete(JOBS).where(JOBS.c.id.not_in(newest), ~_unfinished()))


def _unfinished() -> Any:
    return JOBS.c.state.in_([str(state) for state in UNFINISHED])


def _values(job: Job) -> dict[str, Any]:
    values = asdict(job)
    del values["strip_version"], values["place"]  # neither preview pictures nor queues are stored
    texts = {"title": storable(job.title), "message": storable(job.message)}
    return values | texts | {"state": str(job.state), "person": job.person or None}


def _job_row(row: RowMapping) -> JobRow:
    fields = {
        name: row[name] for name in Job.__slots__ if name not in ("strip_version", "place", "state", "detail", "person")
    }
    job = Job(**fields, state=State(row["state"]), detail=row["detail"] or {}, person=row["person"] or "")
    return JobRow(job, row["request"], row["attempts"], row["mark"], bool(row["stopping"]), row["owner"], row["lease"])
