"""Other programs' directions and latents as plain numbers: what their files hold, told by their structure.

GANSpace's components (npz), InterFaceGAN's boundaries and SeFa's factors (npy), rosinality's factor.pt, and latents as
`projected_w.npz`, e4e and PTI keep them. None of them says for sure which model it was made for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.importing.formats.detect_format import read_contents
from models.importing.formats.zip_archive import members
from models.importing.limits import Budget, FileRefused, Limits
from models.importing.state_dicts import flatten
from models.importing.unpickle.records import Array, Tensor
from models.importing.unpickle.tensor_bytes import CUT

NPY = b"\x93NUMPY"
HEADER = re.compile(
    r"\{'descr': '(?P<kind>[<>|=][fiu]\d)', 'fortran_order': (?P<fortran>True|False), "
    r"'shape': \((?P<shape>[\d, ]*)\), ?\}\s*"
)
INFLATED = 256 * 2**20  # bytes; GANSpace's archives also hold what is not needed
MOST = 4096  # directions
UNIT = 1e-2  # how far from one a direction's length may be
GIVE = "Give GANSpace's .npz, an InterFaceGAN or SeFa .npy, rosinality's factor.pt, or a projected w or w+."

Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class VectorFile:
    """Directions [N, D] of length one, strongest first, with the deviation of latents along each (1 where not told); or
    one latent, [1, D] or [layers, D].
    """

    format: str
    kind: Literal["directions", "latent"]
    rows: Numbers
    spreads: Numbers


def read_vectors(data: memoryview, limits: Limits | None = None) -> VectorFile:
    """What a file of directions or of a latent holds. Refused, with a sentence and a hint, for anything else."""
    budget = Budget(limits or Limits(numbers=2**26))
    start = bytes(data[:8])
    with np.errstate(all="ignore"):  # what is not finite is refused in the end
        if start.startswith(NPY):
            return _array(npy_bytes(data, budget), "a numpy array")
        if start.startswith(b"PK\x03\x04") and (inside := _archive(data, budget)) is not None:
            return _named(inside, budget)
        value = read_contents(data, budget, {}).value
        if isinstance(value, Tensor | Array):
            return _array(flatten({"w": value}, budget)["w"], "a tensor")
        if isinstance(value, dict) and isinstance(value.get("eigvec"), Tensor):
            columns = flatten({"eigvec": value["eigvec"]}, budget)["eigvec"]
            if columns.ndim != 2:
                raise FileRefused("Its eigenvectors are no matrix.")
            return _directions(columns.T, None, "rosinality's factors")
        tensors = [part for part in value.values() if isinstance(part, Tensor)] if isinstance(value, dict) else []
        if len(tensors) == 1 and isinstance(value, dict) and len(value) == 1:
            return _array(flatten(value, budget).popitem()[1], "a PyTorch file of one tensor")
    raise FileRefused("This holds neither directions nor a latent.", GIVE)


def npy_bytes(data: memoryview, budget: Budget) -> Numbers:
    """A numpy array's file, whose header is matched and never evaluated; Refused for anything but plain numbers."""
    if len(data) < 12 or data[6] not in (1, 2, 3):
        raise FileRefused("It is a damaged numpy file.", CUT)
    wide = 2 if data[6] == 1 else 4
    begin = 8 + wide
    end = begin + int.from_bytes(data[8:begin], "little")
    told = HEADER.fullmatch(bytes(data[begin : min(end, begin + 4096)]).decode("latin1"))
    if told is None or end > len(data):
        raise FileRefused("It is a numpy file of something else than plain numbers.", "Save it again as float32.")
    sides = [side for side in told["shape"].replace(" ", "").split(",") if side]
    if len(sides) > 8 or any(len(side) > 9 for side in sides):
        raise FileRefused("It has a shape that cannot be.")
    shape, kind = tuple(map(int, sides)), np.dtype(told["kind"])
    count = math.prod(shape)
    budget.decode(count)
    if len(data) - end != count * kind.itemsize:
        raise FileRefused("It has another size than its shape says.", CUT)
    array = np.frombuffer(data[end:], kind).reshape(shape, order="F" if told["fortran"] == "True" else "C")
    return np.asarray(array, np.float32)


def _archive(data: memoryview, budget: Budget) -> Mapping[str, memoryview] | None:
    # A numpy archive's members; None where it is another zip archive, such as PyTorch's.
    inside = members(data, budget, INFLATED)
    return inside if inside and all(name.endswith(".npy") for name in inside) else None


def _named(inside: Mapping[str, memoryview], budget: Budget) -> VectorFile:
    if "lat_comp.npy" in inside:
        rows = npy_bytes(inside["lat_comp.npy"], budget)
        spreads = npy_bytes(inside["lat_stdev.npy"], budget) if "lat_stdev.npy" in inside else None
        return _directions(rows.reshape(len(rows), -1) if rows.ndim == 3 else rows, spreads, "GANSpace's components")
    if "w.npy" in inside:
        return _latent(npy_bytes(inside["w.npy"], budget), "a projected w")
    if len(inside) == 1:
        return _array(npy_bytes(next(iter(inside.values())), budget), "a numpy archive of one array")
    names = ", ".join(name.removesuffix(".npy")[:40] for name in list(inside)[:8])
    raise FileRefused(f"This is a numpy archive of other things ({names}).", GIVE)


def _array(array: Numbers, format: str) -> VectorFile:
    # Boundaries and factors have length one; latents of a normal prior, or a w, are far longer.
    rows = array.reshape(1, -1) if array.ndim == 1 else array
    lengths = np.linalg.norm(rows.astype(np.float64), axis=-1) if rows.ndim == 2 else np.zeros(1)
    if rows.ndim == 2 and rows.size and bool((np.abs(lengths - 1) < UNIT).all()):
        return _directions(rows, None, format)
    return _latent(rows, format)


def _directions(rows: Numbers, spreads: Numbers | None, format: str) -> VectorFile:
    if rows.ndim != 2 or not 1 <= len(rows) <= MOST or rows.shape[1] < 2:
        raise FileRefused(f"Its directions are of the shape {list(rows.shape)}, which is none.", GIVE)
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    spread = np.ones(len(rows)) if spreads is None else spreads.reshape(-1).astype(np.float64)
    if len(spread) != len(rows) or not np.isfinite(lengths).all() or not np.isfinite(spread).all():
        raise FileRefused("Its numbers are not finite, or not as many as its directions.")
    if (lengths <= 0).any() or (spread <= 0).any():
        raise FileRefused("One of its directions has no length.")
    return VectorFile(format, "directions", (rows / lengths[:, None]).astype(np.float32), spread.astype(np.float32))


def _latent(array: Numbers, format: str) -> VectorFile:
    rows = array[0] if array.ndim == 3 and len(array) == 1 else array
    if rows.ndim != 2 or rows.size == 0 or rows.shape[1] < 2:
        raise FileRefused(f"It holds numbers of the shape {list(array.shape)}, which is no single latent.", GIVE)
    if not np.isfinite(rows).all():
        raise FileRefused("It holds numbers that are not finite.")
    return VectorFile(format, "latent", rows.astype(np.float32), np.ones(len(rows), np.float32))
