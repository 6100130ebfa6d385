"""The ledger of exported files: its values, what a ledger promises, and how perceptual matches are ranked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from latentwalk.provenance.perceptual_hash import MATCH_DISTANCE, distances

MOST_MATCHES = 10


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One exported file.

    created        ISO 8601, UTC
    sha256, bytes  digest and size of the file
    kind, recipe   "walk" or "edit", and its canonical JSON
    export         id of a film in the archive, None for a file that is kept elsewhere
    """

    created: str
    sha256: str
    bytes: int
    format: str
    title: str
    kind: str
    recipe: str
    export: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerMatch:
    """An entry that a file may come from, and the number of bits in which their perceptual hashes differ."""

    entry: LedgerEntry
    distance: int

    def view(self) -> dict[str, Any]:
        """The match as JSON."""
        entry = self.entry
        return {
            "title": entry.title,
            "created": entry.created,
            "format": entry.format,
            "kind": entry.kind,
            "recipe": json.loads(entry.recipe),
            "export": entry.export,
            "distance": self.distance,
        }


class Ledger(Protocol):
    """A record that only grows: deleting a file does not delete its entry."""

    def note(self, entry: LedgerEntry, hashes: Sequence[int]) -> None:
        """Add an entry with the perceptual hashes of some of the file's images."""
        ...

    def find(self, sha256: str, hashes: Sequence[int]) -> list[LedgerMatch]:
        """At most `MOST_MATCHES` entries: those of exactly this file, newest first, at distance 0.

        Where there are none, those with an image similar to one of `hashes`, closest first, see `closest`.
        """
        ...


def closest(hashes: Sequence[int], known: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The entries that look like one of `hashes`, as (entry id, distance), closest first, then newest first.

    `known` holds (entry id, hash) for every stored hash. An entry matches where one of its hashes differs from one of
    `hashes` in at most `MATCH_DISTANCE` bits.
    """
    if not hashes:
        return []
    best: dict[int, int] = {}
    for (id, _), distance in zip(known, distances(hashes, [hash for _, hash in known]), strict=True):
        if distance <= MATCH_DISTANCE:
            best[id] = min(best.get(id, MATCH_DISTANCE), int(distance))
    ranked = sorted(best, key=lambda id: (best[id], -id))
    return [(id, best[id]) for id in ranked[:MOST_MATCHES]]


def timestamp() -> str:
    """The current time as entries hold it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
