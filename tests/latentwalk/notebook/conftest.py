"""A small generator and its handle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import latentwalk as lw
from latentwalk.steering import transforms


@pytest.fixture(scope="session")
def handle(tiny) -> lw.GeneratorHandle:
    """A generator of 16 px with two classes and no directions."""
    return lw.open_generator(tiny)


@pytest.fixture(autouse=True)
def own_transforms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry of transforms that lasts for one test: what a notebook registers ends with it."""
    with monkeypatch.context() as patch:
        patch.setattr(transforms, "_builtin", dict(transforms._builtin))
        transforms.transforms.cache_clear()
        yield
    transforms.transforms.cache_clear()
