"""Writers of film files: frames in, mp4 or gif out, without keeping the frames."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import GifImagePlugin, Image


class Writer(AbstractContextManager["Writer"], Protocol):
    """Takes pictures of one size in order; the file is complete once the context is left without an error."""

    def __init__(
        self, path: Path, size: tuple[int, int], fps: int, comment: str, samples: Sequence[Image.Image]
    ) -> None: ...

    def add(self, picture: Image.Image) -> None: ...


class Mp4(Writer):
    """H.264 in 4:2:0, tagged BT.709 so that players agree on the colours, with its index at the front."""

    def __init__(
        self, path: Path, size: tuple[int, int], fps: int, comment: str, samples: Sequence[Image.Image]
    ) -> None:
        # Without bitexact the file would carry the time and FFmpeg's version, and no two would be equal.
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        self._container = av.open(str(path), "w", format="mp4", options=options)
        self._container.metadata["comment"] = comment
        stream = self._container.add_stream("libx264", rate=fps, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, fps)
        context = stream.codec_context
        context.thread_count = 1  # the inference thread needs the cores more, and one thread repeats itself exactly
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.color_range = ColorRange.MPEG
        self._stream = stream
        self._count = 0

    def add(self, picture: Image.Image) -> None:
        frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            dst_color_trc=ColorTrc.BT709,
            dst_color_primaries=ColorPrimaries.BT709,
        )
        frame.pts = self._count
        frame.time_base = Fraction(1, int(self._stream.average_rate or 1))
        self._count += 1
        self._mux(frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._mux(None)
        finally:
            self._close(quietly=kind is not None)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except FFmpegError as error:
            raise OSError(error.errno, error.strerror) from error

    def _close(self, *, quietly: bool) -> None:
        try:
            self._container.close()
        except FFmpegError as error:
            if not quietly:
                raise OSError(error.errno, error.strerror) from error


class Gif(Writer):
    """GIF89a with one palette for the whole film, so that still areas do not flicker. Loops for ever."""

    def __init__(
        self, path: Path, size: tuple[int, int], fps: int, comment: str, samples: Sequence[Image.Image]
    ) -> None:
        self._fps = fps
        self._count = 0
        self._palette = palette(samples)
        self._file = path.open("wb")
        width, height = (side.to_bytes(2, "little") for side in size)
        self._file.write(b"GIF89a" + width + height + b"\xf7\x00\x00")  # 0xf7: a global table of 256 colours
        self._file.write(bytes(self._palette.getpalette("RGB") or ()).ljust(768, b"\0"))
        self._file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00" + _comment(comment))

    def add(self, picture: Image.Image) -> None:
        # Undithered: noise that differs from frame to frame boils, costs a quarter of the file, and strays further.
        reduced = picture.quantize(palette=self._palette, dither=Image.Dither.NONE)
        # Delays are whole hundredths of a second: the rounding is carried on, so that the film keeps its length.
        begin, end = (round(index * 100 / self._fps) for index in (self._count, self._count + 1))
        self._file.writelines(GifImagePlugin.getdata(reduced, duration=10 * (end - begin)))
        self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._file.write(b"\x3b")


def palette(samples: Sequence[Image.Image]) -> Image.Image:
    """256 colours that suit all the sample pictures, as a palette image."""
    width, height = samples[0].size
    sheet = Image.new("RGB", (width, height * len(samples)))
    for index, sample in enumerate(samples):
        sheet.paste(sample, (0, index * height))
    return sheet.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)


def _comment(text: str) -> bytes:
    data = text.encode()
    blocks = [data[start : start + 255] for start in range(0, len(data), 255)]
    return b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


WRITERS: dict[str, type[Writer]] = {"mp4": Mp4, "gif": Gif}
