"""Directions and latents as other programs store them, and files that only look like them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from models.importing.direction_files import read_vectors
from models.importing.limits import FileRefused
from tests.models.importing.pickle_writer import (
    Call,
    Global,
    TensorValue,
    legacy_file,
    pickle_bytes,
    torch_zip,
    zip_bytes,
)

D = 8
SOURCE = np.random.default_rng(0)
LATENT = SOURCE.normal(0, 1, (1, 6, D)).astype(np.float32)


def unit_rows(count: int) -> np.ndarray:
    rows = SOURCE.normal(0, 1, (count, D))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def npz(compressed: bool = False, **arrays: Any) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def ganspace(compressed: bool = True) -> bytes:
    rows, spread = unit_rows(3), np.array([3.0, 2.0, 1.0], np.float32)
    mean = np.zeros((1, 1, D), np.float32)
    return npz(compressed, act_comp=rows[:, None], lat_comp=rows[:, None], lat_stdev=spread, lat_mean=mean)


@pytest.mark.parametrize("compressed", [False, True])
def test_ganspace_components_keep_their_deviations(compressed: bool) -> None:
    vectors = read_vectors(memoryview(ganspace(compressed)))
    assert (vectors.format, vectors.kind, vectors.rows.shape) == ("GANSpace's components", "directions", (3, D))
    assert vectors.spreads.tolist() == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", "<f2"])
def test_a_boundary_is_read_in_every_dtype_and_order(kind: str, order: Any) -> None:
    row = unit_rows(2)
    vectors = read_vectors(memoryview(npy(np.asarray(row.astype(kind), order=order))))
    assert vectors.kind == "directions"
    assert np.allclose(vectors.rows, row, atol=2e-3)


def test_rosinality_factors_are_the_columns_of_the_matrix() -> None:
    basis = np.linalg.qr(SOURCE.normal(0, 1, (D, D)))[0].astype(np.float32)
    vectors = read_vectors(memoryview(torch_zip({"ckpt": "some/where.pt", "eigvec": TensorValue(basis)})))
    assert (vectors.format, vectors.kind) == ("rosinality's factors", "directions")
    assert np.allclose(vectors.rows, basis.T, atol=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        npz(w=LATENT),
        npz(True, w=LATENT),
        npy(LATENT),
        npy(LATENT[0]),
        torch_zip(TensorValue(LATENT)),
        legacy_file(TensorValue(LATENT)),
        torch_zip({"face_3": TensorValue(LATENT)}),
    ],
    ids=["projected_w", "compressed", "npy", "npy without batch", "pt", "legacy pt", "pt in a dictionary"],
)
def test_a_projected_latent_has_one_row_per_layer(data: bytes) -> None:
    vectors = read_vectors(memoryview(data))
    assert vectors.kind == "latent"
    assert np.array_equal(vectors.rows, LATENT[0])


def test_a_single_latent_is_told_from_a_direction_by_its_length() -> None:
    assert read_vectors(memoryview(npy(LATENT[0, :1]))).kind == "latent"
    assert read_vectors(memoryview(npy(LATENT[0, 0]))).rows.shape == (1, D)


def bomb() -> bytes:
    return npz(True, lat_comp=np.zeros((4096, 1, 2**15), np.float32))


class RunsCode:
    def __reduce__(self) -> Any:
        return print, ("run",)


REFUSED = {
    "objects in npy": (npy(np.array([RunsCode()], object)), "does not hold plain numbers"),
    "objects in npz": (npz(w=np.array([RunsCode()], object)), "does not hold plain numbers"),
    "a pickle": (pickle_bytes(Call(Global("os", "system"), ("true",))), "os.system"),
    "cut off": (npy(unit_rows(1))[:-3], "does not match its shape"),
    "a header that is code": (
        b"\x93NUMPY\x01\x00" + (40).to_bytes(2, "little") + b"__import__('os').system('true')".ljust(40),
        "does not hold plain numbers",
    ),
    "a header without end": (b"\x93NUMPY\x01\x00\xff\xff{'descr'", "does not hold plain numbers"),
    "an impossible shape": (npy(unit_rows(1)).replace(b"(1, 8)", b"(9, 8)"), "does not match its shape"),
    "a compression bomb": (bomb(), "too large once it is unpacked"),
    "another archive": (npz(images=LATENT, labels=LATENT), "a NumPy archive of other arrays"),
    "a plain zip": (zip_bytes({"readme.txt": b"hello"}), "but not a PyTorch file"),
    "not finite": (npy(np.full((1, D), np.nan, np.float32)), "not finite"),
    "a batch of latents": (npy(np.ones((3, 6, D), np.float32)), "not one of a single latent"),
    "length zero": (npz(lat_comp=np.zeros((2, 1, D), np.float32)), "has length zero"),
    "empty": (npy(np.zeros((0, D), np.float32)), "not one of a single latent"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_files_are_refused_with_a_message(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    data, message = REFUSED[name]
    with pytest.raises(FileRefused, match=message) as error:
        read_vectors(memoryview(data))
    assert error.value.hint
    assert "run" not in capfd.readouterr().out
