"""Rows on their way out of one database and into another: as JSON, checked, and never over what is there."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, delete, insert, select

from latentwalk import edit
from latentwalk.errors import Invalid, LatentwalkError
from latentwalk.films import timeline
from server.jobs.job import Job, State
from server.storage.db.bookmarks import LONGEST_TITLE, SHORT
from server.storage.db.database import Database
from server.storage.db.tables import BOOKMARKS, JOBS, LIBRARY, STATES
from server.storage.objects import NAME as SHA256

Rows = Mapping[str, list[dict[str, Any]]]
MOVED: Mapping[str, Table] = {"library": LIBRARY, "states": STATES, "bookmarks": BOOKMARKS, "jobs": JOBS}
PLACE = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
ID = re.compile(r"[a-z]-[0-9a-f]{1,32}")


def read(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of one moment; of jobs those that came to an end, and not who started them."""
    if not database.exists:
        return {name: [] for name in MOVED}
    with database.reading() as connection:
        found = {name: [dict(row) for row in connection.execute(select(table)).mappings()]
                 for name, table in MOVED.items()}  # fmt: skip
    found["jobs"] = [row | {"person": None} for row in found["jobs"] if State(row["state"]).is_end]
    return found


def checked(told: Any) -> Rows:
    """The rows that somebody brought, as far as they are known here; Invalid, KeyError, TypeError or ValueError for
    one that cannot be."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, table in MOVED.items():
        wanted = {column.name for column in table.columns}
        found[name] = [{key: row.get(key) for key in wanted} for row in told.get(name, [])]
        for row in found[name]:
            CHECKS[name](row)
            for column in table.columns:
                if row[column.name] is None and not column.nullable:
                    raise Invalid(f"A row of {name} does not say its {column.name}.", "")
    return found


def named(rows: Rows) -> set[str]:
    """The SHA-256 of every file that rows name."""
    return {sha256 for row in rows["library"] for sha256 in (row["sha256"], row["picture"]) if sha256}


def clashes(database: Database, rows: Rows) -> list[str]:
    """The places on the shelves that hold something else than the rows would put there."""
    here = {(row["kind"], row["generator"], row["name"]): row["sha256"] for row in read(database)["library"]}
    found = []
    for row in rows["library"]:
        if here.get((row["kind"], row["generator"], row["name"]), row["sha256"]) != row["sha256"]:
            found.append(f"{row['generator']}/{row['name']}")
    return found


def write(database: Database, rows: Rows) -> None:
    """Put the rows in, all or none: what is on a shelf is replaced, all else stays as it is where it is there."""
    with database.writing() as connection:
        for name, table in MOVED.items():
            keys = list(table.primary_key.columns)
            for row in rows[name]:
                mine = [key == row[key.name] for key in keys]
                if name == "library":
                    connection.execute(delete(table).where(*mine))
                elif connection.execute(select(keys[0]).where(*mine)).first() is not None:
                    continue
                connection.execute(insert(table).values(row))


def _library(row: dict[str, Any]) -> None:
    fine = all(PLACE.fullmatch(row[part]) for part in ("kind", "generator", "name")) and SHA256.fullmatch(row["sha256"])
    if not fine or not (row["picture"] is None or SHA256.fullmatch(row["picture"])):
        raise ValueError("no place on a shelf")
    row["bytes"], row["kept"] = int(row["bytes"]), str(row["kept"])[:40]


def _states(row: dict[str, Any]) -> None:
    kind, value = row["kind"], json.loads(row["body"])
    if kind not in ("edit", "timeline"):
        raise ValueError("no kind of state")
    try:
        body = edit.canonical(edit.parse(value)) if kind == "edit" else timeline.canonical(timeline.read(value))
    except LatentwalkError as error:
        raise ValueError("no state") from error
    if row["id"] != hashlib.sha256(f"{kind}\n{body}".encode()).hexdigest()[:SHORT]:
        raise ValueError("a state of another name")
    row["body"], row["created"] = body, str(row["created"])[:40]


def _bookmarks(row: dict[str, Any]) -> None:
    if not ID.fullmatch(row["id"]) or not isinstance(row["title"], str) or len(row["title"]) > LONGEST_TITLE:
        raise ValueError("no bookmark")
    row["state"], row["created"] = str(row["state"])[:64], str(row["created"])[:40]


def _jobs(row: dict[str, Any]) -> None:
    if not ID.fullmatch(row["id"]) or not State(row["state"]).is_end:
        raise ValueError("a job that is under way")
    shown = {name: row[name] for name in Job.__slots__ if name not in ("strip_version", "detail", "state")}
    texts = (shown["kind"], shown["title"], shown["message"], shown["created"])
    tables = (row["error"], row["result"], row["detail"], row["request"])
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(one, dict | None) for one in tables):
        raise ValueError("not a job")
    row |= {"owner": None, "lease": 0.0, "attempts": 0, "mark": 0, "stopping": False, "request": None}
    row["person"] = None  # people are known to the server that let them in, and to no other
    row["progress"], row["version"] = float(row["progress"]), int(row["version"])


CHECKS = {"library": _library, "states": _states, "bookmarks": _bookmarks, "jobs": _jobs}
