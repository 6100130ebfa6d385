"""Checkpoints in the jail: a stranger's bytes to a passport and safetensors."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

import numpy as np

from models.importing.direction_files import read_vectors
from models.importing.limits import FileRefused, Limits
from models.importing.passport import Converted
from models.importing.read_in_sandbox import read as read_bytes

Answer = tuple[dict[str, Any], list[np.ndarray]]


def prepare() -> None:
    """Import what is needed, and use each part once: nothing can be imported later."""
    from safetensors.numpy import save

    rows = np.random.default_rng(0).standard_normal((3, 4), np.float32)
    np.lib.stride_tricks.as_strided(rows, (2, 2), (4, 4))
    np.linalg.norm(rows @ rows.T)
    np.allclose(np.rint(rows), np.outer(rows[0], rows[0])[:3])
    layers = {f"main.{number}.weight": np.zeros((4, 4, 4, 4), np.float32) for number in (0, 1)}
    layers["main.2.weight"] = np.zeros((4, 3, 4, 4), np.float32)
    made, _ = read({}, [np.frombuffer(save(layers), np.uint8)])
    assert made["passport"]["family"] == "dcgan"
    archive = io.BytesIO()
    np.savez_compressed(archive, w=rows[None])
    assert vectors({}, [np.frombuffer(archive.getvalue(), np.uint8)])[0]["kind"] == "latent"
    for start in (b"", b"\x80\x04N.", b"\x80\x04\xff", b"PK\x03\x04", b"{}", b"\x80\x04cos\nsystem\n."):
        for call in (read, vectors):
            assert "refused" in call({}, [np.frombuffer(start, np.uint8)])[0]


def read(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """The passport of the file `arrays[0]` (uint8) and its generator's weights as safetensors (uint8).

    `arrays[1]`, if it is there, is the config.json that lay beside the file. A refusal is an answer, too: its sentence
    and hint. `given` may have `seconds`.
    """
    from safetensors.numpy import save

    config = arrays[1].tobytes() if len(arrays) > 1 else b""
    try:
        passport, converted = read_bytes(arrays[0].data.cast("B"), config, Limits(**given))
    except FileRefused as refused:
        return {"refused": str(refused), "hint": refused.hint}, []
    data = save({name: np.ascontiguousarray(array).reshape(array.shape) for name, array in converted.state.items()})
    return {"passport": asdict(passport), "classes": _classes(converted)}, [np.frombuffer(data, np.uint8)]


def vectors(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """The directions or the latent in the file `arrays[0]` (uint8): rows and spreads, float32; or a refusal."""
    try:
        found = read_vectors(arrays[0].data.cast("B"))
    except FileRefused as refused:
        return {"refused": str(refused), "hint": refused.hint}, []
    return {"format": found.format, "kind": found.kind}, [found.rows, found.spreads]


def _classes(converted: Converted) -> list[str]:
    return [name[:100] for name in converted.classes]


CALLS = {"read": read, "vectors": vectors}
