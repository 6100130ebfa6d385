"""Sheets: every image is in its place."""

from __future__ import annotations

import numpy as np
import pytest

from latentwalk.rendering.sheet import CAPTION, GAP, MARGIN, captioned, columns_of, tiled


def plain(value: int) -> np.ndarray:
    return np.full((4, 6, 3), value, np.uint8)


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (9, 3), (10, 4), (16, 4)])
def test_sheets_are_as_square_as_possible(count: int, columns: int) -> None:
    assert columns_of(count) == columns


def test_images_lie_row_by_row_and_what_is_left_over_is_white() -> None:
    sheet = tiled([plain(10), plain(20), plain(30)])
    assert sheet.shape == (8, 12, 3)
    assert [int(sheet[row, column, 0]) for row, column in ((0, 0), (0, 6), (4, 0), (4, 6))] == [10, 20, 30, 255]


def test_a_captioned_sheet_has_room_below_each_image() -> None:
    sheet = captioned([plain(10), plain(20)], ["seed 1", "seed 2"], columns=1)
    assert sheet.size == (2 * MARGIN + 6, 2 * MARGIN + 2 * (4 + CAPTION) + GAP)
    assert sheet.getpixel((MARGIN, MARGIN)) == (10, 10, 10)
    assert sheet.getpixel((MARGIN, MARGIN + 4 + CAPTION + GAP)) == (20, 20, 20)
