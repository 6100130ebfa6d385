"""The last step of every export: a finished file is signed, and noted in the ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from latentwalk.directions.direction import Direction
from latentwalk.provenance import c2pa, keys, sidecar
from latentwalk.provenance.c2pa import Credential, ProvenanceClaim
from latentwalk.provenance.keys import SigningKey
from latentwalk.provenance.ledger import Ledger, LedgerEntry
from latentwalk.provenance.perceptual_hash import perceptual_hash
from models import atomic_files
from models.catalogue.hashing import file_sha256, fingerprint
from models.specs import GeneratorSpec

Placement = Literal["embedded", "sidecar", "none"]
INSTALLATION = (
    "Files are signed with a key that this installation generated. That proves that a file is as this installation "
    "wrote it; it does not prove who runs it."
)
OPERATOR = "Files are signed with the operator's certificate, which is as good a proof of identity as its issuer is."
OFF = "Files are not signed: the setting is off."
STREAMED = ("video/mp4",)  # the C2PA library holds files of other types in memory, up to twice, while it signs them
LARGEST_EMBEDDED = 16 * 2**20  # bytes; a larger file of those types gets a sidecar


@dataclass(frozen=True, slots=True)
class Seal:
    """Where the credential of a finished file is; `beside` is the sidecar's JSON where it is not in the file."""

    placement: Placement
    sha256: str
    beside: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SigningStatus:
    """Whether files are signed, whether with the installation's own key, whose certificate, and what that proves."""

    signing: bool
    own: bool
    issuer: str
    sentence: str


class FileSigner:
    """Signs exported files and notes them in a ledger.

    `folder` holds the installation's key, which is generated when the first file is signed; `key` and `chain` are the
    PEM files of an operator, which take its place. With `sign` false, files are noted but not signed. `version` is
    that of the program, for the credential.
    """

    def __init__(
        self, ledger: Ledger, folder: Path,
        *, sign: bool = True, key: Path | None = None, chain: Path | None = None, version: str = "",
    ) -> None:  # fmt: skip
        self.ledger, self._folder, self._version = ledger, folder, version
        self.signs = sign
        self._operator = None if key is None or chain is None else (key, chain)

    def signing_key(self) -> SigningKey:
        """The key and certificates in use. Raises Invalid for an operator's that cannot be used."""
        if self._operator is not None:
            return keys.operator_key(*self._operator)
        return keys.installation_key(self._folder)

    def status(self) -> SigningStatus:
        """What the page says about signing."""
        if not self.signs:
            return SigningStatus(signing=False, own=False, issuer="", sentence=OFF)
        key = self.signing_key()
        return SigningStatus(True, key.own, key.issuer, INSTALLATION if key.own else OPERATOR)

    def view(self) -> dict[str, Any]:
        """The status as JSON."""
        return asdict(self.status())

    def claim(
        self, kind: str, recipe: str, spec: GeneratorSpec, directions: Mapping[str, Direction], used: Sequence[str]
    ) -> ProvenanceClaim:
        """What the credential of a file says: its recipe, and the fingerprints of the generator and used directions."""
        prints = {name: fingerprint(directions[name].walk.tensors()) for name in sorted(used) if name in directions}
        return ProvenanceClaim(kind, recipe, {spec.name: spec.fingerprint}, prints, self._version)

    def embed(self, path: Path, mime: str | None, claim: ProvenanceClaim) -> bool:
        """Sign a finished file in place. Returns False where signing is off or the file cannot carry a credential."""
        if not self.signs or mime is None or (mime not in STREAMED and path.stat().st_size > LARGEST_EMBEDDED):
            return False
        c2pa.sign(path, mime, claim, self.signing_key())
        return True

    def seal(self, path: Path, embedded: bool, claim: ProvenanceClaim) -> Seal:
        """The seal of a finished file; `embedded` is what `embed` returned for it."""
        sha256 = file_sha256(path)
        if embedded or not self.signs:
            return Seal("embedded" if embedded else "none", sha256)
        return Seal("sidecar", sha256, sidecar.sidecar(path, claim, self.signing_key()))

    def note(self, entry: LedgerEntry, images: Sequence[Image.Image]) -> None:
        """Note a file in the ledger with the perceptual hashes of some of its images."""
        self.ledger.note(entry, [perceptual_hash(image) for image in images])

    def credential(self, data: bytes, mime: str, beside: bytes | None = None) -> Credential:
        """The credential in a file's bytes, or in the sidecar `beside` it."""
        anchors = self.signing_key().anchors if self.signs else b""
        if beside is not None:
            return sidecar.verify(beside, data, anchors)
        return c2pa.read(data, mime, anchors) if mime else Credential("none")


def write_sidecar(path: Path, seal: Seal) -> Path | None:
    """Write a sidecar next to its file, as `walk.webm.credential.json`. Returns its path, None where there is none."""
    if seal.beside is None:
        return None
    beside = path.with_name(f"{path.name}.credential.json")
    atomic_files.write(beside, json.dumps(seal.beside, indent=1).encode())
    return beside
