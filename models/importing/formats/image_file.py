"""Images that other programs wrote, as 8-bit RGB: the one loader for every image that is not Latentwalk's own.

Depth, transparency, palettes, CMYK, colour profiles, orientation and animation are all resolved here, so that an image
looks as it does in an image viewer, wherever it is used.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from models.errors import Invalid

UNTRUSTED_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # Pillow's names, for files that anyone may upload
FORMATS = (*UNTRUSTED_FORMATS, "TIFF")
WHITE = (255, 255, 255)
MOST_PIXELS = 64_000_000
LARGEST_SIDE = 16_384
LARGEST_PROFILE = 4 * 2**20
FORMAT_HINT = "Use a PNG, JPEG, WebP, GIF or BMP file."
WIDE_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")  # one channel of more than 8 bits
ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La")

Colour = tuple[int, int, int]


def load_image(
    source: bytes | Path,
    *,
    formats: tuple[str, ...] = UNTRUSTED_FORMATS,
    background: Colour = WHITE,
    largest_side: int = LARGEST_SIDE,
) -> Image.Image:
    """The first frame of an image file, upright, as 8-bit sRGB on `background`.

    Its format is told by its content. Raises Invalid for a file that is damaged, too large or of another format.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the limit below is stricter than Pillow's, damaged metadata does no harm
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=formats) as image:
                check_size(image, largest_side)
                # Before the conversion: a colour may be transparent, and which one is told in the file's own mode.
                return ImageOps.exif_transpose(to_rgb(image, background))
    except Image.DecompressionBombError:
        raise _too_large(largest_side) from None
    except (OSError, ValueError, SyntaxError, TypeError, EOFError, ArithmeticError, LookupError):
        # What Pillow raises for damaged files, which differs by format.
        raise Invalid("The file is not a picture that can be read.", FORMAT_HINT) from None


def check_size(image: Image.Image, largest_side: int = LARGEST_SIDE) -> None:
    """Raise Invalid for an image that would take too much memory; nothing is decoded for this."""
    width, height = image.size
    if max(width, height) > largest_side or width * height > MOST_PIXELS:
        raise _too_large(largest_side)


def to_rgb(image: Image.Image, background: Colour = WHITE) -> Image.Image:
    """An image in any of Pillow's modes as 8-bit sRGB, with `background` where it is transparent.

    Wide samples are scaled to 8 bits, a colour profile is applied, the orientation in its metadata is kept.
    """
    profile, exif = image.info.get("icc_profile"), image.getexif()
    result = _opaque(image, background, profile)
    if exif:
        result.info["exif"] = exif.tobytes()
        result.getexif().update(exif)
    return result


def _opaque(image: Image.Image, background: Colour, profile: bytes | None) -> Image.Image:
    if image.mode in WIDE_MODES:
        grey, alpha = _narrow(image)
    elif image.mode in ALPHA_MODES or "transparency" in image.info:
        transparent = image.convert("RGBA")
        grey, alpha = transparent.convert("RGB"), transparent.getchannel("A")
        if image.mode in ("L", "LA", "La"):  # for a profile of grey
            grey = grey.getchannel("R")
    else:
        grey, alpha = image, None
    colours = _srgb(grey, profile)
    if alpha is None:
        return colours
    return Image.composite(colours, Image.new("RGB", image.size, background), alpha)


def _narrow(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    # One channel of 16 or 32 bits, or of floating-point numbers, as 8 bits, and its mask where a grey is transparent.
    # Of 32-bit and floating-point samples no file says where white is: it is the top of the narrowest usual range.
    values = np.nan_to_num(np.asarray(image).astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    top = 65535.0
    if image.mode in ("I", "F"):
        largest = float(values.max(initial=0.0))
        tops: tuple[float, ...] = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        # Deeper PNG files are opened as "I" by some versions of Pillow, and are always 16 bits.
        tops = (65535.0,) if image.format == "PNG" else tops
        top = next((one for one in tops if largest <= one), largest)
    pixels = np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8)
    hidden = image.info.get("transparency")
    mask = Image.fromarray(np.where(values == hidden, 0, 255).astype(np.uint8)) if isinstance(hidden, int) else None
    return Image.fromarray(pixels), mask


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    # The colours of an image without alpha. A profile that is damaged or of another kind of image is left out, as
    # image viewers do.
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image
    if image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    if not profile or len(profile) > LARGEST_PROFILE:
        return image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in (source.profile.profile_description or "").lower():  # converting would only round
            return image.convert("RGB")
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image.convert("RGB")
    return converted or image.convert("RGB")


def _too_large(largest_side: int) -> Invalid:
    return Invalid(
        f"The image is over {largest_side} px wide or high, or over {MOST_PIXELS // 1_000_000} megapixels.",
        "Resize the image.",
    )
