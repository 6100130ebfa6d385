"""Directions and latents as other programs store them, recognised by the structure of the file.

GANSpace's components (.npz), InterFaceGAN's boundaries and SeFa's factors (.npy), rosinality's factor.pt, and latents
as projected_w.npz, e4e and PTI store them. None of these files says for certain which model it was made for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.importing import file_formats
from models.importing.formats import numpy_file
from models.importing.formats.read_contents import read_contents
from models.importing.formats.zip_archive import read_members
from models.importing.limits import Budget, FileRefused, Limits
from models.importing.state_dicts import flatten
from models.importing.unpickle.records import ArrayRecord, TensorRecord

MAX_INFLATED = 256 * 2**20  # bytes; GANSpace's archives also hold arrays that are not needed
MAX_DIRECTIONS = 4096
UNIT_TOLERANCE = 1e-2  # by how much the length of a direction may differ from one
EXPECTED = (
    "Choose GANSpace's .npz, an InterFaceGAN or SeFa .npy, rosinality's factor.pt, or a latent projected into w or w+."
)

Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class VectorFile:
    """Directions [N, D] of length one, strongest first, with the standard deviation of latents along each in `spreads`
    [N] (1 where the file has none); or one latent, [1, D] or [layers, D]. All float32.
    """

    format: str
    kind: Literal["directions", "latent"]
    rows: Numbers
    spreads: Numbers


def read_vectors(data: memoryview, limits: Limits | None = None) -> VectorFile:
    """The directions or the latent in a file. Raises FileRefused, with a message and a hint, for anything else."""
    budget = Budget(limits or Limits(numbers=2**26), len(data))
    format = file_formats.detect_format(data)
    with np.errstate(all="ignore"):  # numbers that are not finite are refused in the end
        if format is file_formats.NPY:
            return _from_array(numpy_file.read(data, budget), "a numpy array")
        if format is file_formats.ZIP:
            members = read_members(data, budget, MAX_INFLATED)
            if file_formats.detect_zip(members) is file_formats.NPZ:
                return _from_archive(members, budget)
        value = read_contents(data, budget, {}).value
        if isinstance(value, TensorRecord | ArrayRecord):
            return _from_array(flatten({"w": value}, budget)["w"], "a tensor")
        if isinstance(value, dict) and isinstance(value.get("eigvec"), TensorRecord):
            columns = flatten({"eigvec": value["eigvec"]}, budget)["eigvec"]
            if columns.ndim != 2:
                raise FileRefused("The eigenvectors in the file are not a matrix.")
            return _directions(columns.T, None, "rosinality's factors")
        if isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), TensorRecord):
            return _from_array(flatten(value, budget).popitem()[1], "a PyTorch file of one tensor")
    raise FileRefused("The file holds neither directions nor a latent.", EXPECTED)


def _from_archive(members: Mapping[str, memoryview], budget: Budget) -> VectorFile:
    if "lat_comp.npy" in members:
        rows = numpy_file.read(members["lat_comp.npy"], budget)
        spreads = numpy_file.read(members["lat_stdev.npy"], budget) if "lat_stdev.npy" in members else None
        return _directions(rows.reshape(len(rows), -1) if rows.ndim == 3 else rows, spreads, "GANSpace's components")
    if "w.npy" in members:
        return _latent(numpy_file.read(members["w.npy"], budget), "a projected w")
    if len(members) == 1:
        return _from_array(numpy_file.read(next(iter(members.values())), budget), "a numpy archive of one array")
    names = ", ".join(name.removesuffix(".npy")[:40] for name in list(members)[:8])
    raise FileRefused(f"This is a NumPy archive of other arrays ({names}).", EXPECTED)


def _from_array(array: Numbers, format: str) -> VectorFile:
    # Boundaries and factors have length one; latents of a normal prior, or a w, are far longer.
    rows = array.reshape(1, -1) if array.ndim == 1 else array
    if rows.ndim == 2 and rows.size:
        lengths = np.linalg.norm(rows.astype(np.float64), axis=-1)
        if bool((np.abs(lengths - 1) < UNIT_TOLERANCE).all()):
            return _directions(rows, None, format)
    return _latent(rows, format)


def _directions(rows: Numbers, spreads: Numbers | None, format: str) -> VectorFile:
    if rows.ndim != 2 or not 1 <= len(rows) <= MAX_DIRECTIONS or rows.shape[1] < 2:
        raise FileRefused(f"The shape {list(rows.shape)} is not one of directions [N, D].", EXPECTED)
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    deviations = np.ones(len(rows)) if spreads is None else spreads.reshape(-1).astype(np.float64)
    if len(deviations) != len(rows) or not np.isfinite(lengths).all() or not np.isfinite(deviations).all():
        raise FileRefused("The numbers are not finite, or there is not one standard deviation per direction.")
    if (lengths <= 0).any() or (deviations <= 0).any():
        raise FileRefused("A direction has length zero.")
    unit_rows = (rows / lengths[:, None]).astype(np.float32)
    return VectorFile(format, "directions", unit_rows, deviations.astype(np.float32))


def _latent(array: Numbers, format: str) -> VectorFile:
    rows = array[0] if array.ndim == 3 and len(array) == 1 else array
    if rows.ndim != 2 or rows.size == 0 or rows.shape[1] < 2:
        raise FileRefused(f"The shape {list(array.shape)} is not one of a single latent.", EXPECTED)
    if not np.isfinite(rows).all():
        raise FileRefused("The file holds numbers that are not finite.")
    return VectorFile(format, "latent", rows.astype(np.float32), np.ones(len(rows), np.float32))
