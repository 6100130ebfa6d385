"""The bench: its arithmetic, and one short run of it for real."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from latentwalk.errors import NotFound
from server.cli.bench import microbench
from server.settings import Settings


def test_fairness_is_one_when_all_have_the_same_and_one_over_n_when_one_has_all() -> None:
    assert microbench.jain([3, 3, 3, 3]) == pytest.approx(1.0)
    assert microbench.jain([5, 0, 0, 0]) == pytest.approx(0.25)
    assert microbench.jain([0, 0]) == 0.0


def test_quantiles_are_in_milliseconds() -> None:
    assert microbench.quantiles([n / 1000 for n in range(101)]) == {"p50": 50.0, "p95": 95.0}
    assert microbench.ranked(range(101), microbench.LOAD) == {"p50": 50, "p95": 95, "p99": 99}
    assert math.isnan(microbench.quantiles([])["p50"])


def test_an_unknown_generator_is_refused_before_anything_starts(home: Path) -> None:
    with pytest.raises(NotFound):
        microbench.bench(Settings(home=home), "nope")


def test_the_bench_measures_all_it_promises(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microbench, "ROUNDS", 1)
    monkeypatch.setattr(microbench, "PER_ROUND", 3)
    figures = microbench.bench(Settings(home=home), "eyes")
    assert set(figures) == {
        "generator", "device", "precision", "forward_ms", "encode_ms", "live_ms", "ratio", "wall_ms", "wall_rate",
        "rss_mb",
    }  # fmt: skip
    for name in ("forward_ms", "encode_ms", "live_ms", "wall_ms"):
        assert 0 < figures[name]["p50"] <= figures[name]["p95"]
    assert figures["rss_mb"] < 900
