"""What a notebook registers while it runs is forgotten when its test ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from latentwalk.steering import transforms


@pytest.fixture(autouse=True)
def own_transforms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry of transforms that lasts for one test."""
    with monkeypatch.context() as patch:
        patch.setattr(transforms, "_builtin", dict(transforms._builtin))
        transforms.transforms.cache_clear()
        yield
    transforms.transforms.cache_clear()
