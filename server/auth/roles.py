"""Roles, and a person as the server knows one: an id, a role, and the token they signed in with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SEPARATOR = "/"  # in a person's id; it occurs in no token's name and in no address


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

    `by` is the name of the token that they signed in with, "" on a server that asks for none. Limits are counted for
    the `account`, the first part of the id: anybody can become a new person by opening their link again.
    """

    id: str
    role: Role
    by: str = ""

    @property
    def account(self) -> str:
        """What limits are counted for; see `account_of`."""
        return account_of(self.id)


def person_id(account: str, browser: str) -> str:
    """The id of a person: the account, and what tells one browser or program from another."""
    return f"{account}{SEPARATOR}{browser}"


def token_account(name: str) -> str:
    """The account of everybody who signed in with the token of this name."""
    return f"token-{name}"


def address_account(address: str) -> str:
    """The account of everybody at an IP address, on a server that asks for no token."""
    return f"at-{address}"


def account_of(person: str) -> str:
    """The account of a person, given their id. An id of one part, a program's with a token, is its own account."""
    return person.partition(SEPARATOR)[0]


REASONS = {
    Role.EDITOR: "To learn, to upload and to keep bookmarks, ask for an editor's link.",
    Role.ADMIN: "To add generators and to delete, ask for an administrator's link.",
}
