"""Titles made from ids."""

from __future__ import annotations

import pytest

from latentwalk.directions.direction import check_id
from latentwalk.errors import Invalid
from server.services.titles import direction_title


@pytest.mark.parametrize(
    ("id", "title"),
    [("zoom", "Zoom"), ("zoom_2", "Zoom 2"), ("zoom_on_cats", "Zoom on cats"), ("near_far", "Near far")],
)
def test_a_direction_has_a_title_made_from_its_id(id: str, title: str) -> None:
    assert direction_title(id, "zoom", "Zoom") == title


@pytest.mark.parametrize("id", ["", "Zoom", "../zoom", "zoom.2", "2zoom", "z" * 41, "zoom\n"])
def test_an_id_that_cannot_name_a_direction_is_rejected(id: str) -> None:
    with pytest.raises(Invalid):
        check_id(id)
