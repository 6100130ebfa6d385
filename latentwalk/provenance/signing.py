"""What every file goes through on its way out: XMP is in it already, it is signed, and it is written in the ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from latentwalk.directions.direction import Direction
from latentwalk.edit import Edit
from latentwalk.provenance import c2pa, keys, sidecar
from latentwalk.provenance.c2pa import Credential, ProvenanceClaim
from latentwalk.provenance.keys import SigningKey
from latentwalk.provenance.ledger import Ledger, LedgerEntry, LedgerMatch
from latentwalk.provenance.perceptual_hash import perceptual_hash
from models import atomic_files
from models.hashing import file_sha256, fingerprint
from models.specs import GeneratorSpec
from server.settings import Settings

Sealed = Literal["embedded", "sidecar", "none"]
OWN = (
    "Files are signed with a key that this installation made for itself. That proves that a file is as this "
    "installation wrote it; it does not prove who runs it."
)
BROUGHT = "Files are signed with the operator's certificate, which is as good a proof of identity as its issuer is."
STREAMED = ("video/mp4",)  # the C2PA library holds other files in memory, up to twice, while it signs them
LARGEST_EMBEDDED = 16 * 2**20  # bytes; a larger one of those has its credential beside it
OFF = "Files are not signed: the setting is off."


@dataclass(frozen=True, slots=True)
class Seal:
    """How a finished file says what it is; `beside` is the sidecar's JSON where the file cannot carry one."""

    sealed: Sealed
    sha256: str
    beside: dict[str, Any] | None = None


class FileSigner:
    """Signs and remembers what is made under `settings`. Its key is made when the first file is."""

    def __init__(self, settings: Settings, version: str = "") -> None:
        self._settings, self._version = settings, version
        self.ledger = Ledger(settings.home / "ledger.sqlite")

    @property
    def signs(self) -> bool:
        """Whether files are signed at all."""
        return self._settings.sign

    def signing(self) -> SigningKey:
        """The key and certificates that are in use."""
        key, chain = self._settings.signing_key, self._settings.signing_chain
        if key is not None and chain is not None:
            return keys.operator_key(key, chain)
        return keys.installation_key(self._settings.home / "credentials")

    def view(self) -> dict[str, Any]:
        """What is said of it on the page: JSON."""
        if not self.signs:
            return {"signing": False, "own": False, "issuer": "", "sentence": OFF}
        signing = self.signing()
        sentence = OWN if signing.own else BROUGHT
        return {"signing": True, "own": signing.own, "issuer": signing.issuer, "sentence": sentence}

    def claim(
        self, kind: str, recipe: str, spec: GeneratorSpec, directions: Mapping[str, Direction], used: Sequence[str]
    ) -> ProvenanceClaim:
        """What a file made by `recipe` with these sliders says of where it comes from."""
        prints = {name: fingerprint(directions[name].walk.tensors()) for name in sorted(used) if name in directions}
        return ProvenanceClaim(kind, recipe, {spec.name: spec.fingerprint}, prints, self._version)

    def embed(self, path: Path, mime: str | None, claim: ProvenanceClaim) -> bool:
        """Sign a finished file in place, where its type can carry a credential and signing is on; whether it was."""
        if not self.signs or mime is None or (mime not in STREAMED and path.stat().st_size > LARGEST_EMBEDDED):
            return False
        c2pa.sign(path, mime, claim, self.signing())
        return True

    def seal(self, path: Path, embedded: bool, claim: ProvenanceClaim) -> Seal:
        """The seal of a finished file, `embedded` being what `embed` said of it."""
        sha256 = file_sha256(path)
        if embedded or not self.signs:
            return Seal("embedded" if embedded else "none", sha256)
        return Seal("sidecar", sha256, sidecar.sidecar(path, claim, self.signing()))

    def note(self, entry: LedgerEntry, pictures: Sequence[Image.Image]) -> None:
        """Write a file into the ledger with the looks of some of its pictures."""
        self.ledger.note(entry, [perceptual_hash(picture) for picture in pictures])

    def credential(self, data: bytes, mime: str, beside: bytes | None = None) -> Credential:
        """The credential in a file's bytes, or in the sidecar that was brought with them."""
        anchors = self.signing().anchors if self.signs else b""
        if beside is not None:
            return sidecar.verify(beside, data, anchors)
        return c2pa.read(data, mime, anchors) if mime else Credential("none")


def matches(found: Sequence[LedgerMatch]) -> list[dict[str, Any]]:
    """Matches of the ledger as JSON."""
    return [
        {
            "title": match.entry.title,
            "created": match.entry.created,
            "format": match.entry.format,
            "kind": match.entry.kind,
            "recipe": json.loads(match.entry.recipe),
            "export": match.entry.export,
            "distance": match.distance,
        }
        for match in found
    ]


def sliders_of(edit: Edit) -> tuple[str, ...]:
    """Every direction that has a part in an edit's picture."""
    return tuple(sorted({*edit.amounts, *edit.hold, *edit.layers}))


def write_beside(path: Path, seal: Seal) -> Path | None:
    """Keep a sidecar next to its file, as `walk.webm.credential.json`; its path where there is one."""
    if seal.beside is None:
        return None
    beside = path.with_name(f"{path.name}.credential.json")
    atomic_files.write(beside, json.dumps(seal.beside, indent=1).encode())
    return beside
