"""The real generator that steering is tried on."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import zoo
from models.base import Generator


@pytest.fixture(scope="session")
def eyes() -> Generator:
    return zoo.load("eyes", Path())
