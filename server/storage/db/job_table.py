"""The rows of background work: who holds which job for how long, and what is known of it if its server dies now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import RowMapping, and_, delete, insert, or_, select, update

from server.jobs.job import Job, State
from server.storage.db import lease_owner
from server.storage.db.database import Database, storable
from server.storage.db.tables import JOBS

LEASE = 30.0  # seconds for which a server holds a job without a word
UNDER_WAY = (State.QUEUED, State.RUNNING, State.PAUSED)


@dataclass(frozen=True, slots=True, eq=False)
class JobRow:
    """A job as it is kept, with what people are not shown; `request` is None where it cannot be begun again."""

    job: Job
    request: dict[str, Any] | None = None
    attempts: int = 0
    mark: int = 0
    stopping: bool = False
    owner: str | None = None
    lease: float = 0.0

    def is_free(self, now: float) -> bool:
        """Whether nobody is at work on it, and whoever was will not be again."""
        return self.owner is None or self.lease < now or lease_owner.is_gone(self.owner)


class JobTable:
    """The jobs of a database as `owner` sees them. A save by one that has lost its lease changes nothing."""

    def __init__(self, database: Database, owner: str = "", clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock
        self.owner = owner or lease_owner.this()

    def add(self, job: Job, request: Mapping[str, Any] | None) -> None:
        """Take on a job. It is durable when this returns."""
        held = {"owner": self.owner, "lease": self._clock() + LEASE, "attempts": 0, "mark": 0, "stopping": False}
        with self._database.writing() as connection:
            connection.execute(insert(JOBS).values({**_plain(job), **held, "request": request and dict(request)}))

    def keep(self, kept: Iterable[JobRow]) -> None:
        """Take in jobs from elsewhere as they are, but for those that are here already."""
        with self._database.writing() as connection:
            known = set(connection.execute(select(JOBS.c.id)).scalars())
            for one in kept:
                if one.job.id not in known:
                    more = {name: getattr(one, name) for name in ("request", "attempts", "mark", "stopping")}
                    row = {**_plain(one.job), **more, "owner": None, "lease": 0.0}
                    connection.execute(insert(JOBS).values(row))

    def save(self, job: Job) -> bool:
        """Write down where a job is; False where it is not ours any more, or is gone."""
        values = _plain(job) | {"lease": self._clock() + LEASE}
        if job.state.is_end:
            values["owner"] = None
        with self._database.writing() as connection:
            mine = and_(JOBS.c.id == job.id, JOBS.c.owner == self.owner)
            return connection.execute(update(JOBS).where(mine).values(values)).rowcount == 1

    def begin(self, id: str, mark: int) -> int:
        """Note that a job is begun from checkpoint `mark`; how often it has been from that one, this time included."""
        mine = and_(JOBS.c.id == id, JOBS.c.owner == self.owner)
        with self._database.writing() as connection:
            row = connection.execute(select(JOBS.c.attempts, JOBS.c.mark).where(mine)).first()
            if row is None:
                return 1
            attempts = row.attempts + 1 if row.mark == mark else 1
            connection.execute(update(JOBS).where(mine).values(attempts=attempts, mark=mark))
            return attempts

    def release(self, job: Job, attempts: int = 0) -> None:
        """Leave a job to the next server, by default with a clean slate: a stop is not held against the work."""
        mine = and_(JOBS.c.id == job.id, JOBS.c.owner == self.owner)
        with self._database.writing() as connection:
            connection.execute(update(JOBS).where(mine).values(_plain(job) | {"owner": None, "attempts": attempts}))

    def stop(self, id: str) -> None:
        """Write down that somebody wants a job stopped, whoever holds it."""
        with self._database.writing() as connection:
            connection.execute(update(JOBS).where(JOBS.c.id == id).values(stopping=True))

    def claim(self, kept: JobRow) -> bool:
        """Take over a job whose server is gone; False where another did first."""
        free = and_(JOBS.c.id == kept.job.id, JOBS.c.owner.is_not_distinct_from(kept.owner), _under_way())
        with self._database.writing() as connection:
            held = {"owner": self.owner, "lease": self._clock() + LEASE}
            return connection.execute(update(JOBS).where(free).values(held)).rowcount == 1

    def renew(self) -> set[str]:
        """Hold what is ours for another while; the ids of all that is ours and that somebody wants stopped."""
        mine = and_(JOBS.c.owner == self.owner, _under_way())
        with self._database.writing() as connection:
            connection.execute(update(JOBS).where(mine).values(lease=self._clock() + LEASE))
            return set(connection.execute(select(JOBS.c.id).where(mine, JOBS.c.stopping)).scalars())

    def all(self, most: int | None = None) -> list[JobRow]:
        """Every job, or the newest so many, the newest first."""
        if not self._database.exists:
            return []
        with self._database.reading() as connection:
            found = connection.execute(select(JOBS).order_by(JOBS.c.created.desc(), JOBS.c.id).limit(most))
            return [_kept(row) for row in found.mappings()]

    def requests(self, kind: str) -> list[dict[str, Any]]:
        """What is to be done, or is being done, of a kind."""
        under_way = [kept for kept in self.all() if not kept.job.state.is_end and kept.job.kind == kind]
        return [kept.request for kept in under_way if kept.request is not None]

    def free(self) -> list[JobRow]:
        """What was begun or waits, and has nobody who is at it; oldest first."""
        with self._database.reading() as connection:
            chosen = select(JOBS).where(_under_way(), or_(JOBS.c.owner.is_(None), JOBS.c.owner != self.owner))
            found = [_kept(row) for row in connection.execute(chosen.order_by(JOBS.c.created)).mappings()]
        return [one for one in found if one.is_free(self._clock())]

    def trim(self, most: int) -> None:
        """Forget all but the newest so many; what is under way is never forgotten."""
        with self._database.writing() as connection:
            newest = select(JOBS.c.id).order_by(JOBS.c.created.desc()).limit(most).scalar_subquery()
            connection.execute(delete(JOBS).where(JOBS.c.id.not_in(newest), ~_under_way()))


def _under_way() -> Any:
    return JOBS.c.state.in_([str(state) for state in UNDER_WAY])


def _plain(job: Job) -> dict[str, Any]:
    values = asdict(job)
    del values["strip_version"]  # pictures of work are not kept
    said = {"title": storable(job.title), "message": storable(job.message)}
    return values | said | {"state": str(job.state), "person": job.person or None}


def _kept(row: RowMapping) -> JobRow:
    shown = {name: row[name] for name in Job.__slots__ if name not in ("strip_version", "state", "detail", "person")}
    job = Job(**shown, state=State(row["state"]), detail=row["detail"] or {}, person=row["person"] or "")
    return JobRow(job, row["request"], row["attempts"], row["mark"], bool(row["stopping"]), row["owner"], row["lease"])
