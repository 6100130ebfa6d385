"""Directions and latents as other programs keep them, and what only looks like them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from models.importing.direction_files import read_vectors
from models.importing.limits import FileRefused
from tests.models.importing.pickle_writer import Call, Global, Kept, legacy_file, pickled, torch_zip, zipped

D = 8
SOURCE = np.random.default_rng(0)
LATENT = SOURCE.normal(0, 1, (1, 6, D)).astype(np.float32)


def unit(count: int) -> np.ndarray:
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
    rows, spread = unit(3), np.array([3.0, 2.0, 1.0], np.float32)
    mean = np.zeros((1, 1, D), np.float32)
    return npz(compressed, act_comp=rows[:, None], lat_comp=rows[:, None], lat_stdev=spread, lat_mean=mean)


@pytest.mark.parametrize("compressed", [False, True])
def test_ganspaces_components_come_with_their_spread(compressed: bool) -> None:
    found = read_vectors(memoryview(ganspace(compressed)))
    assert (found.format, found.kind, found.rows.shape) == ("GANSpace's components", "directions", (3, D))
    assert found.spreads.tolist() == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", "<f2"])
def test_a_boundary_is_a_row_of_length_one_however_it_was_written(kind: str, order: Any) -> None:
    row = unit(2)
    found = read_vectors(memoryview(npy(np.asarray(row.astype(kind), order=order))))
    assert found.kind == "directions"
    assert np.allclose(found.rows, row, atol=2e-3)


def test_rosinalitys_factors_are_the_columns_of_its_matrix() -> None:
    basis = np.linalg.qr(SOURCE.normal(0, 1, (D, D)))[0].astype(np.float32)
    found = read_vectors(memoryview(torch_zip({"ckpt": "some/where.pt", "eigvec": Kept(basis)})))
    assert (found.format, found.kind) == ("rosinality's factors", "directions")
    assert np.allclose(found.rows, basis.T, atol=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        npz(w=LATENT),
        npz(True, w=LATENT),
        npy(LATENT),
        npy(LATENT[0]),
        torch_zip(Kept(LATENT)),
        legacy_file(Kept(LATENT)),
        torch_zip({"face_3": Kept(LATENT)}),
    ],
    ids=["projected_w", "compressed", "npy", "npy without batch", "pt", "pt of old", "pt by name"],
)
def test_a_projected_latent_is_one_row_a_layer(data: bytes) -> None:
    found = read_vectors(memoryview(data))
    assert found.kind == "latent"
    assert np.array_equal(found.rows, LATENT[0])


def test_a_latent_of_one_row_is_told_from_a_direction_by_its_length() -> None:
    assert read_vectors(memoryview(npy(LATENT[0, :1]))).kind == "latent"
    assert read_vectors(memoryview(npy(LATENT[0, 0]))).rows.shape == (1, D)


def bomb() -> bytes:
    return npz(True, lat_comp=np.zeros((4096, 1, 2**15), np.float32))


class Harm:
    def __reduce__(self) -> Any:
        return print, ("run",)


REFUSED = {
    "objects in npy": (npy(np.array([Harm()], object)), "something else than plain numbers"),
    "objects in npz": (npz(w=np.array([Harm()], object)), "something else than plain numbers"),
    "a pickle": (pickled(Call(Global("os", "system"), ("true",))), "os.system"),
    "cut off": (npy(unit(1))[:-3], "another size than its shape"),
    "a header that is code": (
        b"\x93NUMPY\x01\x00" + (40).to_bytes(2, "little") + b"__import__('os').system('true')".ljust(40),
        "something else than plain numbers",
    ),
    "a header without end": (b"\x93NUMPY\x01\x00\xff\xff{'descr'", "something else than plain numbers"),
    "an impossible shape": (npy(unit(1)).replace(b"(1, 8)", b"(9, 8)"), "another size than its shape"),
    "inflated without end": (bomb(), "larger than any such file"),
    "another archive": (npz(images=LATENT, labels=LATENT), "a numpy archive of other things"),
    "a plain zip": (zipped({"readme.txt": b"hello"}), "not one that PyTorch wrote"),
    "nothing finite": (npy(np.full((1, D), np.nan, np.float32)), "not finite"),
    "a batch of latents": (npy(np.ones((3, 6, D), np.float32)), "no single latent"),
    "no length": (npz(lat_comp=np.zeros((2, 1, D), np.float32)), "has no length"),
    "empty": (npy(np.zeros((0, D), np.float32)), "no single latent"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_neither_is_refused_with_a_sentence(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    data, said = REFUSED[name]
    with pytest.raises(FileRefused, match=said) as refusal:
        read_vectors(memoryview(data))
    assert refusal.value.hint
    assert "run" not in capfd.readouterr().out
