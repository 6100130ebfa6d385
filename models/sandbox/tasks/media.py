"""The sandbox task for audio, images and videos: decoded, within limits, into plain numbers."""

from __future__ import annotations

import io
import struct
import warnings
from itertools import islice
from typing import Any

import numpy as np

from models.errors import Invalid

Answer = tuple[dict[str, Any], list[np.ndarray]]
RATE = 48_000  # Hz
MAX_SECONDS = 1200  # of audio that are decoded
AUDIO_FORMATS = "wav,mp3,flac,ogg,mov,aac,aiff"  # FFmpeg's demuxers
VIDEO_FORMATS = "mov,matroska"
IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")  # Pillow's names
MAX_PIXELS = 64_000_000
MAX_FRAMES, FRAME_STEP, SIDE = 24, 10, 64
BOX = 4  # Pillow's resampling filter: the mean over each box


def prepare() -> None:
    """Import everything and use each part once, because nothing can be imported once the sandbox is closed."""
    from PIL import Image, ImageCms

    Image.init()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    decode_audio({}, [_silence()])
    for format in IMAGE_FORMATS:
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, format, icc_profile=profile)
        decode_frames({}, [np.frombuffer(buffer.getvalue(), np.uint8)])
    for call in (decode_audio, decode_frames):
        try:
            call({}, [np.zeros(20, np.uint8)])
        except Invalid:  # so that the imports of error handling are done, too
            continue


def decode_audio(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """The audio in the file `arrays[0]` (uint8), as 16-bit stereo at 48 kHz: bytes [N, 4], little-endian pairs."""
    import av

    chunks: list[np.ndarray] = []
    count = 0
    try:
        with av.open(io.BytesIO(arrays[0].tobytes()), "r", options={"format_whitelist": AUDIO_FORMATS}) as source:
            if not source.streams.audio:
                raise Invalid("it contains no audio")
            resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
            for decoded in source.decode(audio=0):
                for frame in resampler.resample(decoded):
                    samples = np.ascontiguousarray(frame.to_ndarray().reshape(-1, 2), dtype="<i2")
                    chunks.append(samples.view(np.uint8).reshape(-1, 4))
                    count += len(samples)
                if count >= MAX_SECONDS * RATE:
                    break
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise Invalid("it is not an audio file that can be read") from error
    if count == 0:
        raise Invalid("it contains no audio")
    return {"rate": RATE}, [np.concatenate(chunks)]


def decode_frames(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """Up to 24 frames, every tenth, of the image or video `arrays[0]` (uint8), scaled to [N, 64, 64, 3] (uint8)."""
    from PIL import Image, ImageSequence, UnidentifiedImageError

    from models.importing.formats.image_file import check_size

    data = arrays[0].tobytes()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as image:
            check_size(image)
            frames = islice(ImageSequence.Iterator(image), 0, MAX_FRAMES * FRAME_STEP, FRAME_STEP)
            return {}, [np.stack([_scale(frame) for frame in frames])]
    except UnidentifiedImageError:
        return _decode_video(data)
    except Invalid:
        raise Invalid("it is a damaged image, or far too large") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, Warning) as error:
        raise Invalid("it is a damaged image, or far too large") from error


CALLS = {"decode_audio": decode_audio, "decode_frames": decode_frames}


def _decode_video(data: bytes) -> Answer:
    import av
    from PIL import Image

    try:
        with av.open(io.BytesIO(data), "r", options={"format_whitelist": VIDEO_FORMATS}) as source:
            if not source.streams.video:
                raise Invalid("it contains no images")
            stream = source.streams.video[0]
            if stream.width * stream.height > MAX_PIXELS:
                raise Invalid("its images are far too large")
            decoded = islice(source.decode(stream), 0, MAX_FRAMES * FRAME_STEP, FRAME_STEP)
            frames = [_scale(Image.fromarray(frame.to_ndarray(format="rgb24"))) for frame in decoded]
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise Invalid("it is neither an image nor a video that can be read") from error
    if not frames:
        raise Invalid("it contains no images")
    return {}, [np.stack(frames)]


def _scale(image: Any) -> np.ndarray:
    from models.importing.formats.image_file import to_rgb

    return np.asarray(to_rgb(image).resize((SIDE, SIDE), BOX), dtype=np.uint8)


def _silence() -> np.ndarray:
    # A WAV file with a hundredth of a second of silence.
    body = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + struct.pack("<I", 160)
    return np.frombuffer(b"RIFF" + struct.pack("<I", len(body) + 160) + body + bytes(160), np.uint8)
