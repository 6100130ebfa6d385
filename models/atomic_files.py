"""Atomic and durable file writes: after a crash a file holds its old or its new content, never a part of one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from models.errors import DiskFull, StorageFailed, os_reason

PART = ".part"
SCRATCH = "latentwalk-scratch-"  # prefix of folders in the system's temporary folder
# Under a home: partly downloaded or written models, a signing key that was being made, uploads that were not confirmed.
PATTERNS = ("generators/.*-*", "regressors/.*-*", ".key.*", "quarantine/[0-9a-f]*")
STALE = 3600  # seconds after which a temporary file is left over from a killed process
RESERVE = 64 * 2**20  # bytes to leave free: a completely full disk stops other programs as well


def write(path: Path, data: bytes) -> None:
    """Replace the content of `path` with `data`, atomically and durably. StorageFailed leaves it unchanged."""
    with replacing(path) as part, part.open("wb") as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to; on success it replaces `path`, otherwise it is removed.

    The file is synced before the rename and the folder after it, so that a crash leaves the old or the new file.
    """
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=PART, dir=path.parent)
        os.close(handle)
        part = Path(name)
        yield part
        sync(part)
        os.chmod(part, 0o644)
        os.replace(part, path)
        part = None
        sync(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        if part is not None:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file if it exists."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(path, error) from error


def sync(*paths: Path) -> None:
    """Flush files and folders to the disk, in this order. A rename is durable once its folder is flushed. OSError."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def storage_error(path: Path, error: OSError) -> StorageFailed:
    """The error to raise when writing `path` failed with `error`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(f"The disk is full: {path.name} was not saved.", "Free some space and try again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageFailed(f"{path.parent} cannot be written to.", "Set LATENTWALK_HOME to a folder that can.")
    return StorageFailed(f"{path.name} could not be saved: {os_reason(error)}.", "Check the disk and try again.")


def free_bytes(folder: Path) -> int:
    """The free bytes on the disk that holds `folder`, which need not exist yet."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(existing).free


def has_room(folder: Path) -> bool:
    """True if the disk that holds `folder`, which need not exist yet, has more than RESERVE bytes free."""
    return free_bytes(folder) >= RESERVE


def temporaries(folder: Path) -> list[Path]:
    """Every temporary file and folder of Latentwalk under the home `folder` and in the system's temporary folder.

    They belong to work in progress, or were left by a process that was killed.
    """
    own = os.getuid() if hasattr(os, "getuid") else None
    shared = (path for path in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*") if path.lstat().st_uid == own)
    inside = (path for pattern in PATTERNS for path in folder.glob(pattern))
    return sorted({*folder.rglob(f".*{PART}"), *inside, *shared})


def remove_stale(folder: Path) -> list[Path]:
    """Remove the temporary files and folders that killed processes left, and return their paths."""
    removed = []
    for path in temporaries(folder):
        with contextlib.suppress(OSError):
            if not is_stale(path):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            removed.append(path)
    return removed


def is_stale(path: Path) -> bool:
    """Whether a temporary file is so old that the process that wrote it must have been killed."""
    return time.time() - path.stat().st_mtime > STALE
