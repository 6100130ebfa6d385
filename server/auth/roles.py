"""Roles, and a person as the server knows one: an id, a role, and the token they signed in with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do; each role includes those before it."""

    VIEWER = "viewer"  # explore and export
    EDITOR = "editor"  # learn and upload
    ADMIN = "admin"  # add generators, delete

    def covers(self, other: Role) -> bool:
        """Whether this role includes `other`."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Person:
    """An authenticated person. `id` stays the same for as long as their browser keeps its cookie.

    `by` is the name of the token that they signed in with, "" on a server that asks for none.
    """

    id: str
    role: Role
    by: str = ""


REASONS = {
    Role.EDITOR: "To learn, to upload and to keep bookmarks, ask for an editor's link.",
    Role.ADMIN: "To add generators and to delete, ask for an administrator's link.",
}
