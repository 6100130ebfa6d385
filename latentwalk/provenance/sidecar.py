"""Sidecar credentials, for formats that cannot carry one: a signed JSON file beside the exported file."""

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
from models.catalogue.hashing import file_sha256

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
LARGEST = 2**20


def sidecar(path: Path, claim: ProvenanceClaim, signing: SigningKey) -> dict[str, Any]:
    """The sidecar of a finished file, as JSON data.

    The signature (ECDSA on P-256 with SHA-256; DER in base64) covers the JSON of all other fields with sorted keys
    and no spaces.
    """
    fields = {
        "latentwalk": 1,
        "digitalSourceType": TRAINED,
        "sha256": file_sha256(path),
        "bytes": path.stat().st_size,
        "claim": claim.plain(),
        "chain": signing.chain.decode(),
    }
    key = serialization.load_pem_private_key(signing.key, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # `keys` checks it on reading
    return {
        **fields,
        "signature": base64.b64encode(key.sign(_signed_bytes(fields), ec.ECDSA(hashes.SHA256()))).decode(),
    }


def verify(beside: bytes, data: bytes, anchors: bytes = b"") -> Credential:
    """The credential in a sidecar `beside` the file `data`; "trusted" where its chain ends in one of the `anchors`.

    Both are untrusted: malformed input has the state "none" or "invalid".
    """
    try:
        fields: Any = json.loads(beside) if len(beside) <= LARGEST else None
        signature = base64.b64decode(fields.pop("signature"), validate=True)
        chain = x509.load_pem_x509_certificates(fields["chain"].encode())
        claim = fields["claim"]
        if not isinstance(claim, dict):
            return Credential("none")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error):
        return Credential("none")
    issuer = chain[0].subject.rfc4514_string()[:120]
    try:
        key = chain[0].public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return Credential("invalid", issuer)
        key.verify(signature, _signed_bytes(fields), ec.ECDSA(hashes.SHA256()))
        for certificate, issuer_certificate in itertools.pairwise(chain):
            certificate.verify_directly_issued_by(issuer_certificate)
    except (InvalidSignature, ValueError, TypeError):
        return Credential("invalid", issuer)
    if fields.get("sha256") != hashlib.sha256(data).hexdigest():
        return Credential("invalid", issuer, claim)
    roots = x509.load_pem_x509_certificates(anchors) if anchors else []
    return Credential("trusted" if chain[-1] in roots else "valid", issuer, claim)


def _signed_bytes(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
