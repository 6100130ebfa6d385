"""Limits the size of each folder that people fill, so that nobody can fill the disk with uploads and films."""

from __future__ import annotations

import os
from pathlib import Path

from latentwalk.errors import Overloaded

LARGEST = 16 * 2**30  # bytes of each folder


def check_room(folder: Path, adding: int, contents: str) -> None:
    """Raise Overloaded if `adding` bytes would take a folder of `contents`, such as "films", above its limit."""
    used = folder_bytes(folder)
    if used + adding > LARGEST:
        raise Overloaded(f"The stored {contents} take {used / 2**30:.1f} GiB already.", "Delete some of them first.")


def folder_bytes(folder: Path) -> int:
    """The bytes of every file below a folder, 0 if there is no such folder."""
    total, waiting = 0, [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:  # a file or folder was deleted meanwhile
            continue
    return total
