"""Permissions: the role that a route needs, the rate limit of jobs, and the entries of the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from latentwalk.errors import Forbidden, Overloaded, too_much
from server.api.dependencies import services
from server.auth.roles import REASONS, Person, Role
from server.storage.db.job import Job


def person(connection: HTTPConnection) -> Person:
    """The person who sent the request, as `AccessMiddleware` authenticated them."""
    return cast(Person, connection.scope["person"])


PersonDep = Annotated[Person, Depends(person)]


class RoleNeeded:
    """A dependency that refuses people without `role`.

    `job` marks a route that starts a job, `quiet` one that changes nothing and is left out of the audit log.
    """

    def __init__(self, role: Role, *, job: bool = False, quiet: bool = False) -> None:
        self.role, self.job, self.quiet = role, job, quiet

    def __call__(self, connection: HTTPConnection) -> None:
        who, app = person(connection), services(connection)
        if not who.role.covers(self.role):
            app.metrics.refusals.labels("role").inc()
            connection.scope["audit"] = "refused"
            raise forbidden(self.role)
        if self.job and app.lifecycle.draining:
            raise Overloaded("The server is stopping.", "Try again when it is back.")
        if self.job:
            share = app.rate_limits.of(who.id, "jobs")
            if wait := share.ask():
                app.metrics.refusals.labels("rate").inc()
                raise too_much(wait)
            connection.scope["share"] = share  # `RequestLogMiddleware` refunds it when the request failed
        if not self.quiet:
            connection.scope["audit"] = "started" if self.job else "changed"


def needs(role: Role, *, job: bool = False, quiet: bool = False) -> Any:
    """`RoleNeeded` in the form that FastAPI's `dependencies` expects."""
    check: Callable[[HTTPConnection], None] = RoleNeeded(role, job=job, quiet=quiet)
    return Depends(check)


def forbidden(role: Role) -> Forbidden:
    """The error for a person who lacks `role`."""
    return Forbidden("Your role does not allow that.", REASONS[role])


def may_stop(connection: HTTPConnection, job: Job) -> None:
    """Raise Forbidden when the job is another person's and the person who asks is not an editor."""
    who = person(connection)
    if not who.role.covers(Role.EDITOR) and job.person != who.id:
        raise Forbidden("That job belongs to somebody else.", "Ask an editor to stop it.")
