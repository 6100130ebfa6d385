"""A whole home as one file, and back: everything that was made or brought, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from latentwalk.errors import Conflict, DiskFull, Invalid, NotFound
from latentwalk.progress import Progress, Work
from latentwalk.provenance.ledger import LedgerEntry
from latentwalk.provenance.ledger_file import LedgerFile
from latentwalk.provenance.perceptual_hash import BYTES
from models import atomic_files as files
from server.jobs.job import now
from server.storage.db import row_export as rows
from server.storage.db.database import Database
from server.storage.film_archive import DESCRIPTION
from server.storage.learned_directions import LearnedDirections
from server.storage.objects import ObjectStore

FORMAT = 1
MANIFEST = "workspace.json"
LEDGER = "ledger.json"  # of what was made: its rows, for a database of a stranger's is not one to open
LARGEST_MANIFEST = 64 * 2**20
FOLDERS = ("objects", "exports", "generators", "regressors", "sounds", "training")
# Letters of file names, but no leading point: what is hidden is temporary, and two points lead out of the folder.
PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@ -]{0,120}")
BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class Pack:
    """What a file of a workspace says it holds: rows by table, and each member's SHA-256 and size."""

    created: str
    rows: Mapping[str, list[dict[str, Any]]]
    files: Mapping[str, tuple[str, int]]


def pack(home: Path, database: Database, out: Path) -> Work[Pack]:
    """Write the home into `out`, a zip without compression. The signing key stays, and so does unfinished work.

    A server may be at work meanwhile: rows are of one moment, and what they name is never changed. Damaged where a
    kept file is not whole: an incomplete copy is not one to rely on.
    """
    LearnedDirections(home, database).take_in()
    found = rows.read(database)
    objects = ObjectStore(home / "objects")
    named = sorted({sha for row in found["library"] for sha in (row["sha256"], row["picture"]) if sha})
    sources = [(f"objects/{sha[:2]}/{sha}", objects.checked(sha)) for sha in named]
    sources += [(path.relative_to(home).as_posix(), path) for path in _loose(home)]
    whole = sum(path.stat().st_size for _, path in sources) or 1
    done, held = 0, {}
    with tempfile.TemporaryDirectory(prefix="latentwalk-") as scratch, files.replacing(out) as part:
        ledger = Path(scratch) / LEDGER
        ledger.write_text(json.dumps([[asdict(entry), [f"{hash:0{2 * BYTES}x}" for hash in hashes]]
                                      for entry, hashes in _ledger(home).all()]))  # fmt: skip
        sources.append((LEDGER, ledger))
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, path in sources:
                hashed, size = hashlib.sha256(), 0
                with path.open("rb") as source, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                    while block := source.read(BLOCK):
                        hashed.update(block)
                        member.write(block)
                        size += len(block)
                held[name] = (hashed.hexdigest(), size)
                done += size
                yield Progress(min(done / whole, 1.0), f"Packing {name.split('/')[0]}")
            made = Pack(now(), found, held)
            told = {"format": FORMAT, "created": made.created, "rows": found, "files": held}
            archive.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(told))
    return made


def unpack(path: Path, home: Path, database: Database, *, replace: bool = False) -> Work[Pack]:
    """Take a packed workspace into a home, beside what is there.

    Everything is read through and compared with its SHA-256 before anything is written. Conflict where something of
    the same name and other content is here, unless it is to be `replace`d. Files come first, each atomically, and
    the rows that name them last, all at once: stopped in between, nothing that was here is lost, and the same again
    completes it.
    """
    with _opened(path) as archive:
        held = _manifest(archive)
        _room(home, held)
        yield from _verified(archive, held)
        clashes = [*_clashes(home, held), *rows.clashes(database, held.rows)]
        if clashes and not replace:
            raise Conflict(
                f"{len(clashes)} things here are others of the same name: {', '.join(clashes[:5])}.",
                "Take it into an empty LATENTWALK_HOME, or let it replace them with --replace.",
            )
        # Descriptions last: what they describe is there before it shows.
        order = sorted(held.files, key=lambda name: (name.endswith(".json"), name.endswith(DESCRIPTION), name))
        for number, name in enumerate(order):
            sha256, _ = held.files[name]
            if name == LEDGER:
                _ledger(home).merge(_entries(archive.read(LEDGER)))
            elif not _same(home / name, sha256):
                _extract(archive, name, home / name, sha256)
            yield Progress(0.5 + 0.5 * (number + 1) / len(order), f"Taking in {name.split('/')[0]}")
        rows.write(database, held.rows)
        for generator in {row["generator"] for row in held.rows["library"]}:
            LearnedDirections(home, database).notice(generator)
    return held


