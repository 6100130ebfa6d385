"""The sandbox task for checkpoints: an untrusted file's bytes to a passport and safetensors, or to directions.

It lies here and not beside the sandbox's other tasks so that the sandbox does not depend on this package.
"""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

import numpy as np

from models.errors import Invalid
from models.importing.direction_files import read_vectors
from models.importing.limits import FileRefused, Limits
from models.importing.read_in_sandbox import read as read_checkpoint

Answer = tuple[dict[str, Any], list[np.ndarray]]
WARM_UP_FILES = (b"", b"\x80\x04N.", b"\x80\x04\xff", b"PK\x03\x04", b"{}", b"\x80\x04cos\nsystem\n.")


def prepare() -> None:
    """Import everything and use each part once, because nothing can be imported once the sandbox is closed."""
    from safetensors.numpy import save

    rows = np.random.default_rng(0).standard_normal((3, 4), np.float32)
    np.lib.stride_tricks.as_strided(rows, (2, 2), (4, 4))
    np.linalg.norm(rows @ rows.T)
    np.allclose(np.rint(rows), np.outer(rows[0], rows[0])[:3])
    layers = {f"main.{number}.weight": np.zeros((4, 4, 4, 4), np.float32) for number in (0, 1)}
    layers["main.2.weight"] = np.zeros((4, 3, 4, 4), np.float32)
    answer, _ = read({}, [np.frombuffer(save(layers), np.uint8)])
    assert answer["passport"]["family"] == "dcgan"
    archive = io.BytesIO()
    np.savez_compressed(archive, w=rows[None])
    assert vectors({}, [np.frombuffer(archive.getvalue(), np.uint8)])[0]["kind"] == "latent"
    for data in WARM_UP_FILES:
        for call in (read, vectors):
            assert "refused" in call({}, [np.frombuffer(data, np.uint8)])[0]


def read(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """The passport of the file `arrays[0]` (uint8) and its generator's weights as safetensors (uint8).

    `arrays[1]`, if there is one, is the config.json beside the file; `parameters` may override `Limits`. A refusal is
    an answer, too: the keys "refused" (its message) and "hint".
    """
    from safetensors.numpy import save

    config = arrays[1].tobytes() if len(arrays) > 1 else b""
    try:
        passport, converted = read_checkpoint(arrays[0].data.cast("B"), config, Limits(**parameters))
    except Invalid as refusal:  # of which FileRefused is one
        return {"refused": str(refusal), "hint": refusal.hint}, []
    data = save({name: np.ascontiguousarray(array).reshape(array.shape) for name, array in converted.state.items()})
    classes = [name[:100] for name in converted.classes]
    return {"passport": asdict(passport), "classes": classes}, [np.frombuffer(data, np.uint8)]


def vectors(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """The directions or the latent in the file `arrays[0]` (uint8): rows and spreads, float32; or a refusal."""
    try:
        file = read_vectors(arrays[0].data.cast("B"))
    except FileRefused as refusal:
        return {"refused": str(refusal), "hint": refusal.hint}, []
    return {"format": file.format, "kind": file.kind}, [file.rows, file.spreads]


CALLS = {"read": read, "vectors": vectors}
