"""A small generator and its handle."""

from __future__ import annotations

import pytest

import latentwalk as lw


@pytest.fixture(scope="session")
def handle(tiny) -> lw.GeneratorHandle:
    """A generator of 16 px with two classes and no directions."""
    return lw.open_generator(tiny)
