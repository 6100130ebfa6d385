"""A task that misbehaves, and a sandbox around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.sandbox import client
from models.sandbox.client import Sandbox


@pytest.fixture(autouse=True)
def misbehaving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allows the misbehaving task beside these tests to run in a sandbox."""
    monkeypatch.setitem(client.TASKS, "misbehaving", "tests.models.sandbox.misbehaving")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with the misbehaving task."""
    with Sandbox("misbehaving", memory=256 * 2**20, seconds=5) as opened:
        yield opened
