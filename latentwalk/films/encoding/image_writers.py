"""Writers of image sequences: GIF with one palette, APNG, animated WebP, and a zip of PNGs."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from PIL import GifImagePlugin, Image, PngImagePlugin

from latentwalk.films.encoding.writer import WriterOptions
from latentwalk.films.timeline import Quality
from latentwalk.rendering.image_codec import KEYWORD

PNG = b"\x89PNG\r\n\x1a\n"
XMP_KEY = b"XML:com.adobe.xmp"
COLOURS: dict[Quality, int] = {"small": 96, "good": 256, "best": 256}
WEBP: dict[Quality, int] = {"small": 70, "good": 92, "best": 100}
# Adobe's trailer: from any byte of the packet, it leads a reader of GIF sub-blocks to the end of the block.
GIF_XMP_END = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"


class _File:
    """A file that opens and closes with its writer."""

    def __init__(self, path: Path, options: WriterOptions) -> None:
        self._options = options
        self._count = 0
        self._file = path.open("w+b")
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> _File:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._end()

    def add(self, picture: Image.Image) -> None:
        """Append a frame."""
        self._frame(picture)
        self._count += 1

    def _begin(self) -> None: ...

    def _frame(self, picture: Image.Image) -> None: ...

    def _end(self) -> None: ...

    def _units(self, per_second: int) -> int:
        # The duration of a frame in whole units. Rounding errors do not accumulate, so that the film keeps its length.
        begin, end = (round(index * per_second / self._options.fps) for index in (self._count, self._count + 1))
        return end - begin


class Gif(_File):
    """GIF89a with one palette for the whole film, so that still areas do not flicker. Loops forever."""

    def _begin(self) -> None:
        options = self._options
        self._palette = palette(options.samples, COLOURS[options.quality])
        width, height = (side.to_bytes(2, "little") for side in options.size)
        self._file.write(b"GIF89a" + width + height + b"\xf7\x00\x00")  # 0xf7: a global table of 256 colours
        self._file.write(bytes(self._palette.getpalette("RGB") or ()).ljust(768, b"\0"))
        self._file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00" + _comment(options.recipe))
        self._file.write(b"\x21\xff\x0bXMP DataXMP" + options.xmp + GIF_XMP_END)

    def _frame(self, picture: Image.Image) -> None:
        # No dithering: it flickers from frame to frame, adds a quarter to the file, and increases the error.
        reduced = picture.quantize(palette=self._palette, dither=Image.Dither.NONE)
        self._file.writelines(GifImagePlugin.getdata(reduced, duration=10 * self._units(100)))

    def _end(self) -> None:
        self._file.write(b"\x3b")


class Apng(_File):
    """Animated PNG (APNG 1.0): lossless, with full frames. A reader without animation shows the first frame."""

    def _begin(self) -> None:
        self._number = 0

    def _frame(self, picture: Image.Image) -> None:
        data = _png(picture, 9 if self._options.quality == "small" else 6)
        chunks = list(png_chunks(data))
        if self._count == 0:
            self._file.write(PNG + _chunk(b"IHDR", next(body for kind, body in chunks if kind == b"IHDR")))
            self._file.write(_chunk(b"acTL", struct.pack(">II", self._options.count, 0)))
            self._file.write(_chunk(b"iTXt", XMP_KEY + b"\0\0\0\0\0" + self._options.xmp))
            self._file.write(_chunk(b"iTXt", KEYWORD.encode() + b"\0\0\0\0\0" + self._options.recipe.encode()))
        width, height = picture.size
        control = struct.pack(">IIIIIHHBB", self._next(), width, height, 0, 0, self._units(1000), 1000, 0, 0)
        self._file.write(_chunk(b"fcTL", control))
        for kind, body in chunks:
            if kind == b"IDAT":
                later = self._count > 0
                self._file.write(
                    _chunk(b"fdAT", struct.pack(">I", self._next()) + body) if later else _chunk(kind, body)
                )

    def _end(self) -> None:
        self._file.write(_chunk(b"IEND", b""))

    def _next(self) -> int:
        self._number += 1
        return self._number - 1


class Webp(_File):
    """Animated WebP (RIFF container) with full frames; lossless at quality "best"."""

    def _begin(self) -> None:
        width, height = (struct.pack("<I", side - 1)[:3] for side in self._options.size)
        self._file.write(b"RIFF\0\0\0\0WEBP")
        self._file.write(_riff(b"VP8X", bytes([0x02 | 0x04, 0, 0, 0]) + width + height))  # animated, with XMP
        self._file.write(_riff(b"ANIM", b"\0\0\0\0" + struct.pack("<H", 0)))

    def _frame(self, picture: Image.Image) -> None:
        buffer = io.BytesIO()
        quality = self._options.quality
        picture.save(buffer, "WEBP", quality=WEBP[quality], lossless=quality == "best", method=2, exact=True)
        inner = b"".join(
            _riff(name, body) for name, body in riff_chunks(buffer.getvalue()) if name in (b"VP8 ", b"VP8L")
        )
        width, height = (struct.pack("<I", side - 1)[:3] for side in self._options.size)
        span = struct.pack("<I", self._units(1000))[:3]
        self._file.write(_riff(b"ANMF", bytes(6) + width + height + span + b"\x02" + inner))

    def _end(self) -> None:
        self._file.write(_riff(b"XMP ", self._options.xmp))
        size = self._file.tell() - 8
        self._file.seek(4)
        self._file.write(struct.pack("<I", size))


class Zip(_File):
    """A zip, not compressed, of one PNG for each frame and the recipe as recipe.json."""

    def _begin(self) -> None:
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        self._put("recipe.json", self._options.recipe.encode())
        self._put("recipe.xmp", self._options.xmp)

    def _frame(self, picture: Image.Image) -> None:
        self._put(f"frame_{self._count + 1:05d}.png", _png(picture, 6))

    def _end(self) -> None:
        self._zip.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:  # the file is discarded, and closing it may fail too
            with contextlib.suppress(OSError, ValueError):
                self._zip.close()
        super().__exit__(kind, error, trace)

    def _put(self, name: str, data: bytes) -> None:
        member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # a fixed time, so that equal films are equal files
        self._zip.writestr(member, data)


def palette(samples: Sequence[Image.Image], colours: int = 256) -> Image.Image:
    """A palette image of colours that suit all samples."""
    width, height = samples[0].size
    sheet = Image.new("RGB", (width, height * len(samples)))
    for index, sample in enumerate(samples):
        sheet.paste(sample, (0, index * height))
    return sheet.quantize(colours, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG as (name, body), up to the first that is incomplete."""
    at = len(PNG)
    while at + 8 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if at + 12 + size > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += 12 + size


def riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a RIFF file as (name, body), up to the first that is incomplete."""
    at = 12
    while at + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        if at + 8 + size > len(data):
            return
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _png(picture: Image.Image, level: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=level, pnginfo=PngImagePlugin.PngInfo())
    return buffer.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _riff(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _comment(text: str) -> bytes:
    data = text.encode()
    blocks = [data[start : start + 255] for start in range(0, len(data), 255)]
    return b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
