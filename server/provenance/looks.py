"""What a picture looks like in 255 bits, near to itself after being resized, recompressed or recoloured a little.

They are the signs of its low frequencies (Zauner 2010, "Implementation and benchmarking of perceptual image hashes").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE, KEPT = 64, 16
BYTES = KEPT * KEPT // 8
ALIKE = 26  # bits in which two pictures of the same thing may differ


def look(picture: Image.Image) -> bytes:
    """The hash of a picture, 32 bytes: signs of the 16 x 16 lowest cosines of its 64 x 64 grey version, each against
    the median; the mean is left out.
    """
    grey = np.asarray(picture.convert("RGB").convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64)
    basis = _cosines()
    low = basis @ grey @ basis.T
    low[0, 0] = 0.0
    return np.packbits(low > np.median(low)).tobytes()


def distance(first: bytes, second: bytes) -> int:
    """Bits in which two hashes differ, 0 to 256."""
    return (int.from_bytes(first) ^ int.from_bytes(second)).bit_count()


def nearest(looks: Sequence[bytes], known: Iterable[bytes]) -> NDArray[np.int64]:
    """For each known hash the distance to the nearest of `looks`."""
    rows = np.frombuffer(b"".join(known), dtype=np.uint8).reshape(-1, BYTES)
    best = np.full(len(rows), 8 * BYTES, dtype=np.int64)
    for one in looks:
        other = np.frombuffer(one, dtype=np.uint8)
        best = np.minimum(best, np.bitwise_count(rows ^ other).sum(axis=1, dtype=np.int64))
    return best


def _cosines() -> NDArray[np.float64]:
    # The first rows of the discrete cosine transform, type II.
    rows, columns = np.arange(KEPT)[:, None], np.arange(SIDE)[None, :]
    return np.asarray(np.cos(np.pi * rows * (2 * columns + 1) / (2 * SIDE)))
