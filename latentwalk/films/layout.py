"""One frame from its pictures: scaled, side by side, with a caption and a mark where they were asked for."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from latentwalk.directions.direction import Direction
from latentwalk.edit import Edit
from latentwalk.films.timeline import Timeline
from latentwalk.rendering.image_codec import Pixels, flatten_alpha, to_image

GAP = 2  # pixels between the pictures of a grid
PAPER, INK = (16, 16, 18), (236, 236, 238)
MARK = "AI-generated"
MOST_VALUES = 4  # in a caption


def cell_size(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """A picture's size in a film where its longer side is to be `longest`, both sides even as video wants them."""
    scale = 1.0 if longest is None else longest / max(width, height)
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


def sheet_size(timeline: Timeline, width: int, height: int) -> tuple[int, int]:
    """The size of a frame made of pictures that are drawn `width` by `height`."""
    columns, rows = (1, 1) if timeline.grid is None else timeline.grid.shape
    wide, high = cell_size(width, height, timeline.output.size)
    sheet = (columns * wide + (columns - 1) * GAP, rows * high + (rows - 1) * GAP)
    return sheet[0], sheet[1] + (_line(sheet[0]) if timeline.caption else 0)


def compose(timeline: Timeline, cells: Sequence[Pixels], caption: str = "") -> Image.Image:
    """The frame, RGB, of uint8 [H, W, C] pictures in the order of the grid."""
    pictures = [flatten_alpha(to_image(cell)) for cell in cells]
    size = cell_size(*pictures[0].size, timeline.output.size)
    scaled = [one if one.size == size else one.resize(size, Image.Resampling.LANCZOS) for one in pictures]
    whole = sheet_size(timeline, *pictures[0].size)
    if len(scaled) == 1 and not timeline.caption and not timeline.mark:
        return scaled[0]
    columns = 1 if timeline.grid is None else timeline.grid.shape[0]
    sheet = Image.new("RGB", whole, PAPER)
    for index, one in enumerate(scaled):
        row, column = divmod(index, columns)
        sheet.paste(one, (column * (size[0] + GAP), row * (size[1] + GAP)))
    if timeline.caption:
        high = _line(whole[0])
        _write(sheet, caption, (whole[0] // 2, whole[1] - high // 2), "mm", high * 0.62)
    if timeline.mark:
        floor = whole[1] - (_line(whole[0]) if timeline.caption else 0)
        _mark(sheet, floor)
    return sheet


def add_mark(shown: Image.Image) -> Image.Image:
    """A single picture with the mark in its corner."""
    sheet = shown.convert("RGB")
    _mark(sheet, sheet.height)
    return sheet


def caption_of(timeline: Timeline, edit: Edit, directions: Mapping[str, Direction]) -> str:
    """The moving sliders' values in their own units, after the walk's title; class weights where they move."""
    sliders = [directions[name] for name in timeline.sliders() if name in edit.amounts and name in directions]
    if len(sliders) > MOST_VALUES:  # those that are at rest say nothing
        sliders = [one for one in sliders if abs(one.unit.coordinate(edit.amounts[one.id])) > one.step][:MOST_VALUES]
    shown = [f"{one.name} {one.unit.describe(edit.amounts[one.id])}" for one in sliders]
    if any(key.classes for key in timeline.keyframes):
        shown += [
            f"{name} {weight:.0%}" for name, weight in sorted(edit.classes.items(), key=lambda item: -item[1])[:3]
        ]
    return "   ".join([timeline.title] * bool(timeline.title) + shown)


def _line(width: int) -> int:
    # The height of the caption, even, from the frame's width: 20 pixels on the smallest, 48 on the largest.
    return 2 * round(min(max(width / 16, 20), 48) / 2)


def _write(sheet: Image.Image, text: str, at: tuple[int, int], anchor: str, size: float) -> None:
    while text:
        font = _font(round(size))
        if font.getlength(text) <= sheet.width - 4 or size <= 7:
            break
        size *= 0.9
    if text:
        while font.getlength(text) > sheet.width - 4 and len(text) > 1:
            text = text.rstrip("…")[:-1] + "…"
        ImageDraw.Draw(sheet).text(at, text, fill=INK, font=font, anchor=anchor)


def _mark(sheet: Image.Image, floor: int) -> None:
    size = min(max(sheet.width / 24, 9), 26)
    font = _font(round(size))
    while font.getlength(MARK) > sheet.width - 6 and size > 5:
        size *= 0.9
        font = _font(round(size))
    wide, high = round(font.getlength(MARK)) + round(size * 0.7), round(size * 1.5)
    corner = (sheet.width - wide, floor - high)
    shade = Image.blend(sheet.crop((*corner, sheet.width, floor)), Image.new("RGB", (wide, high), PAPER), 0.65)
    sheet.paste(shade, corner)
    middle = (corner[0] + wide // 2, corner[1] + high // 2)
    ImageDraw.Draw(sheet).text(middle, MARK, fill=INK, font=font, anchor="mm")


@functools.lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(max(size, 5))  # the typeface that Pillow carries
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
