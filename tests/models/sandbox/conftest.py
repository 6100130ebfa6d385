"""A task that misbehaves, and a jail around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.sandbox import client
from models.sandbox.client import Sandbox


@pytest.fixture(autouse=True)
def misbehaving(monkeypatch: pytest.MonkeyPatch) -> None:
    """The misbehaving task, found beside the tests."""
    monkeypatch.setitem(client.TASKS, "misbehaving", "tests.models.sandbox.misbehaving")


@pytest.fixture
def jail() -> Iterator[Sandbox]:
    with Sandbox("misbehaving", memory=256 * 2**20, seconds=5) as opened:
        yield opened
