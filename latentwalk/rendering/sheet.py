"""Sheets: images of one size, row by row as one image, with or without captions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from latentwalk.rendering.image_codec import Pixels, flatten_alpha, to_image

GAP, MARGIN = 4, 8  # px between the images of a captioned sheet, and around them
CAPTION = 18  # px, the height of a caption
PAPER, INK = (255, 255, 255), (70, 70, 74)


def columns_of(count: int) -> int:
    """The number of columns of a sheet of `count` images: as square as possible, rather wide than high."""
    return math.ceil(math.sqrt(count))


def tiled(pictures: Sequence[Pixels]) -> Pixels:
    """Images of one size, uint8 [H, W, C], as one image of `columns_of` columns; what is left over is white."""
    columns = columns_of(len(pictures))
    rows = math.ceil(len(pictures) / columns)
    high, wide, channels = pictures[0].shape
    sheet = np.full((rows * high, columns * wide, channels), 255, dtype=np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        sheet[row * high : (row + 1) * high, column * wide : (column + 1) * wide] = picture
    return cast(Pixels, sheet)


def captioned(pictures: Sequence[Pixels], captions: Sequence[str], columns: int | None = None) -> Image.Image:
    """Images of one size, uint8 [H, W, C], on white paper, each with its caption below; RGB."""
    across = columns or columns_of(len(pictures))
    rows = math.ceil(len(pictures) / across)
    images = [flatten_alpha(to_image(picture)) for picture in pictures]
    wide, high = images[0].size
    step = (wide + GAP, high + CAPTION + GAP)
    size = (2 * MARGIN + across * step[0] - GAP, 2 * MARGIN + rows * step[1] - GAP)
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=CAPTION * 0.66)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(number, across)
        left, top = MARGIN + column * step[0], MARGIN + row * step[1]
        sheet.paste(image, (left, top))
        pen.text((left + wide / 2, top + high + CAPTION / 2), caption, INK, font, anchor="mm")
    return sheet
