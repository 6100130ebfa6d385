"""Sounds, pictures and films of strangers: a decoder sees them only in the jail; what comes out are plain numbers."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from latentwalk.errors import Invalid
from models.sandbox.client import Sandbox, SandboxError, SandboxRefused, SandboxTaskFailed, SandboxUnavailable

SECONDS = 120.0
REASON = re.compile(r"[a-zA-Z ,]{1,100}")


def decode_audio(data: bytes) -> NDArray[np.int16]:
    """The sound in a file as 16-bit stereo at 48 kHz, [N, 2]; Invalid, with a sentence, where there is none."""
    pairs = _asked("decode_audio", data)
    if pairs.dtype != np.uint8 or pairs.ndim != 2 or pairs.shape[1] != 4 or len(pairs) == 0:
        raise _nonsense()
    return np.ascontiguousarray(pairs).view("<i2").reshape(-1, 2).astype(np.int16, copy=False)


def decode_frames(data: bytes) -> NDArray[np.uint8]:
    """A few small frames of a picture or film, [N, 64, 64, 3]; Invalid, with a sentence, where there are none."""
    frames = _asked("decode_frames", data)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[1:] != (64, 64, 3) or len(frames) == 0:
        raise _nonsense()
    return np.asarray(frames)


def _asked(name: str, data: bytes) -> NDArray[np.uint8]:
    try:
        with Sandbox("media", seconds=SECONDS) as jail:
            arrays = jail.call(name, {}, [np.frombuffer(data, np.uint8)]).arrays
    except SandboxUnavailable as error:
        raise Invalid(str(error), error.hint) from error
    except SandboxRefused as error:  # its own words are repeated only where they are those that we gave it to say
        known = REASON.fullmatch(error.text)
        raise Invalid(f"That file cannot be used: {error.text}." if known else str(_nonsense()), HINT) from error
    except SandboxTaskFailed as error:
        raise Invalid(str(_nonsense()), HINT) from error
    except SandboxError as error:
        raise Invalid(f"That file cannot be read. {error}", HINT) from error
    if len(arrays) != 1:
        raise _nonsense()
    return np.asarray(arrays[0])


HINT = "Bring another."


def _nonsense() -> Invalid:
    return Invalid("That file cannot be read: it is damaged, or not what it says.", HINT)
