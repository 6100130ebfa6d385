"""The load test: all users are served alike, and badly behaved ones affect only themselves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from latentwalk.errors import LatentwalkError, NotFound
from server.cli.bench.load_test import MEMORY, LoadTest, growth, load
from server.settings import Settings


def test_no_user_loses_the_last_edit_while_others_drop_flood_or_read_slowly(home: Path) -> None:
    test = LoadTest(people=4, seconds=2, slow=1, silent=1, storm=10, drops=1)
    figures = load(Settings(home=home), "eyes", test)
    assert (figures["errors"], figures["lost_last_edits"], figures["people"]) == (0, 0, 4)
    assert (figures["reconnects"], figures["storm"]) == (4, {"connections": 10, "refused": 0})
    assert figures["frames"] >= 8
    assert figures["jain"] > 0.7
    assert 0 < figures["fps_each"] < figures["fps"]
    for name in ("roundtrip_ms", "staleness_ms"):
        assert 0 < figures[name]["p50"] <= figures[name]["p95"] <= figures[name]["p99"]
    assert figures["growth"]["tabs"] == [0, 0]
    assert figures["growth"]["tasks"][0] == figures["growth"]["tasks"][1]


def test_a_running_server_can_be_tested(home: Path, run_server: Callable[..., AbstractContextManager[str]]) -> None:
    token = "a-token-for-this-test"
    with run_server(home, LATENTWALK_TOKEN=token, LATENTWALK_PEOPLE="2") as address:
        settings = Settings(home=home, token=token)
        figures = load(settings, "eyes", LoadTest(2, 0.3), address)
        assert (figures["errors"], figures["lost_last_edits"]) == (0, 0)
        with pytest.raises(LatentwalkError, match="did not admit all users"):
            load(settings, "eyes", LoadTest(3, 0.1), address)
        with pytest.raises(NotFound, match="nope"):
            load(settings, "nope", LoadTest(1, 0.1), address)
        with pytest.raises(LatentwalkError, match="token"):
            load(Settings(home=home), "eyes", LoadTest(1, 0.1), address)


def test_an_unreachable_server_is_an_error(home: Path) -> None:
    with pytest.raises(LatentwalkError, match="does not answer"):
        load(Settings(home=home), "eyes", LoadTest(1, 0.1), "http://127.0.0.1:9")


def test_growth_compares_memory_under_load_and_the_rest_at_both_ends() -> None:
    readings = [
        {MEMORY: mb * 1e6, "process_open_fds": files} for mb, files in zip(range(100, 120), range(20), strict=True)
    ]
    assert growth(readings) == {"rss_mb": [105.5, 116.5], "files": [0, 19], "tasks": [None, None], "tabs": [None, None]}
    assert growth([{}, {}])["rss_mb"] == [None, None]