def _loose(home: Path) -> Iterator[Path]:
    # All but the objects, of which only those that a row names are taken, and films that are not finished.
    for folder in FOLDERS[1:]:
        for path in sorted((home / folder).rglob("*")):
            parts = path.relative_to(home).parts
            if path.is_symlink() or not path.is_file() or any(part.startswith(".") for part in parts):
                continue
            if not all(PART.fullmatch(part) for part in parts):
                raise Invalid(f"{path} has a name that cannot be packed.", "Rename it, in plain letters and digits.")
            if folder == "exports" and not (home / folder / parts[1] / DESCRIPTION).is_file():
                continue
            yield path


def _ledger(home: Path) -> LedgerFile:
    return LedgerFile(home / "ledger.sqlite")


def _hash(text: str) -> int:
    data = bytes.fromhex(text)
    if len(data) > BYTES:
        raise ValueError(f"a perceptual hash has {BYTES} bytes")
    return int.from_bytes(data)


def _entries(data: bytes) -> list[tuple[LedgerEntry, list[int]]]:
    try:
        rows = json.loads(data)
        return [(LedgerEntry(**entry), [_hash(text) for text in hashes]) for entry, hashes in rows]
    except (TypeError, ValueError, RecursionError):
        raise Invalid("The workspace's ledger makes no sense.", HINT) from None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.", "Check the path.") from None
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError):
        raise Invalid(f"{path.name} is not a packed workspace, or was cut off.", HINT) from None


def _manifest(archive: zipfile.ZipFile) -> Pack:
    members = archive.infolist()
    there = {member.filename: member for member in members}
    if len(there) != len(members) or MANIFEST not in there:
        raise Invalid("The file is not a packed workspace.", HINT)
    # Stored members are as large as they say: a small file cannot grow into a huge one.
    if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in members):
        raise Invalid("The file was packed by another program.", HINT)
    if there[MANIFEST].file_size > LARGEST_MANIFEST:
        raise Invalid("The workspace's list of contents is too long.", HINT)
    try:
        told = json.loads(archive.read(MANIFEST))
        if told["format"] != FORMAT:
            raise Invalid(f"Its format is {told['format']}, this program reads {FORMAT}.", "Use the version it is of.")
        held = {str(name): (str(sha256), int(size)) for name, (sha256, size) in told["files"].items()}
        found = Pack(str(told["created"]), rows.checked(told["rows"]), held)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise Invalid("The workspace's list of contents makes no sense.", HINT) from None
    for name, (_, size) in held.items():
        parts = name.split("/")
        safe = name == LEDGER or (len(parts) > 1 and parts[0] in FOLDERS and all(PART.fullmatch(one) for one in parts))
        if not safe or name not in there or there[name].file_size != size:
            raise Invalid(f"The workspace holds “{name[:80]}”, which is no part of one.", HINT)
    missing = rows.named(found.rows) - {sha256 for sha256, _ in held.values()}
    if set(there) - set(held) != {MANIFEST} or missing:
        raise Invalid("The workspace does not hold what its list says.", HINT)
    return found


def _room(home: Path, held: Pack) -> None:
    there = next(place for place in (home, *home.parents) if place.exists())
    wanted = sum(size for _, size in held.files.values()) + files.RESERVE
    if shutil.disk_usage(there).free < wanted:
        raise DiskFull(f"The workspace needs {wanted / 1e9:.1f} GB, which are not free.", "Free some space first.")


def _verified(archive: zipfile.ZipFile, held: Pack) -> Work[None]:
    for number, (name, (sha256, _)) in enumerate(held.files.items()):
        hashed = hashlib.sha256()
        with archive.open(name) as member:
            while block := member.read(BLOCK):
                hashed.update(block)
        if hashed.hexdigest() != sha256 or (name.startswith("objects/") and name.split("/")[-1] != sha256):
            raise Invalid(f"“{name[:80]}” in the workspace is damaged; nothing was taken in.", HINT)
        yield Progress(0.5 * (number + 1) / len(held.files), "Checking what is in it")


def _clashes(home: Path, held: Pack) -> list[str]:
    others = (name for name in held.files if name != LEDGER and (home / name).exists())
    return [name for name in others if not name.startswith("objects/") and not _same(home / name, held.files[name][0])]


def _same(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _extract(archive: zipfile.ZipFile, name: str, to: Path, sha256: str) -> None:
    hashed = hashlib.sha256()
    with files.replacing(to) as part, archive.open(name) as member, part.open("wb") as file:
        _poured(member, file, hashed)
        if hashed.hexdigest() != sha256:
            raise Invalid(f"“{name[:80]}” changed while it was read.", HINT)


def _poured(source: IO[bytes], file: IO[bytes], hashed: Any) -> None:
    while block := source.read(BLOCK):
        hashed.update(block)
        file.write(block)


HINT = "Pack it again where it comes from: latentwalk workspace export FILE"
