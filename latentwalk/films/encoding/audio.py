"""Sounds of films: kept as a file of our own making, and the beats that are heard in them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

RATE = 48_000
WINDOW, DOWN = 1024, 2  # beats are heard at 24 kHz, in steps of ten milliseconds
FLOOR = 1.6  # a beat's flux over the local mean
NEAREST = 0.18  # seconds between beats
MOST_BEATS = 4096

Mono = NDArray[np.float32]


def write(sound: NDArray[np.int16], path: Path) -> None:
    """Keep a sound, 16-bit stereo at 48 kHz [N, 2], as FLAC. Errors of the disk are OSError."""
    try:
        with av.open(str(path), "w", format="flac") as kept:
            stream = kept.add_stream("flac", rate=RATE, layout="stereo")
            for start in range(0, len(sound), RATE):
                frame = av.AudioFrame.from_ndarray(sound[start : start + RATE].reshape(1, -1), "s16", "stereo")
                frame.sample_rate = RATE
                kept.mux(stream.encode(frame))
            kept.mux(stream.encode(None))
    except FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def detect_beats(sound: NDArray[np.int16]) -> list[float]:
    """The beats of a sound, 16-bit stereo at 48 kHz [N, 2], in seconds."""
    mono = sound[::DOWN].mean(axis=1, dtype=np.float32) / 32768
    return beats(mono, RATE // DOWN)


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
