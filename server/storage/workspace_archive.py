"""A whole home as one zip file, and back: exported from one snapshot, verified before anything is written."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentwalk.errors import Conflict, DiskFull, Invalid, NotFound
from latentwalk.progress import Progress, Work
from models import atomic_files
from models.catalogue.hashing import file_sha256
from server.storage.db import row_export
from server.storage.db.database import Database
from server.storage.db.job import now
from server.storage.film_archive import DESCRIPTION
from server.storage.learned_directions import LearnedDirections
from server.storage.objects import ObjectStore

FORMAT = 1
MANIFEST = "workspace.json"
LEDGER = "ledger.json"  # the rows of the provenance ledger, which may be many and long: a member of its own
LARGEST_MANIFEST = 64 * 2**20  # bytes
FOLDERS = ("objects", "exports", "generators", "regressors", "sounds", "training")
# Path parts that an archive may contain. None begins with a point: hidden files are temporary, ".." leaves the folder.
PATH_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@ -]{0,120}")
BLOCK = 2**20
HINT = "Export it again where it comes from: latentwalk workspace export FILE"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive contains: rows by table, and each member's SHA-256 and size in bytes."""

    created: str
    rows: row_export.Rows
    files: Mapping[str, tuple[str, int]]


def pack(home: Path, database: Database, out: Path) -> Work[Manifest]:
    """Write the home into `out`, a zip file without compression. Signing keys and unfinished work are left out.

    A server may be running: rows come from one snapshot, and the files they name never change. Raises Damaged when a
    stored file is not intact, since an incomplete copy is no backup.
    """
    LearnedDirections(home, database).import_files()
    rows = row_export.read(database)
    objects = ObjectStore(home / "objects")
    sources = [(f"objects/{sha[:2]}/{sha}", objects.checked(sha)) for sha in sorted(row_export.file_hashes(rows))]
    sources += [(path.relative_to(home).as_posix(), path) for path in _other_files(home)]
    total = sum(path.stat().st_size for _, path in sources) or 1
    done, files = 0, {}
    with tempfile.TemporaryDirectory(prefix=atomic_files.SCRATCH) as scratch, atomic_files.replacing(out) as part:
        sources.append((LEDGER, _write_ledger(rows.pop("ledger"), Path(scratch) / LEDGER)))
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, path in sources:
                with path.open("rb") as source, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                    files[name] = _copy(source, member)
                done += files[name][1]
                yield Progress(min(done / total, 1.0), f"Packing {name.split('/')[0]}")
            manifest = Manifest(now(), rows, files)
            body = {"format": FORMAT, "created": manifest.created, "rows": rows, "files": files}
            archive.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(body))
    return manifest


def unpack(path: Path, home: Path, database: Database, *, replace: bool = False) -> Work[Manifest]:
    """Import a packed workspace into a home.

    Every member is read and compared with its SHA-256 before anything is written. Raises Conflict when something with
    the same name and other content exists, unless `replace` is set. Files are written first, each atomically, and all
    rows last in one transaction: when the import is interrupted nothing is lost, and running it again completes it.
    """
    with _open(path) as archive:
        manifest = _read_manifest(archive)
        _check_space(home, manifest)
        yield from _verify(archive, manifest)
        conflicts = [*_conflicting_files(home, manifest), *row_export.conflicts(database, manifest.rows)]
        if conflicts and not replace:
            raise Conflict(
                f"{len(conflicts)} things here are others of the same name: {', '.join(conflicts[:5])}.",
                "Import it into an empty LATENTWALK_HOME, or replace them with --replace.",
            )
        # Descriptions come last: what they describe must exist before they make it visible.
        order = sorted(manifest.files, key=lambda name: (name.endswith(".json"), name.endswith(DESCRIPTION), name))
        for number, name in enumerate(order):
            sha256, _ = manifest.files[name]
            if name != LEDGER and not _has_content(home / name, sha256):
                _extract(archive, name, home / name, sha256)
            yield Progress(0.5 + 0.5 * (number + 1) / len(order), f"Importing {name.split('/')[0]}")
        row_export.write(database, manifest.rows)
        for generator in {row["generator"] for row in manifest.rows["library"]}:
            LearnedDirections(home, database).touch(generator)
    return manifest


def _other_files(home: Path) -> Iterator[Path]:
    # Every file outside the object store, except temporary files and unfinished films.
    for folder in FOLDERS[1:]:
        for path in sorted((home / folder).rglob("*")):
            parts = path.relative_to(home).parts
            if path.is_symlink() or not path.is_file() or any(part.startswith(".") for part in parts):
                continue
            if not all(PATH_PART.fullmatch(part) for part in parts):
                raise Invalid(f"{path} has a name that cannot be packed.", "Rename it, in plain letters and digits.")
            if folder == "exports" and not (home / folder / parts[1] / DESCRIPTION).is_file():
                continue
            yield path


