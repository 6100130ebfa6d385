"""The signing key of an installation: one that it generates for itself, or the operator's."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from latentwalk.errors import Invalid, os_reason
from models import atomic_files

KEY, CHAIN = "key.pem", "chain.pem"
YEARS = 10


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key (PKCS 8, PEM) and its certificate chain (PEM, leaf first).

    `own` means that this installation generated them. They then prove that a file is as this installation wrote it,
    and nothing about who runs it.
    """

    key: bytes = field(repr=False)
    chain: bytes
    own: bool

    @property
    def issuer(self) -> str:
        """The common name of the certificate, which readers of a signed file see."""
        names = x509.load_pem_x509_certificate(self.chain).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(names[0].value) if names else ""

    @property
    def anchors(self) -> bytes:
        """The root of the chain, PEM."""
        top = x509.load_pem_x509_certificates(self.chain)[-1]
        return top.public_bytes(serialization.Encoding.PEM)


def installation_key(folder: Path) -> SigningKey:
    """The installation's key in `folder`, generated on the first call. Only the owner of the process can read it.

    Raises StorageFailed where the folder cannot be read or written.
    """
    try:
        return SigningKey((folder / KEY).read_bytes(), (folder / CHAIN).read_bytes(), own=True)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise atomic_files.storage_error(folder / KEY, error) from error
    key, chain = generate()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Both files are in a folder that is renamed at once, so that concurrent processes agree on one pair.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".key.") as name:
            pair = Path(name) / "pair"
            pair.mkdir(mode=0o700)
            for path, data in ((pair / KEY, key), (pair / CHAIN, chain)):
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                atomic_files.sync(path)
            try:
                pair.rename(folder)  # replaces an empty folder only
            except OSError:
                if not (folder / KEY).exists():
                    raise
        return SigningKey((folder / KEY).read_bytes(), (folder / CHAIN).read_bytes(), own=True)
    except OSError as error:
        raise atomic_files.storage_error(folder / KEY, error) from error


def operator_key(key: Path, chain: Path) -> SigningKey:
    """An operator's key and certificates. Raises Invalid where they cannot be read, used, or do not match."""
    try:
        data, certificates = key.read_bytes(), chain.read_bytes()
        private = serialization.load_pem_private_key(data, password=None)
        leaf = x509.load_pem_x509_certificate(certificates)
    except OSError as error:
        message = f"The signing key or certificate cannot be read: {os_reason(error)}."
        raise Invalid(message, "Check both paths.") from error
    except (ValueError, TypeError) as error:
        raise Invalid("The signing key or certificate is not PEM, or is locked by a password.", HINT) from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise Invalid("The signing key is not an ECDSA key on P-256.", HINT)
    if leaf.public_key() != private.public_key():
        raise Invalid("The signing certificate belongs to another key.", "Use the certificate of this key, leaf first.")
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return SigningKey(private.private_bytes(pem, form, serialization.NoEncryption()), certificates, own=False)


HINT = "Use a P-256 key without a password and its certificate chain, leaf first, both PEM."


def generate() -> tuple[bytes, bytes]:
    """A new private key and a chain of two certificates that C2PA readers accept, both PEM.

    The leaf has the digitalSignature key usage (critical) and the e-mail protection purpose, names its issuer's key,
    and is not an authority (C2PA specification, "X.509 certificates").
    """
    start = datetime.now(UTC) - timedelta(hours=1)
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    number = x509.random_serial_number()
    root_name, leaf_name = _name(f"Latentwalk installation {number % 16**8:08x} root"), _name("Latentwalk installation")
    root = (
        _certificate(root_name, root_name, root_key.public_key(), start)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _certificate(leaf_name, root_name, leaf_key.public_key(), start)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    # The root's key is discarded: nothing else is ever signed with it.
    pem = serialization.Encoding.PEM
    key = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key, leaf.public_bytes(pem) + root.public_bytes(pem)


def _name(common: str) -> x509.Name:
    parts = [(NameOID.ORGANIZATION_NAME, "A Latentwalk installation"), (NameOID.COMMON_NAME, common)]
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    end = start + timedelta(days=365 * YEARS)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign, key_cert_sign=not sign, crl_sign=not sign, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
