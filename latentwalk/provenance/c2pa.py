"""Content credentials: a signed C2PA manifest in a file that says that a model made it, which model, and the recipe.

A credential proves that the file is unchanged since it was signed. Who signed it, only an operator's certificate can
prove; the certificate that an installation generates for itself cannot.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import c2pa  # type: ignore[import-untyped]

from latentwalk.errors import StorageFailed
from latentwalk.provenance.keys import SigningKey
from models import atomic_files

State = Literal["trusted", "valid", "invalid", "none"]
LABEL = "urn.latentwalk.recipe"
TRAINED = c2pa.C2paDigitalSourceType.TRAINED_ALGORITHMIC_MEDIA
SENTENCES: Mapping[State, str] = {
    "trusted": "Its content credential is intact and was signed with this installation's key.",
    "valid": "Its content credential is intact. That proves the file unchanged since, not who signed it.",
    "invalid": "Its content credential does not match: the file was changed after it was signed.",
    "none": "It carries no content credential; many programs and sites remove them.",
}


@dataclass(frozen=True, slots=True)
class ProvenanceClaim:
    """What a credential says about a file.

    `kind` is "walk" or "edit" and `recipe` its canonical JSON. `generator` and `directions` map names to fingerprints
    of weights. `version` is that of the program.
    """

    kind: str
    recipe: str
    generator: Mapping[str, str]
    directions: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    def plain(self) -> dict[str, Any]:
        """The claim as JSON data."""
        return {
            "kind": self.kind,
            "recipe": json.loads(self.recipe),
            "generator": dict(self.generator),
            "directions": dict(self.directions),
        }


@dataclass(frozen=True, slots=True)
class Credential:
    """The result of reading a credential: its state, the certificate's name, and Latentwalk's claim if any."""

    state: State
    issuer: str = ""
    claim: Mapping[str, Any] | None = None

    @property
    def sentence(self) -> str:
        """What the state means, as a sentence for people."""
        return SENTENCES[self.state]


def sign(path: Path, mime: str, claim: ProvenanceClaim, signing: SigningKey) -> None:
    """Embed a signed manifest in a finished file. XMP must be in the file already: any later change invalidates it.

    Raises StorageFailed where the file cannot be signed.
    """
    manifest = {
        "claim_generator_info": [{"name": "Latentwalk", "version": claim.version or "unknown"}],
        "title": path.name.split(".")[1] if path.name.startswith(".") else path.name,
        "format": mime,
        "assertions": [{"label": LABEL, "data": claim.plain()}],
    }
    # No time stamp is requested, because that would be a call to a third party's server.
    info = c2pa.C2paSignerInfo(
        alg=c2pa.C2paSigningAlg.ES256, sign_cert=signing.chain, private_key=signing.key, ta_url=None
    )
    try:
        with (
            atomic_files.replacing(path) as part,
            _context() as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(manifest, context) as builder,
            path.open("rb") as source,
            part.open("w+b") as target,
        ):
            builder.set_intent(c2pa.C2paBuilderIntent.CREATE, TRAINED)
            builder.sign(signer, mime, source, target)
    except c2pa.C2paError as error:
        raise StorageFailed(f"{path.name} could not be signed.", "Check the signing key in the settings.") from error


def read(data: bytes, mime: str, anchors: bytes = b"") -> Credential:
    """The credential in a file's bytes; "trusted" where its chain ends in one of the `anchors` (PEM).

    The file is untrusted: no URL in it is fetched, and one that cannot be read has the state "none".
    """
    try:
        with _context(anchors) as context, c2pa.Reader(mime, io.BytesIO(data), context=context) as reader:
            store = json.loads(reader.json())
    except (c2pa.C2paError, ValueError, RecursionError, OSError):
        return Credential("none")
    active = store.get("manifests", {}).get(store.get("active_manifest"), {})
    states: Mapping[str, State] = {"Trusted": "trusted", "Valid": "valid"}
    state = states.get(str(store.get("validation_state")), "invalid")
    claims = [one.get("data") for one in active.get("assertions", []) if one.get("label") == LABEL]
    signature = active.get("signature_info") or {}
    claim = claims[0] if claims and isinstance(claims[0], dict) else None
    return Credential(state, str(signature.get("common_name") or signature.get("issuer") or "")[:120], claim)


def _context(anchors: bytes = b"") -> c2pa.Context:
    verify = {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False}
    trust = {"trust": {"user_anchors": anchors.decode()}} if anchors else {}
    core = {"backing_store_memory_threshold_in_mb": 8}  # a long film is signed on disk
    options = {"verify": verify, "core": core, "builder": {"thumbnail": {"enabled": False}}, **trust}
    return c2pa.Context.from_dict(options)
