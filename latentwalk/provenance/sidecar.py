"""A credential beside a file, for formats that cannot carry one: JSON, signed with the same key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from latentwalk.provenance.c2pa import Credential, ProvenanceClaim
from latentwalk.provenance.keys import SigningKey
from models.hashing import file_sha256

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
LARGEST = 2**20


def sidecar(path: Path, claim: ProvenanceClaim, signing: SigningKey) -> dict[str, Any]:
    """The credential of a finished file. The signature (ECDSA on P-256 with SHA-256, DER, base64) is over the JSON
    of all other fields with sorted keys and no spaces.
    """
    said = {
        "latentwalk": 1,
        "digitalSourceType": TRAINED,
        "sha256": file_sha256(path),
        "bytes": path.stat().st_size,
        "claim": claim.plain(),
        "chain": signing.chain.decode(),
    }
    key = serialization.load_pem_private_key(signing.key, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # keys are checked when they are read
    return {**said, "signature": base64.b64encode(key.sign(_signed(said), ec.ECDSA(hashes.SHA256()))).decode()}


def verify(beside: bytes, data: bytes, anchors: bytes = b"") -> Credential:
    """How far a sidecar's JSON holds for a file's bytes; "trusted" where its chain ends in one of the `anchors`."""
    try:
        said: Any = json.loads(beside) if len(beside) <= LARGEST else None
        signature = base64.b64decode(said.pop("signature"), validate=True)
        chain = x509.load_pem_x509_certificates(said["chain"].encode())
        claim = said["claim"]
        if not isinstance(claim, dict):
            return Credential("none")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error):
        return Credential("none")
    issuer = chain[0].subject.rfc4514_string()[:120]
    try:
        key = chain[0].public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return Credential("invalid", issuer)
        key.verify(signature, _signed(said), ec.ECDSA(hashes.SHA256()))
        for below, above in itertools.pairwise(chain):
            below.verify_directly_issued_by(above)
    except (InvalidSignature, ValueError, TypeError):
        return Credential("invalid", issuer)
    if said.get("sha256") != hashlib.sha256(data).hexdigest():
        return Credential("invalid", issuer, claim)
    known = x509.load_pem_x509_certificates(anchors) if anchors else []
    return Credential("trusted" if chain[-1] in known else "valid", issuer, claim)


def _signed(said: dict[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
