"""Rights: which role a route needs, whose share of jobs it uses up, and that it is written into the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from latentwalk.errors import Forbidden, Overloaded, too_much
from server.api.dependencies import services
from server.auth.roles import REASONS, Person, Role
from server.jobs.job import Job


def person(connection: HTTPConnection) -> Person:
    """Who asks; the guard has let them in."""
    return cast(Person, connection.scope["person"])


PersonDep = Annotated[Person, Depends(person)]


class RoleNeeded:
    """A dependency that lets through whoever has `role`; `job`: the route starts work, `quiet`: it only asks."""

    def __init__(self, role: Role, *, job: bool = False, quiet: bool = False) -> None:
        self.role, self.job, self.quiet = role, job, quiet

    def __call__(self, connection: HTTPConnection) -> None:
        who, house = person(connection), services(connection)
        if not who.role.covers(self.role):
            house.metrics.refusals.labels("role").inc()
            connection.scope["audit"] = "refused"
            raise forbidden(self.role)
        if self.job and house.lifecycle.draining:
            raise Overloaded("The server is stopping.", "Try again when it is back.")
        if self.job:
            share = house.rate_limits.of(who.id, "jobs")
            if wait := share.ask():
                house.metrics.refusals.labels("rate").inc()
                raise too_much(wait)
            connection.scope["share"] = share  # the watch gives it back where no work was started after all
        if not self.quiet:
            connection.scope["audit"] = "started" if self.job else "changed"


def needs(role: Role, *, job: bool = False, quiet: bool = False) -> Any:
    """`RoleNeeded` as FastAPI takes it."""
    check: Callable[[HTTPConnection], None] = RoleNeeded(role, job=job, quiet=quiet)
    return Depends(check)


def forbidden(role: Role) -> Forbidden:
    """What somebody hears who would need `role`."""
    return Forbidden("Your link lets you do less than that.", REASONS[role])


def may_stop(connection: HTTPConnection, job: Job) -> None:
    """Forbidden where this job is somebody else's and whoever asks is no editor."""
    who = person(connection)
    if not who.role.covers(Role.EDITOR) and job.person != who.id:
        raise Forbidden("That is somebody else's work.", "Ask an editor to stop it.")
