"""Minutes of what people do for hours: nobody is lost, nobody is favoured, memory stays where it was."""

from __future__ import annotations

import pytest

from server.bench import load
from server.settings import Settings

pytestmark = pytest.mark.soak


def test_sixteen_people_drag_for_two_minutes(home):
    """The figures of `latentwalk bench load`, six times as long as one is willing to watch."""
    short = load(Settings(home=home), "eyes", people=16, seconds=10)
    long = load(Settings(home=home), "eyes", people=16, seconds=120)
    for figures in (short, long):
        assert figures["errors"] == 0
        assert figures["lost_last_edits"] == 0
        assert figures["jain"] >= 0.9
    assert long["frames"] > 5 * short["frames"]
    assert long["rss_mb"] <= min(900, 1.1 * short["rss_mb"] + 20)
