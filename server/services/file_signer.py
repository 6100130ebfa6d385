"""The FileSigner that the settings describe: the only place where settings become one."""

from __future__ import annotations

from latentwalk.provenance.ledger_file import LedgerFile
from latentwalk.provenance.signing import FileSigner
from server.settings import Settings


def file_signer(settings: Settings, version: str = "") -> FileSigner:
    """The signer of a home. `version` is that of the program, for the credential."""
    return FileSigner(
        LedgerFile(settings.home / "ledger.sqlite"),
        settings.home / "credentials",
        sign=settings.sign,
        key=settings.signing_key,
        chain=settings.signing_chain,
        version=version,
    )
