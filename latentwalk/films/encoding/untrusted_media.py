"""Decodes untrusted audio, images and films in the sandbox; only arrays come out."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from latentwalk.errors import Invalid
from models.sandbox.client import Sandbox, SandboxError, SandboxRefused, SandboxTaskFailed, SandboxUnavailable

SECONDS = 120.0
REASON = re.compile(r"[a-zA-Z ,]{1,100}")  # of the messages that the sandbox task itself raises
HINT = "Use another file."


def decode_audio(data: bytes) -> NDArray[np.int16]:
    """The audio in a file as 16-bit stereo at 48 kHz, [N, 2]. Raises Invalid where there is none."""
    pairs = _run_in_sandbox("decode_audio", data)
    if pairs.dtype != np.uint8 or pairs.ndim != 2 or pairs.shape[1] != 4 or len(pairs) == 0:
        raise _damaged()
    return np.ascontiguousarray(pairs).view("<i2").reshape(-1, 2).astype(np.int16, copy=False)


def decode_frames(data: bytes) -> NDArray[np.uint8]:
    """A few frames of an image or film, downscaled, uint8 [N, 64, 64, 3]. Raises Invalid where there are none."""
    frames = _run_in_sandbox("decode_frames", data)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[1:] != (64, 64, 3) or len(frames) == 0:
        raise _damaged()
    return np.asarray(frames)


def _run_in_sandbox(name: str, data: bytes) -> NDArray[np.uint8]:
    try:
        with Sandbox("media", seconds=SECONDS) as sandbox:
            arrays = sandbox.call(name, {}, [np.frombuffer(data, np.uint8)]).arrays
    except SandboxUnavailable as error:
        raise Invalid(str(error), error.hint) from error
    except SandboxRefused as error:  # its text is untrusted unless it is one of the task's own messages
        known = REASON.fullmatch(error.text)
        raise Invalid(f"The file cannot be used: {error.text}." if known else str(_damaged()), HINT) from error
    except SandboxTaskFailed as error:
        raise Invalid(str(_damaged()), HINT) from error
    except SandboxError as error:
        raise Invalid(f"The file cannot be read. {error}", HINT) from error
    if len(arrays) != 1:
        raise _damaged()
    return np.asarray(arrays[0])


def _damaged() -> Invalid:
    return Invalid("The file cannot be read: it is damaged, or not of the type it claims.", HINT)
