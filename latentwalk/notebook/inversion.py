"""Finding the edit of a picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from latentwalk.edit import Edit
from latentwalk.errors import unreadable
from latentwalk.inversion import encoder_inversion
from latentwalk.notebook.generator_handle import AnyGenerator, open_generator
from latentwalk.progress import Progress, finish
from models.importing.formats.image_file import to_rgb


@dataclass(frozen=True, slots=True)
class Inversion:
    """The result of `invert`.

    edit   renders as close to the picture as the generator gets
    error  mean squared difference of the two in [0, 4], for images in [-1, 1]
    """

    edit: Edit
    error: float


def invert(
    generator: AnyGenerator,
    picture: str | Path | bytes | Image.Image,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> Inversion:
    """Find the latent whose image is closest to a picture: the encoder's estimate, refined by gradient descent.

    `picture` is a Pillow image, or a PNG, JPEG, WebP, GIF or BMP file as its path or bytes (at most 16 MiB and
    8192 px a side). It is cropped to a central square and scaled to the generator's resolution. Raises NotFound where
    the generator has no encoder (`avatars` has one) or the file does not exist, Invalid where it is not a picture.
    """
    handle = open_generator(generator)
    image = encoder_inversion.open_picture(_file(picture), handle.spec)
    inversion = finish(encoder_inversion.invert(handle.model, handle.encoder, image), progress or (lambda _: None))
    edit = Edit(generator=handle.spec.name, base=inversion.base, classes=dict(inversion.classes))
    return Inversion(edit, inversion.error)


def _file(picture: str | Path | bytes | Image.Image) -> bytes:
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, Image.Image):
        buffer = io.BytesIO()
        to_rgb(picture).save(buffer, "PNG")
        return buffer.getvalue()
    try:
        return Path(picture).read_bytes()
    except OSError as error:
        raise unreadable(picture, error) from error
