"""Sound files of strangers: decoded with limits into one of our own, and the beats that are heard in it.

Runs only in a process of its own (`server.confined`); FFmpeg's decoders are large and the file is anybody's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

RATE = 48_000
LONGEST = 1200  # seconds that are kept
FORMATS = "wav,mp3,flac,ogg,mov,aac,aiff"
WINDOW, DOWN = 1024, 2  # beats are heard at 24 kHz, in steps of ten milliseconds
FLOOR = 1.6  # a beat's flux over the local mean
NEAREST = 0.18  # seconds between beats
MOST_BEATS = 4096

Mono = NDArray[np.float32]


def listen(path: Path, out: Path) -> dict[str, Any]:
    """Decode a sound into 48 kHz stereo FLAC at `out`; its seconds and its beats. ValueError for what is no sound."""
    heard: list[Mono] = []
    count = 0
    try:
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        with av.open(str(path), options=options) as source, av.open(str(out), "w", format="flac") as kept:
            if not source.streams.audio:
                raise ValueError("there is no sound in it")
            stream = kept.add_stream("flac", rate=RATE, layout="stereo")
            resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
            for decoded in source.decode(audio=0):
                for frame in resampler.resample(decoded):
                    samples = frame.to_ndarray().reshape(-1, 2)
                    heard.append(samples[::DOWN].mean(axis=1, dtype=np.float32) / 32768)
                    count += len(samples)
                    frame.pts = None
                    kept.mux(stream.encode(frame))
                if count >= LONGEST * RATE:
                    break
            kept.mux(stream.encode(None))
    except (FFmpegError, UnicodeDecodeError, OverflowError, MemoryError) as error:
        raise ValueError("it is not a sound that can be read") from error
    if count == 0:
        raise ValueError("there is no sound in it")
    mono = np.concatenate(heard)
    return {"seconds": round(count / RATE, 3), "beats": beats(mono, RATE // DOWN)}


def beats(mono: Mono, rate: int) -> list[float]:
    """The seconds at which something new is heard: peaks of spectral flux, the rise of log magnitudes summed over
    frequencies, above their surroundings (Bello and others 2005, "A tutorial on onset detection").
    """
    hop = rate // 100
    if len(mono) < WINDOW + hop:
        return []
    count = (len(mono) - WINDOW) // hop + 1
    shape = np.hanning(WINDOW).astype(np.float32)
    flux = np.zeros(count, dtype=np.float32)
    before = np.zeros(WINDOW // 2 + 1, dtype=np.float32)
    for first in range(0, count, 4096):  # minutes of spectra at once would be a gigabyte
        starts = np.arange(first, min(first + 4096, count)) * hop
        rows = mono[starts[:, None] + np.arange(WINDOW)[None, :]] * shape
        spectra = np.log1p(100 * np.abs(np.fft.rfft(rows, axis=1))).astype(np.float32)
        rises = np.diff(spectra, axis=0, prepend=before[None])
        flux[first : first + len(starts)] = np.maximum(rises, 0).sum(axis=1)
        before = spectra[-1]
    if flux.max() <= 1e-3:
        return []
    width = 2 * 30 + 1  # six tenths of a second
    around = np.convolve(np.pad(flux, width // 2, mode="edge"), np.ones(width, np.float32) / width, mode="valid")
    level = np.maximum(FLOOR * around, 0.15 * flux.max())
    found: list[float] = []
    strongest = -1.0
    for index in np.flatnonzero(flux > level):
        peak = flux[index] >= flux[max(0, index - 3) : index + 4].max()
        at = (index * hop + WINDOW / 2) / rate
        if not peak:
            continue
        if found and at - found[-1] < NEAREST:
            if flux[index] > strongest:
                found[-1], strongest = at, float(flux[index])
            continue
        found.append(at)
        strongest = float(flux[index])
    return [round(at, 3) for at in found[:MOST_BEATS]]
