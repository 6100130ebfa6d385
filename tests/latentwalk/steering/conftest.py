"""The bundled generator that steering is tested on."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.base import Generator
from models.catalogue import pinned


@pytest.fixture(scope="session")
def eyes() -> Generator:
    return pinned.load("eyes", Path())
