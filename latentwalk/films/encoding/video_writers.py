"""Writers of video by FFmpeg: H.264 and AV1 in MP4, VP9 in WebM, tagged BT.709, with optional audio."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import ClassVar, cast

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import Image

from latentwalk.films.encoding.writer import AudioTrack, WriterOptions
from latentwalk.films.timeline import Quality
from latentwalk.provenance.xmp import UUID


class _Video:
    """The common part of the three: 4:2:0 chroma, which requires even sides."""

    container: ClassVar[str] = "mp4"
    codec: ClassVar[str] = "libx264"
    sound: ClassVar[str] = "aac"
    options: ClassVar[Mapping[str, str]] = {}
    rates: ClassVar[Mapping[Quality, int]] = {}

    def __init__(self, path: Path, options: WriterOptions) -> None:
        # Without bitexact the file contains the time and FFmpeg's version, and no two are equal.
        container_options = {"fflags": "+bitexact", **({"movflags": "+faststart"} if self.container == "mp4" else {})}
        self._path, self._options = path, options
        self._container = av.open(str(path), "w", format=self.container, options=container_options)
        self._container.metadata["comment"] = options.recipe
        codec_options = {**self.options, "crf": str(self.rates[options.quality])}
        stream = cast(av.VideoStream, self._container.add_stream(self.codec, rate=options.fps, options=codec_options))
        stream.width, stream.height = options.size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, options.fps)
        context = stream.codec_context
        context.thread_count = 1  # leaves cores to the inference thread, and makes the output reproducible
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.color_range = ColorRange.MPEG
        self._stream = stream
        self._count = 0
        self._audio = (
            None if options.sound is None else _AudioEncoder(self._container, self.sound, options.sound, self._seconds)
        )

    def __enter__(self) -> _Video:
        return self

    @property
    def _seconds(self) -> float:
        return self._options.count / self._options.fps

    def add(self, picture: Image.Image) -> None:
        """Append a frame."""
        frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            dst_color_trc=ColorTrc.BT709,
            dst_color_primaries=ColorPrimaries.BT709,
        )
        frame.pts = self._count
        frame.time_base = Fraction(1, self._options.fps)
        self._count += 1
        self._mux(frame)
        if self._audio is not None:
            with _as_disk_errors():
                self._audio.encode_until(self._count / self._options.fps)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._mux(None)
                if self._audio is not None:
                    with _as_disk_errors():
                        self._audio.finish()
        finally:
            try:
                self._container.close()
            except FFmpegError as failure:
                if kind is None:
                    raise OSError(failure.errno, failure.strerror) from failure
        if kind is None:
            self._append_xmp()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        with _as_disk_errors():
            self._container.mux(self._stream.encode(frame))

    def _append_xmp(self) -> None:
        # A box after all others does not move what the index points to.
        box = UUID + self._options.xmp
        with self._path.open("ab") as file:
            file.write((len(box) + 8).to_bytes(4, "big") + b"uuid" + box)


class Mp4(_Video):
    """H.264, which plays everywhere, with the index at the front."""

    options: ClassVar[Mapping[str, str]] = {"preset": "veryfast"}
    rates: ClassVar[Mapping[Quality, int]] = {"small": 26, "good": 16, "best": 8}


class Av1(_Video):
    """AV1 in MP4: the smallest files; older players do not support it."""

    codec: ClassVar[str] = "libsvtav1"
    options: ClassVar[Mapping[str, str]] = {"preset": "10", "svtav1-params": "lp=1"}
    rates: ClassVar[Mapping[Quality, int]] = {"small": 45, "good": 26, "best": 14}


class Webm(_Video):
    """VP9 in WebM, royalty-free."""

    container: ClassVar[str] = "webm"
    codec: ClassVar[str] = "libvpx-vp9"
    sound: ClassVar[str] = "libopus"
    options: ClassVar[Mapping[str, str]] = {"deadline": "realtime", "cpu-used": "6", "b": "0"}
    rates: ClassVar[Mapping[Quality, int]] = {"small": 40, "good": 22, "best": 10}

    def _append_xmp(self) -> None:
        """Nothing to append: Matroska carries the recipe as a tag and has no place for XMP."""


class _AudioEncoder:
    # Encodes audio up to the time of the video, and cuts it where the video ends.

    def __init__(self, container: av.container.OutputContainer, codec: str, sound: AudioTrack, seconds: float) -> None:
        self._stream = cast(av.AudioStream, container.add_stream(codec, rate=48000, options={"b": "160000"}))
        self._container = container
        self._seconds = seconds
        self._reached = 0.0
        self._frames = self._read(sound)

    def encode_until(self, seconds: float) -> None:
        while self._reached < min(seconds + 0.5, self._seconds):
            frame = next(self._frames, None)
            if frame is None:
                return
            self._reached += frame.samples / frame.sample_rate
            self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self.encode_until(self._seconds)
        self._frames.close()
        self._container.mux(self._stream.encode(None))

    def _read(self, sound: AudioTrack) -> Generator[av.AudioFrame, None, None]:
        left, skip, at = round(self._seconds * 48000), round(sound.offset * 48000), 0
        with av.open(str(sound.path), format="flac") as source:
            resampler = av.AudioResampler(format="fltp", layout="stereo", rate=48000)
            for decoded in source.decode(audio=0):
                for frame in resampler.resample(decoded):
                    samples = frame.to_ndarray()
                    dropped = min(skip, samples.shape[1])
                    skip -= dropped
                    samples = samples[:, dropped : dropped + left]
                    if samples.shape[1] == 0:
                        continue
                    left -= samples.shape[1]
                    floats = np.ascontiguousarray(samples, dtype=np.float32)
                    encoded = av.AudioFrame.from_ndarray(floats, format="fltp", layout="stereo")
                    encoded.sample_rate, encoded.pts, encoded.time_base = 48000, at, Fraction(1, 48000)
                    at += samples.shape[1]
                    yield encoded
                    if left <= 0:
                        return


class _as_disk_errors:
    # Raises FFmpeg's write errors as OSError.

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, FFmpegError):
            raise OSError(error.errno, error.strerror) from error
