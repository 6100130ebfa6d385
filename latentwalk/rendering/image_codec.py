"""Image tensors to bytes and back to sizes: JPEG while a hand moves, PNG when it rests, WebP for thumbnails."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin
from torch import Tensor

Format = Literal["jpg", "png", "webp"]
Pixels = NDArray[np.uint8]

MEDIA_TYPES: dict[Format, str] = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
KEYWORD = "latentwalk"  # under which a PNG carries its edit
SMALL = 320  # below this side, colour at half resolution shows and saves next to nothing


def to_pixels(images: Tensor) -> Pixels:
    """uint8 [N, H, W, C] for images [N, C, H, W] in [-1, 1]; computed where they are, copied to the host once."""
    scaled = torch.addcmul(images.new_tensor(128.0), images, images.new_tensor(127.5)).clamp_(0, 255)
    array: Pixels = scaled.permute(0, 2, 3, 1).to(torch.uint8).contiguous().cpu().numpy()
    return array


def rgb(images: Tensor) -> Tensor:
    """Colours [N, 3, H, W] of pictures [N, 1, 3 or 4, H, W] in [-1, 1]: grey threefold, transparent ones on white."""
    if images.shape[1] != 4:
        return images.expand(-1, 3, -1, -1)
    share = (images[:, 3:] + 1) / 2
    return images[:, :3] * share + (1 - share)


def flatten_alpha(made: Image.Image) -> Image.Image:
    """A picture in RGB, what is transparent in it on white."""
    if made.mode != "RGBA":
        return made.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", made.size, "white"), made).convert("RGB")


def to_image(array: Pixels, longest: int | None = None) -> Image.Image:
    """A picture of uint8 [H, W, C], C being 1, 3 or 4, made smaller where it is longer than `longest`."""
    made = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    if longest is None or longest >= max(made.size):
        return made
    scale = longest / max(made.size)
    width, height = (max(1, round(side * scale)) for side in made.size)
    return made.resize((width, height), Image.Resampling.LANCZOS)


def encode(made: Image.Image, format: Format, *, edit: str | None = None, xmp: bytes | None = None) -> bytes:
    """The file; a PNG carries `edit`, canonical JSON, in a text chunk, and any format an XMP packet."""
    buffer = io.BytesIO()
    packet = {} if xmp is None else {"xmp": xmp}
    if format == "jpg":
        made = flatten_alpha(made) if made.mode == "RGBA" else made
        small = max(made.size) <= SMALL
        made.save(buffer, "JPEG", quality=92 if small else 85, subsampling=0 if small else 2, **packet)
    elif format == "webp":
        made.save(buffer, "WEBP", quality=80, method=0, **packet)
    else:
        text = PngImagePlugin.PngInfo()
        if edit is not None:
            text.add_text(KEYWORD, edit)
        if xmp is not None:
            text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        made.save(buffer, "PNG", compress_level=1, pnginfo=text)
    return buffer.getvalue()
