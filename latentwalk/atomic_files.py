"""Files that are either wholly there or not at all, whatever the disk does meanwhile."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from latentwalk.errors import DiskFull, StorageFailed

PART = ".part"
STALE = 3600  # seconds after which a temporary file belongs to nobody any more
RESERVE = 64 * 2**20  # bytes that are left free: a disk that is full to the brim stops more than this program


def write(path: Path, data: bytes) -> None:
    """Put `data` at `path`, durably and at once; StorageFailed leaves the old file as it was."""
    with replacing(path) as part, part.open("wb") as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to fill; on success it takes the place of `path`, else it is removed.

    The file is synced before it is renamed and the folder after, so that a crash shows the old or the new one.
    """
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=PART, dir=path.parent)
        os.close(handle)
        part = Path(name)
        yield part
        _sync(part)
        os.chmod(part, 0o644)
        os.replace(part, path)
        part = None
        _sync(path.parent)
    except OSError as error:
        raise refused(path, error) from error
    finally:
        if part is not None:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file if it is there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise refused(path, error) from error


def refused(path: Path, error: OSError) -> StorageFailed:
    """The disk's refusal as a sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(f"The disk is full: {path.name} was not kept.", "Free some space and try again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageFailed(f"{path.parent} cannot be written to.", "Set LATENTWALK_HOME to a folder that can.")
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    return StorageFailed(f"{path.name} could not be kept: {reason}.", "Check the disk and try again.")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal, read in blocks. Raises OSError when it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def roomy(folder: Path) -> bool:
    """Whether the disk that `folder` lies on, or will lie on, has room to go on writing."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free >= RESERVE


def sweep(folder: Path) -> None:
    """Remove what a killed process left under the home `folder`: temporary files, and models that were half fetched."""
    for part in folder.rglob(f".*{PART}"):
        with contextlib.suppress(OSError):
            if _is_stale(part):
                part.unlink()
    for half in (*folder.glob("generators/.*-*"), *folder.glob("regressors/.*-*")):
        with contextlib.suppress(OSError):
            if half.is_dir() and _is_stale(half):
                shutil.rmtree(half)


def _is_stale(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > STALE


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
