"""A task that misbehaves, and a jail around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.jail import cell
from models.jail.cell import Jail


@pytest.fixture(autouse=True)
def misbehaving(monkeypatch: pytest.MonkeyPatch) -> None:
    """The misbehaving task, found beside the tests."""
    monkeypatch.setitem(cell.TASKS, "misbehaving", "tests.models.jail.misbehaving")


@pytest.fixture
def jail() -> Iterator[Jail]:
    with Jail("misbehaving", memory=256 * 2**20, seconds=5) as opened:
        yield opened
