"""Learning as it is asked for: what a slider is called."""

from __future__ import annotations

import pytest

from server.services.learning import slider_title


@pytest.mark.parametrize(
    ("id", "title"),
    [("zoom", "Zoom"), ("zoom_2", "Zoom 2"), ("zoom_on_cats", "Zoom on cats"), ("near_far", "Near far")],
)
def test_a_sliders_name_comes_from_its_id(id: str, title: str) -> None:
    assert slider_title(id, "zoom", "Zoom") == title
