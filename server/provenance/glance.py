"""What a stranger's picture or film looks like: a few of its frames, hashed. Runs only in a process of its own."""

from __future__ import annotations

import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from PIL import Image, ImageSequence, UnidentifiedImageError

from server.provenance.looks import look

PICTURES = ("PNG", "JPEG", "WEBP", "GIF")
FILMS = "mov,matroska"
MOST_PIXELS = 64_000_000
FRAMES, STEP = 24, 10


def glance(path: Path) -> dict[str, Any]:
    """The looks, in hex, of up to 24 frames of a file; ValueError where it is neither picture nor film."""
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(path, formats=PICTURES) as opened:
            return {
                "looks": [look(frame).hex() for frame in islice(ImageSequence.Iterator(opened), 0, FRAMES * STEP, STEP)]
            }
    except UnidentifiedImageError:
        pass
    except (OSError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError, Warning) as error:
        raise ValueError("it is a damaged picture, or far too large") from error
    try:
        options = {"format_whitelist": FILMS, "protocol_whitelist": "file"}
        with av.open(str(path), options=options) as source:
            if not source.streams.video:
                raise ValueError("there are no pictures in it")
            if source.streams.video[0].width * source.streams.video[0].height > MOST_PIXELS:
                raise ValueError("its pictures are far too large")
            frames = islice(source.decode(video=0), 0, FRAMES * STEP, STEP)
            pictures = (Image.fromarray(frame.to_ndarray(format="rgb24")) for frame in frames)
            return {"looks": [look(picture).hex() for picture in pictures]}
    except (FFmpegError, UnicodeDecodeError, OverflowError, MemoryError) as error:
        raise ValueError("it is neither a picture nor a film that can be read") from error
