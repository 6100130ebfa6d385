"""Rows on their way from one database to another: read as JSON, validated, and inserted without overwriting."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Table, delete, insert, select

from latentwalk import edit
from latentwalk.errors import Invalid, LatentwalkError
from latentwalk.films import timeline
from server.storage.db.bookmarks import LONGEST_TITLE, state_id
from server.storage.db.database import Database
from server.storage.db.job import Job, State
from server.storage.db.tables import BOOKMARKS, JOBS, LEDGER, LIBRARY, STATES
from server.storage.objects import SHA256

Rows = Mapping[str, list[dict[str, Any]]]
EXPORTED: Mapping[str, Table] = {
    "library": LIBRARY,
    "states": STATES,
    "bookmarks": BOOKMARKS,
    "jobs": JOBS,
    "ledger": LEDGER,
}
COLUMNS: Mapping[str, tuple[Column[Any], ...]] = {
    # The ledger's ids count its rows in this database and mean nothing in another.
    name: tuple(column for column in table.columns if table is not LEDGER or column.name != "id")
    for name, table in EXPORTED.items()
}
KEYS: Mapping[str, tuple[Column[Any], ...]] = {
    name: (LEDGER.c.sha256, LEDGER.c.created) if table is LEDGER else tuple(table.primary_key.columns)
    for name, table in EXPORTED.items()
}
KEY_PART = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
ID = re.compile(r"[a-z]-[0-9a-f]{1,32}")
HASH = re.compile(r"[0-9a-f]{1,32}")


def read(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row, from one snapshot. Of the jobs only finished ones, and without the person who started them."""
    if not database.exists:
        return {name: [] for name in EXPORTED}
    rows = {}
    with database.reading() as connection:
        for name, table in EXPORTED.items():
            selected = select(*COLUMNS[name]).order_by(*table.primary_key.columns)
            rows[name] = [dict(row) for row in connection.execute(selected).mappings()]
    rows["jobs"] = [row | {"person": None} for row in rows["jobs"] if State(row["state"]).is_end]
    return rows


def validated(data: Any) -> Rows:
    """The rows in untrusted JSON, without columns that this schema lacks.

    Raises Invalid, KeyError, TypeError or ValueError for a row that no server could have exported.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for name, columns in COLUMNS.items():
        rows[name] = [{column.name: row.get(column.name) for column in columns} for row in data.get(name, [])]
        for row in rows[name]:
            VALIDATORS[name](row)
            for column in columns:
                if row[column.name] is None and not column.nullable:
                    raise Invalid(f"A row of the table {name} lacks its {column.name}.", "")
    return rows


def file_hashes(rows: Rows) -> set[str]:
    """The SHA-256 of every file that rows of the library name."""
    return {sha256 for row in rows["library"] for sha256 in (row["sha256"], row["picture"]) if sha256}


def conflicts(database: Database, rows: Rows) -> list[str]:
    """The library items, as GENERATOR/NAME, that exist in `database` with other content than in `rows`."""
    present = {_library_key(row): row["sha256"] for row in read(database)["library"]}
    different = (row for row in rows["library"] if present.get(_library_key(row), row["sha256"]) != row["sha256"])
    return [f"{row['generator']}/{row['name']}" for row in different]


def write(database: Database, rows: Rows) -> None:
    """Insert the rows in one transaction. Library rows replace those of the same key; others leave them unchanged."""
    with database.writing() as connection:
        for name, table in EXPORTED.items():
            for row in rows[name]:
                same_key = [key == row[key.name] for key in KEYS[name]]
                if name == "library":
                    connection.execute(delete(table).where(*same_key))
                elif connection.execute(select(KEYS[name][0]).where(*same_key)).first() is not None:
                    continue
                connection.execute(insert(table).values(row))


def _library_key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["kind"], row["generator"], row["name"]


def _validate_library(row: dict[str, Any]) -> None:
    named = all(KEY_PART.fullmatch(row[part]) for part in ("kind", "generator", "name"))
    if not named or not SHA256.fullmatch(row["sha256"]):
        raise ValueError("not a library row")
    if row["picture"] is not None and not SHA256.fullmatch(row["picture"]):
        raise ValueError("not the SHA-256 of a picture")
    row["bytes"], row["kept"] = int(row["bytes"]), str(row["kept"])[:40]


def _validate_state(row: dict[str, Any]) -> None:
    kind, value = row["kind"], json.loads(row["body"])
    if kind not in ("edit", "timeline"):
        raise ValueError("not a kind of shared state")
    try:
        body = edit.canonical(edit.parse(value)) if kind == "edit" else timeline.canonical(timeline.read(value))
    except LatentwalkError as error:
        raise ValueError("neither an edit nor a timeline") from error
    if row["id"] != state_id(kind, body):
        raise ValueError("the id is not that of the content")
    row["body"], row["created"], row["bytes"] = body, str(row["created"])[:40], len(body.encode())
    row["account"] = ""  # accounts mean something only to the server that has their tokens


def _validate_bookmark(row: dict[str, Any]) -> None:
    if not ID.fullmatch(row["id"]) or not isinstance(row["title"], str) or len(row["title"]) > LONGEST_TITLE:
        raise ValueError("not a bookmark")
    row["state"], row["created"] = str(row["state"])[:64], str(row["created"])[:40]


def _validate_job(row: dict[str, Any]) -> None:
    if not ID.fullmatch(row["id"]) or not State(row["state"]).is_end:
        raise ValueError("not a finished job")
    fields = {name: row[name] for name in Job.__slots__ if name not in ("strip_version", "detail", "state", "place")}
    texts = (fields["kind"], fields["title"], fields["message"], fields["created"])
    objects = (row["error"], row["result"], row["detail"], row["request"])
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(one, dict | None) for one in objects):
        raise ValueError("not a job")
    row |= {"owner": None, "lease": 0.0, "attempts": 0, "mark": 0, "stopping": False, "request": None}
    row["person"] = None  # person ids mean something only to the server that issued them
    row["progress"], row["version"] = float(row["progress"]), int(row["version"])


def _validate_ledger(row: dict[str, Any]) -> None:
    texts = (row["created"], row["format"], row["title"], row["kind"], row["recipe"])
    if not all(isinstance(text, str) for text in texts) or not isinstance(row["export"], str | None):
        raise TypeError("not a ledger entry")
    if not SHA256.fullmatch(row["sha256"]) or not all(HASH.fullmatch(text) for text in row["hashes"]):
        raise ValueError("not the hashes of a ledger entry")
    json.loads(row["recipe"])
    row["bytes"], row["created"] = int(row["bytes"]), row["created"][:40]
    row["format"], row["kind"], row["export"] = (
        row["format"][:20],
        row["kind"][:20],
        row["export"] and row["export"][:40],
    )


VALIDATORS = {
    "library": _validate_library,
    "states": _validate_state,
    "bookmarks": _validate_bookmark,
    "jobs": _validate_job,
    "ledger": _validate_ledger,
}
