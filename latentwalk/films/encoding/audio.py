"""Film audio: writing it as FLAC, and detecting beats."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

RATE = 48_000
WINDOW, DECIMATION = 1024, 2  # beats are detected at 24 kHz, in steps of ten milliseconds
THRESHOLD = 1.6  # of a beat's flux over the local mean
LEAST_FLUX = 0.15  # of a beat, as a share of the largest flux
SHORTEST_GAP = 0.18  # seconds between beats
MOST_BEATS = 4096

Mono = NDArray[np.float32]


def write(sound: NDArray[np.int16], path: Path) -> None:
    """Write 16-bit stereo at 48 kHz [N, 2] as FLAC. Raises OSError where the disk fails."""
    try:
        with av.open(str(path), "w", format="flac") as container:
            stream = container.add_stream("flac", rate=RATE, layout="stereo")
            for start in range(0, len(sound), RATE):
                frame = av.AudioFrame.from_ndarray(sound[start : start + RATE].reshape(1, -1), "s16", "stereo")
                frame.sample_rate = RATE
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def detect_beats(sound: NDArray[np.int16]) -> list[float]:
    """The times of beats, in seconds, in 16-bit stereo at 48 kHz [N, 2]."""
    mono = sound[::DECIMATION].mean(axis=1, dtype=np.float32) / 32768
    return beats(mono, RATE // DECIMATION)


def beats(mono: Mono, rate: int) -> list[float]:
    """Onset times in seconds: peaks of spectral flux above the local mean (Bello et al. 2005, "A tutorial on onset
    detection"). The flux is the rise of log magnitudes, summed over frequencies.
    """
    hop = rate // 100
    if len(mono) < WINDOW + hop:
        return []
    count = (len(mono) - WINDOW) // hop + 1
    shape = np.hanning(WINDOW).astype(np.float32)
    flux = np.zeros(count, dtype=np.float32)
    previous = np.zeros(WINDOW // 2 + 1, dtype=np.float32)
    for first in range(0, count, 4096):  # the spectra of minutes would take a gigabyte
        starts = np.arange(first, min(first + 4096, count)) * hop
        rows = mono[starts[:, None] + np.arange(WINDOW)[None, :]] * shape
        spectra = np.log1p(100 * np.abs(np.fft.rfft(rows, axis=1))).astype(np.float32)
        rises = np.diff(spectra, axis=0, prepend=previous[None])
        flux[first : first + len(starts)] = np.maximum(rises, 0).sum(axis=1)
        previous = spectra[-1]
    if flux.max() <= 1e-3:
        return []
    width = 2 * 30 + 1  # 0.6 seconds
    around = np.convolve(np.pad(flux, width // 2, mode="edge"), np.ones(width, np.float32) / width, mode="valid")
    level = np.maximum(THRESHOLD * around, LEAST_FLUX * flux.max())
    onsets: list[float] = []
    strongest = -1.0
    for index in np.flatnonzero(flux > level):
        peak = flux[index] >= flux[max(0, index - 3) : index + 4].max()
        at = (index * hop + WINDOW / 2) / rate
        if not peak:
            continue
        if onsets and at - onsets[-1] < SHORTEST_GAP:
            if flux[index] > strongest:
                onsets[-1], strongest = at, float(flux[index])
            continue
        onsets.append(at)
        strongest = float(flux[index])
    return [round(at, 3) for at in onsets[:MOST_BEATS]]
