"""The layout of a frame: its images scaled and side by side, with an optional caption and AI mark."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from latentwalk.directions.direction import Direction
from latentwalk.edit import Edit
from latentwalk.films.timeline import Timeline
from latentwalk.rendering.image_codec import Pixels, flatten_alpha, to_image

GAP = 2  # px between the images of a grid
BACKGROUND, FOREGROUND = (16, 16, 18), (236, 236, 238)
MARK = "AI-generated"
MOST_VALUES = 4  # in a caption


def image_size(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """The size of one image whose longer side becomes `longest` px; both sides are even, as video codecs require."""
    scale = 1.0 if longest is None else longest / max(width, height)
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


def frame_size(timeline: Timeline, width: int, height: int) -> tuple[int, int]:
    """The size of a frame of images that the generator draws `width` by `height` px."""
    columns, rows = (1, 1) if timeline.grid is None else timeline.grid.shape
    wide, high = image_size(width, height, timeline.output.size)
    grid = (columns * wide + (columns - 1) * GAP, rows * high + (rows - 1) * GAP)
    return grid[0], grid[1] + (_caption_height(grid[0]) if timeline.caption else 0)


def compose(timeline: Timeline, images: Sequence[Pixels], caption: str = "") -> Image.Image:
    """The frame, RGB, of uint8 [H, W, C] images in the order of the grid."""
    originals = [flatten_alpha(to_image(image)) for image in images]
    size = image_size(*originals[0].size, timeline.output.size)
    scaled = [one if one.size == size else one.resize(size, Image.Resampling.LANCZOS) for one in originals]
    whole = frame_size(timeline, *originals[0].size)
    if len(scaled) == 1 and not timeline.caption and not timeline.mark:
        return scaled[0]
    columns = 1 if timeline.grid is None else timeline.grid.shape[0]
    frame = Image.new("RGB", whole, BACKGROUND)
    for index, one in enumerate(scaled):
        row, column = divmod(index, columns)
        frame.paste(one, (column * (size[0] + GAP), row * (size[1] + GAP)))
    if timeline.caption:
        high = _caption_height(whole[0])
        _write(frame, caption, (whole[0] // 2, whole[1] - high // 2), "mm", high * 0.62)
    if timeline.mark:
        bottom = whole[1] - (_caption_height(whole[0]) if timeline.caption else 0)
        _mark(frame, bottom)
    return frame


def add_mark(image: Image.Image) -> Image.Image:
    """A copy of the image with the mark "AI-generated" in its corner."""
    frame = image.convert("RGB")
    _mark(frame, frame.height)
    return frame


def caption_text(timeline: Timeline, edit: Edit, directions: Mapping[str, Direction]) -> str:
    """The walk's title, the amounts of moving directions in their units, and class weights where they move."""
    moving = [directions[name] for name in timeline.directions() if name in edit.amounts and name in directions]
    if len(moving) > MOST_VALUES:  # leave out those near neutral
        moving = [one for one in moving if abs(one.unit.coordinate(edit.amounts[one.id])) > one.step][:MOST_VALUES]
    values = [f"{one.name} {one.unit.describe(edit.amounts[one.id])}" for one in moving]
    if any(key.classes for key in timeline.keyframes):
        values += [
            f"{name} {weight:.0%}" for name, weight in sorted(edit.classes.items(), key=lambda item: -item[1])[:3]
        ]
    return "   ".join([timeline.title] * bool(timeline.title) + values)


def _caption_height(width: int) -> int:
    # Even, in proportion to the frame's width: from 20 px on the smallest to 48 px on the largest.
    return 2 * round(min(max(width / 16, 20), 48) / 2)


def _write(frame: Image.Image, text: str, at: tuple[int, int], anchor: str, size: float) -> None:
    while text:
        font = _font(round(size))
        if font.getlength(text) <= frame.width - 4 or size <= 7:
            break
        size *= 0.9
    if text:
        while font.getlength(text) > frame.width - 4 and len(text) > 1:
            text = text.rstrip("…")[:-1] + "…"
        ImageDraw.Draw(frame).text(at, text, fill=FOREGROUND, font=font, anchor=anchor)


def _mark(frame: Image.Image, bottom: int) -> None:
    size = min(max(frame.width / 24, 9), 26)
    font = _font(round(size))
    while font.getlength(MARK) > frame.width - 6 and size > 5:
        size *= 0.9
        font = _font(round(size))
    wide, high = round(font.getlength(MARK)) + round(size * 0.7), round(size * 1.5)
    corner = (frame.width - wide, bottom - high)
    shade = Image.blend(frame.crop((*corner, frame.width, bottom)), Image.new("RGB", (wide, high), BACKGROUND), 0.65)
    frame.paste(shade, corner)
    middle = (corner[0] + wide // 2, corner[1] + high // 2)
    ImageDraw.Draw(frame).text(middle, MARK, fill=FOREGROUND, font=font, anchor="mm")


@functools.lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(max(size, 5))  # the typeface that Pillow carries
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
