"""Frame: an encoded image with its timings."""

from __future__ import annotations

from dataclasses import dataclass

from latentwalk.errors import LatentwalkError
from latentwalk.rendering.image_codec import Format


@dataclass(frozen=True, slots=True)
class Frame:
    """An encoded image.

    `batch` counts the images that were synthesised with it. `waited`, `rendered` and `encoded` are the seconds spent
    in the queue, in the generator and in the encoder.
    """

    data: bytes
    format: Format
    width: int
    height: int
    batch: int = 1
    waited: float = 0.0
    rendered: float = 0.0
    encoded: float = 0.0


Answer = Frame | LatentwalkError
