"""The loader for images from outside: what each kind of file must look like as 8-bit RGB."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from models.errors import Invalid
from models.importing.formats.image_file import FORMATS, load_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def colour(data: bytes, position: tuple[int, int] = (1, 1), **options: Any) -> tuple[int, ...]:
    image = load_image(data, **options)
    assert image.mode == "RGB"
    return tuple(np.asarray(image)[position[1], position[0]].tolist())


def grey16(values: Any) -> Image.Image:
    return Image.fromarray(np.asarray(values, dtype=np.uint16))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def swapped_profile() -> bytes:
    """An RGB profile whose first primary is green, so that converting shows: red becomes roughly green."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    for index in range(count):
        start = 132 + 12 * index
        data[start : start + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(
            bytes(data[start : start + 4]), bytes(data[start : start + 4])
        )
    return bytes(data).replace("sRGB".encode("utf-16-be"), "Test".encode("utf-16-be"))


def test_sixteen_bit_grey_is_scaled_to_eight_bits() -> None:
    ramp = grey16(np.tile(np.linspace(0, 65535, 256).round(), (4, 1)))
    for data, formats in ((encoded(ramp), FORMATS), (encoded(ramp, "TIFF"), FORMATS)):
        assert np.asarray(load_image(data, formats=formats))[0, :, 0].tolist() == list(range(256))
    assert colour(encoded(grey16(np.full((3, 3), 32768)))) == (128, 128, 128)
    assert colour(encoded(grey16(np.full((3, 3), 200)))) == (1, 1, 1)


def test_a_transparent_grey_of_sixteen_bits_is_background() -> None:
    data = encoded(grey16([[0, 40000], [0, 40000]]))
    data = data[:33] + chunk(b"tRNS", struct.pack(">H", 40000)) + data[33:]
    assert colour(data, background=BLUE) == BLUE
    assert colour(data, (0, 0), background=BLUE) == (0, 0, 0)


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (Image.new("RGBA", (3, 3), (*GREEN, 0)), {}),
        (Image.new("LA", (3, 3), (90, 0)), {}),
        (Image.new("RGB", (3, 3), GREEN), {"transparency": GREEN}),
        (Image.new("L", (3, 3), 90), {"transparency": 90}),
        (Image.new("RGB", (3, 3), GREEN).quantize(4), {"transparency": 0}),
    ],
    ids=["rgba", "grey and alpha", "transparent colour", "transparent grey", "palette"],
)
def test_hidden_colours_never_show(image: Image.Image, options: dict[str, Any]) -> None:
    data = encoded(image, **options)
    assert colour(data) == WHITE
    assert colour(data, background=RED) == RED


def test_half_transparent_colours_are_mixed_with_the_background() -> None:
    assert colour(encoded(Image.new("RGBA", (3, 3), (0, 0, 0, 128)))) == (127, 127, 127)
    assert colour(encoded(Image.new("RGBA", (3, 3), (*GREEN, 0)), "WEBP", lossless=True)) == WHITE


@pytest.mark.parametrize(
    ("image", "format", "expected"),
    [
        (Image.new("1", (3, 3), 1), "PNG", WHITE),
        (Image.new("L", (3, 3), 77), "PNG", (77, 77, 77)),
        (Image.new("RGB", (3, 3), BLUE).quantize(8), "PNG", BLUE),
        (Image.new("CMYK", (3, 3), (0, 255, 255, 0)), "TIFF", RED),
        (Image.fromarray(np.full((3, 3), 0.5, np.float32)), "TIFF", (128, 128, 128)),
        (Image.fromarray(np.full((3, 3), 200.0, np.float32)), "TIFF", (200, 200, 200)),
        (Image.fromarray(np.full((3, 3), np.nan, np.float32)), "TIFF", (0, 0, 0)),
        (Image.fromarray(np.full((3, 3), 65535, np.int32)), "TIFF", WHITE),
        (Image.new("RGB", (3, 3), BLUE), "BMP", BLUE),
    ],
    ids=["1 bit", "grey", "palette", "cmyk", "float to 1", "float to 255", "not a number", "32 bits", "bmp"],
)
def test_every_mode_becomes_its_colours(image: Image.Image, format: str, expected: tuple[int, ...]) -> None:
    assert colour(encoded(image, format), formats=FORMATS) == expected


def test_a_cmyk_jpeg_has_its_colours() -> None:
    red, green, blue = colour(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95))
    assert red > 240
    assert max(green, blue) < 15


def test_a_colour_profile_is_converted_to_srgb() -> None:
    data = encoded(Image.new("RGB", (3, 3), RED), icc_profile=swapped_profile())
    red, green, _ = colour(data)
    assert green > red
    hidden = Image.new("RGBA", (3, 3), (*RED, 255))
    hidden.putpixel((0, 0), (*RED, 0))
    data = encoded(hidden, icc_profile=swapped_profile())
    assert colour(data) == (red, green, colour(data)[2])
    assert colour(data, (0, 0)) == WHITE


@pytest.mark.parametrize("profile", [b"no profile", swapped_profile()[:200]])
def test_a_damaged_profile_is_left_out(profile: bytes) -> None:
    assert colour(encoded(Image.new("RGB", (3, 3), RED), icc_profile=profile)) == RED


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_the_orientation_in_the_metadata_is_applied(format: str) -> None:
    image = Image.new("RGB", (32, 16), BLUE)
    image.paste(Image.new("RGB", (16, 16), RED), (0, 0))
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter: the left half of the file is the top
    options = {"lossless": True} if format == "WEBP" else {"quality": 95} if format == "JPEG" else {}
    loaded = load_image(encoded(image, format, exif=exif.tobytes(), **options))
    assert loaded.size == (16, 32)
    top, bottom = np.asarray(loaded)[4, 8], np.asarray(loaded)[28, 8]
    assert top[0] > 240 > 15 > top[2]
    assert bottom[2] > 240 > 15 > bottom[0]


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_of_an_animation_is_used(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), one) for one in (RED, BLUE)]
    options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
    assert colour(encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)) == RED


def test_a_file_is_an_image_by_its_content_alone(tmp_path: Any) -> None:
    path = tmp_path / "photo.jfif"
    path.write_bytes(encoded(Image.new("RGB", (16, 16), RED), "JPEG"))
    assert load_image(path).size == (16, 16)


def test_decompression_bombs_are_refused_before_they_are_decoded() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 16_000, 16_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(Invalid, match="megapixels"):
        load_image(bomb)
    with pytest.raises(Invalid, match="over 8 px"):
        load_image(encoded(Image.new("RGB", (9, 2))), largest_side=8)


@pytest.mark.parametrize("data", [b"", b"text", encoded(Image.new("RGB", (64, 64), RED), "JPEG")[:200]])
def test_damaged_files_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="not a picture"):
        load_image(data)


def test_a_tiff_file_is_refused_where_anyone_may_upload() -> None:
    with pytest.raises(Invalid, match="not a picture"):
        load_image(encoded(Image.new("RGB", (3, 3)), "TIFF"))
