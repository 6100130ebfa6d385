"""A person as the server knows one: a number, what they may do, and how they came in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What people may do; each may also do what those before it may."""

    VIEWER = "viewer"  # explore and export
    EDITOR = "editor"  # learn and upload
    ADMIN = "admin"  # bring generators in, delete

    def covers(self, other: Role) -> bool:
        """Whether whoever is this may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was let in: `id` tells them from others for as long as their browser keeps its cookie.

    `by` is the name of the token that they came with; empty on a server that asks for none.
    """

    id: str
    role: Role
    by: str = ""


REASONS = {
    Role.EDITOR: "To learn, to upload and to keep bookmarks, ask for an editor's link.",
    Role.ADMIN: "To bring generators in and to delete, ask for an administrator's link.",
}
