"""The persistent objects of one home directory, opened once by the server and by each command."""

from __future__ import annotations

from dataclasses import dataclass

from latentwalk.provenance.signing import FileSigner
from latentwalk.rendering.device import pick_device, tune_threads
from latentwalk.rendering.loaded_generator import LoadedGenerator
from server.settings import Settings
from server.storage.audio_files import AudioFiles
from server.storage.db.database import Database
from server.storage.db.ledger_table import LedgerTable
from server.storage.library import Library
from server.storage.regressors import Regressors


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """What a home holds, opened under its settings. Opening reads no weights; files are created by the first write."""

    settings: Settings
    database: Database
    library: Library
    regressors: Regressors
    signer: FileSigner
    audio_files: AudioFiles

    @classmethod
    def open(cls, settings: Settings, version: str = "") -> Workspace:
        """Open the home of `settings`; `version` is recorded in the content credentials of exported files."""
        database = Database.at(settings.home, settings.database)
        return cls(
            settings,
            database,
            Library(settings.home, first=settings.first, database=database),
            Regressors(settings.home, settings.unlocked),
            FileSigner(
                LedgerTable(database),
                settings.home / "credentials",
                sign=settings.sign,
                key=settings.signing_key,
                chain=settings.signing_chain,
                version=version,
            ),
            AudioFiles(settings.home / "sounds"),
        )

    def load_generator(self, name: str) -> LoadedGenerator:
        """Load one generator for use in this thread, at full precision, on the device of the settings."""
        self.library.spec(name)
        tune_threads()
        exact = self.library.load(name, pick_device(self.settings.device))
        return LoadedGenerator(exact, exact, lambda: self.library.directions(name))
