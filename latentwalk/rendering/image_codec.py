"""Image tensors as pixels, Pillow images and encoded files: JPEG for previews, PNG for stills, WebP for thumbnails."""

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
KEYWORD = "latentwalk"  # of the PNG text chunk that carries the edit
SMALL = 320  # px; on smaller images, chroma subsampling is visible and saves almost nothing


def to_pixels(images: Tensor) -> Pixels:
    """uint8 [N, H, W, C] on the host for images [N, C, H, W] in [-1, 1] on any device; one copy for the batch."""
    scaled = torch.addcmul(images.new_tensor(128.0), images, images.new_tensor(127.5)).clamp_(0, 255)
    array: Pixels = scaled.permute(0, 2, 3, 1).to(torch.uint8).contiguous().cpu().numpy()
    return array


def rgb(images: Tensor) -> Tensor:
    """RGB [N, 3, H, W] for images [N, C, H, W] in [-1, 1], C 1, 3 or 4: grey is repeated, alpha is put on white."""
    if images.shape[1] != 4:
        return images.expand(-1, 3, -1, -1)
    alpha = (images[:, 3:] + 1) / 2
    return images[:, :3] * alpha + (1 - alpha)


def flatten_alpha(image: Image.Image) -> Image.Image:
    """The image in RGB, on white where it is transparent."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def to_image(array: Pixels, longest: int | None = None) -> Image.Image:
    """A Pillow image of uint8 [H, W, C], C 1, 3 or 4, scaled down where its longer side exceeds `longest` px."""
    image = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    if longest is None or longest >= max(image.size):
        return image
    scale = longest / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def decoded(file: bytes) -> Pixels:
    """The pixels, uint8 [H, W, C], of a PNG that this program has encoded."""
    with Image.open(io.BytesIO(file)) as image:
        return np.atleast_3d(np.asarray(image))


def encode(image: Image.Image, format: Format, *, edit: str | None = None, xmp: bytes | None = None) -> bytes:
    """The image as a file. A PNG carries `edit` (canonical JSON) in a text chunk, every format `xmp` (a packet)."""
    buffer = io.BytesIO()
    packet = {} if xmp is None else {"xmp": xmp}
    if format == "jpg":
        image = flatten_alpha(image) if image.mode == "RGBA" else image
        small = max(image.size) <= SMALL
        image.save(buffer, "JPEG", quality=92 if small else 85, subsampling=0 if small else 2, **packet)
    elif format == "webp":
        image.save(buffer, "WEBP", quality=80, method=0, **packet)
    else:
        text = PngImagePlugin.PngInfo()
        if edit is not None:
            text.add_text(KEYWORD, edit)
        if xmp is not None:
            text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        image.save(buffer, "PNG", compress_level=1, pnginfo=text)
    return buffer.getvalue()
