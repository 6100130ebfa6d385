"""Minutes of what people do for hours: nobody is lost, nobody is favoured, memory stays where it was."""

from __future__ import annotations

import pytest

from server.cli.bench.load_test import LoadTest, load
from server.settings import Settings

pytestmark = pytest.mark.soak


def test_thirty_two_people_drag_for_a_minute(home):
    figures = load(Settings(home=home), "eyes", LoadTest(people=32, seconds=60))
    assert (figures["errors"], figures["lost_last_edits"]) == (0, 0)
    assert figures["jain"] >= 0.9
    early, late = figures["growth"]["rss_mb"]
    assert late <= 1.05 * early
    assert figures["rss_mb"] < 900


def test_among_eight_one_who_never_reads_costs_the_others_no_more_than_one_who_does(home):
    # Both in turn, and the best of three: whatever else this machine does falls on each of them.
    pairs = [
        [p95(load(Settings(home=home), "eyes", crowd)) for crowd in (LoadTest(8, 12), LoadTest(7, 12, silent=1))]
        for _ in range(3)
    ]
    all_read, one_does_not = (min(figures) for figures in zip(*pairs, strict=True))
    assert one_does_not <= 1.2 * all_read


def test_five_hundred_who_come_and_go_within_half_a_minute_leave_nothing_behind(home):
    figures = load(Settings(home=home), "eyes", LoadTest(people=4, seconds=30, storm=500))
    assert figures["storm"] == {"connections": 500, "refused": 0}
    assert (figures["errors"], figures["lost_last_edits"]) == (0, 0)
    grown = figures["growth"]
    assert grown["tabs"] == [0, 0]
    assert grown["tasks"][0] == grown["tasks"][1]
    assert grown["files"][1] <= grown["files"][0] + 2
    assert grown["rss_mb"][1] <= 1.05 * grown["rss_mb"][0]


def p95(figures):
    assert (figures["errors"], figures["lost_last_edits"]) == (0, 0)
    return figures["roundtrip_ms"]["p95"]