def _write_ledger(rows: list[dict[str, Any]], path: Path) -> Path:
    # As pairs of an entry and its perceptual hashes.
    pairs = [[{name: row[name] for name in row if name != "hashes"}, row["hashes"]] for row in rows]
    path.write_text(json.dumps(pairs))
    return path


def _read_ledger(archive: zipfile.ZipFile) -> list[dict[str, Any]]:
    return [{**entry, "hashes": hashes} for entry, hashes in json.loads(archive.read(LEDGER))]


@contextlib.contextmanager
def _open(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.", "Check the path.") from None
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError):
        raise Invalid(f"{path.name} is not a packed workspace, or was cut off.", HINT) from None


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    members = {member.filename: member for member in archive.infolist()}
    if len(members) != len(archive.infolist()) or MANIFEST not in members:
        raise Invalid("The file is not a packed workspace.", HINT)
    # An uncompressed member is as large as it claims: a small file cannot grow into a huge one.
    if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in members.values()):
        raise Invalid("The file was packed by another program.", HINT)
    if members[MANIFEST].file_size > LARGEST_MANIFEST:
        raise Invalid("The workspace's manifest is too large.", HINT)
    try:
        body = json.loads(archive.read(MANIFEST))
        if body["format"] != FORMAT:
            raise Invalid(
                f"The workspace has format {body['format']}; this version reads {FORMAT}.", "Use its version."
            )
        files = {str(name): (str(sha256), int(size)) for name, (sha256, size) in body["files"].items()}
        ledger = _read_ledger(archive) if LEDGER in files and LEDGER in members else []
        manifest = Manifest(str(body["created"]), row_export.validated({**body["rows"], "ledger": ledger}), files)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise Invalid("The workspace's manifest or ledger is malformed.", HINT) from None
    for name, (_, size) in files.items():
        if not _is_allowed(name) or name not in members or members[name].file_size != size:
            raise Invalid(f"The workspace contains “{name[:80]}”, which does not belong in a workspace.", HINT)
    missing = row_export.file_hashes(manifest.rows) - {sha256 for sha256, _ in files.values()}
    if set(members) - set(files) != {MANIFEST} or missing:
        raise Invalid("The workspace does not contain what its manifest lists.", HINT)
    return manifest


def _is_allowed(name: str) -> bool:
    parts = name.split("/")
    in_folder = len(parts) > 1 and parts[0] in FOLDERS and all(PATH_PART.fullmatch(part) for part in parts)
    return name == LEDGER or in_folder


def _check_space(home: Path, manifest: Manifest) -> None:
    folder = next(place for place in (home, *home.parents) if place.exists())
    needed = sum(size for _, size in manifest.files.values()) + atomic_files.RESERVE
    if shutil.disk_usage(folder).free < needed:
        raise DiskFull(f"The workspace needs {needed / 1e9:.1f} GB of free disk space.", "Free some space first.")


def _verify(archive: zipfile.ZipFile, manifest: Manifest) -> Work[None]:
    for number, (name, (sha256, _)) in enumerate(manifest.files.items()):
        with archive.open(name) as member:
            actual, _ = _copy(member)
        if actual != sha256 or (name.startswith("objects/") and name.split("/")[-1] != sha256):
            raise Invalid(f"“{name[:80]}” in the workspace is damaged; nothing was imported.", HINT)
        yield Progress(0.5 * (number + 1) / len(manifest.files), "Verifying its files")


def _conflicting_files(home: Path, manifest: Manifest) -> list[str]:
    files = ((name, sha256) for name, (sha256, _) in manifest.files.items() if name != LEDGER)
    outside = ((name, sha256) for name, sha256 in files if not name.startswith("objects/"))
    return [name for name, sha256 in outside if (home / name).exists() and not _has_content(home / name, sha256)]


def _has_content(path: Path, sha256: str) -> bool:
    try:
        return file_sha256(path) == sha256
    except OSError:
        return False


def _extract(archive: zipfile.ZipFile, name: str, to: Path, sha256: str) -> None:
    with atomic_files.replacing(to) as part, archive.open(name) as member, part.open("wb") as file:
        actual, _ = _copy(member, file)
        if actual != sha256:
            raise Invalid(f"“{name[:80]}” changed while it was read.", HINT)


def _copy(source: Any, target: Any = None) -> tuple[str, int]:
    # Copy a binary file, or only read it; its SHA-256 and size.
    digest, size = hashlib.sha256(), 0
    while block := source.read(BLOCK):
        digest.update(block)
        size += len(block)
        if target is not None:
            target.write(block)
    return digest.hexdigest(), size
