"""Making sure that what was written is on the disk: a name that lasts must not outlive what it names."""

from __future__ import annotations

import os
from pathlib import Path


def settle(*paths: Path) -> None:
    """Sync files and folders in this order; a rename lasts once its folder is synced. OSError where one cannot be."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
