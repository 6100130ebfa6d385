"""Read where a file comes from: whether it was made here, its content credential, and the recipe it carries."""

from __future__ import annotations

import hashlib
from typing import Any

from PIL import Image

from latentwalk.edit import parse
from latentwalk.errors import Invalid
from latentwalk.films.encoding import untrusted_media
from latentwalk.films.recipe_extraction import media_type, recipe_of
from latentwalk.films.timeline import read
from latentwalk.provenance.c2pa import Credential
from latentwalk.provenance.perceptual_hash import perceptual_hash
from latentwalk.provenance.signing import FileSigner

SENTENCES = {
    "here": "This very file was made here.",
    "alike": "Something that looks like it was made here.",
    "no": "Nothing like it was made here.",
}


def check_file(data: bytes, signer: FileSigner, sidecar: bytes | None = None) -> dict[str, Any]:
    """Look a file up in the ledger, by its SHA-256 and else by its appearance, and verify its credential. JSON.

    `sidecar` is the credential that lies beside a file whose format cannot carry one.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    entries = signer.ledger.find(sha256, [])
    verdict = "here" if entries else "no"
    if not entries:
        entries = signer.ledger.find(sha256, _perceptual_hashes(data))
        verdict = "alike" if entries else "no"
    credential = signer.credential(data, media_type(data), sidecar)
    return {
        "made": verdict,
        "sentence": SENTENCES[verdict],
        "matches": [match.view() for match in entries],
        "credential": credential_view(credential),
    }


def restore_file(data: bytes, signer: FileSigner) -> dict[str, Any]:
    """The recipe that a file carries, as JSON: its kind, a timeline or an edit, and its credential.

    Raises Invalid where it carries none.
    """
    kind, recipe = recipe_of(data)
    credential = credential_view(signer.credential(data, media_type(data)))
    if kind == "walk":
        return {"kind": kind, "timeline": read(recipe).plain(), "credential": credential}
    edit = parse(recipe).model_dump(mode="json", exclude_defaults=True)
    return {"kind": kind, "edit": edit, "credential": credential}


def credential_view(credential: Credential) -> dict[str, Any]:
    """A credential as JSON."""
    return {
        "state": credential.state,
        "sentence": credential.sentence,
        "issuer": credential.issuer,
        "claim": None if credential.claim is None else dict(credential.claim),
    }


def _perceptual_hashes(data: bytes) -> list[int]:
    try:
        return [perceptual_hash(Image.fromarray(frame)) for frame in untrusted_media.decode_frames(data)]
    except Invalid:  # not an image and not a film, so nothing can look like it
        return []
