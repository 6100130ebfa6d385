"""A stranger's ONNX generator seen: what its graph takes and gives, and, by trying it, how that becomes pictures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import Invalid
from models.generators.onnx import OnnxGeneratorPlan, open_graph, sample_prior
from models.importing.limits import printable
from models.importing.passport import Passport, Sizes, TensorFact
from models.sandbox.client import Sandbox, SandboxError, SandboxTaskFailed, plain_text
from models.sandbox.protocol import REFUSED

FORMAT = "an ONNX graph"
EXPORT = "Export it with torch.onnx.export, from z [N, D] to pictures [N, 3, H, W]."
TRIED = 4  # pictures by which the span of its numbers is told
MOST_SIDE, MOST_WIDE = 4096, 2**16
MEMORY = 3 * 2**30
NOTE = "It runs in a jail and has no gradient: sliders are found in its pictures or learned from scores, not as walks."

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Value:
    name: str
    kind: str
    shape: tuple[int | None, ...]


def inspect(data: Bytes, *, unlocked: bool = False) -> tuple[Passport, dict[str, NDArray[Any]]]:
    """The passport of the graph and its state as models.graph.OnnxGenerator takes it; Invalid for what is none."""
    try:
        with Sandbox("onnx", memory=MEMORY, unlocked=unlocked) as jail:
            told = jail.call("inspect", {"inputs": 2, "inventory": True}, [data], most=0).body
    except SandboxTaskFailed as error:
        reason = error.text if error.kind == REFUSED else "It cannot be read as ONNX."
        raise Invalid(reason, EXPORT) from error
    inputs, outputs = (_values(told.get(part)) for part in ("inputs", "outputs"))
    z, classes = _z(inputs), _classes(inputs)
    output = next((one for one in outputs if len(one.shape) == 4), None)
    if output is None:
        raise Invalid("It gives no pictures: none of its outputs has four dimensions.", EXPORT)
    batch = z.shape[0] or 0
    plan = OnnxGeneratorPlan(
        batch=batch, rank=len(z.shape), half=z.kind == "float16", classes=classes, last=False, scale=1.0, offset=0.0,
        output=output.name,
    )  # fmt: skip
    width = int(z.shape[1] or 0)
    rows = np.stack([sample_prior(seed, width) for seed in range(TRIED)])
    weights = np.eye(classes, dtype=np.float32)[np.zeros(TRIED, int)] if classes else None
    with open_graph(data, unlocked) as ask:
        raw = np.concatenate([ask(plan, *part) for part in _parts(rows, weights, batch)])
    plan, sizes = _painted(plan, raw, width)
    metadata = told.get("metadata")
    passport = Passport(
        format=FORMAT, family="onnx", sizes=sizes, sha256=hashlib.sha256(data.data).hexdigest(), bytes=len(data),
        tensors=_inventory(told.get("tensors")), numbers=_count(told.get("parameters")),
        names=tuple(plain_text(one, 60) for one in _list(told.get("operators"), 500)), inert=(), sources={},
        licence=plain_text(metadata.get("license", ""), 200) if isinstance(metadata, dict) else "",
        notes=(f"{_count(told.get('nodes')):,} nodes.", NOTE),
    )  # fmt: skip
    return passport, {"graph": np.asarray(data), **plan.stored()}


def _z(inputs: list[_Value]) -> _Value:
    first = inputs[0]
    flat = len(first.shape) == 2 or (len(first.shape) == 4 and first.shape[2:] == (1, 1))
    if not flat or not 2 <= (first.shape[1] or 0) <= MOST_WIDE or first.kind not in ("float32", "float16"):
        told = ", ".join("?" if side is None else str(side) for side in first.shape)
        raise Invalid(f"Its input [{told}] is no latent: a generator takes [N, D] of floats.", EXPORT)
    return first


def _classes(inputs: list[_Value]) -> int:
    if len(inputs) == 1:
        return 0
    second = inputs[1]
    if len(second.shape) != 2 or second.kind not in ("float32", "float16") or not 2 <= (second.shape[1] or 0) <= 10_000:
        raise Invalid(f"Its second input “{second.name[:60]}” is not a row of class weights [N, K].", EXPORT)
    return int(second.shape[1] or 0)


def _parts(rows: NDArray[Any], weights: NDArray[Any] | None, batch: int) -> list[tuple[NDArray[Any], Any]]:
    size = batch or len(rows)
    if len(rows) % size:
        rows, weights = rows[:1].repeat(size, 0), None if weights is None else weights[:1].repeat(size, 0)
    starts = range(0, len(rows), size)
    return [(rows[at : at + size], None if weights is None else weights[at : at + size]) for at in starts]


def _painted(plan: OnnxGeneratorPlan, raw: NDArray[Any], width: int) -> tuple[OnnxGeneratorPlan, Sizes]:
    # Which side is the channels', and whether values run from -1, from 0 to 1, or to 255, as pictures themselves show.
    if raw.ndim != 4 or not np.isfinite(raw).all():
        raise Invalid("What it gives is no picture: it is not finite, or has not four dimensions.", EXPORT)
    last = raw.shape[1] not in (1, 3) and raw.shape[3] in (1, 3)
    picture = np.moveaxis(raw, 3, 1) if last else raw
    channels, height, across = picture.shape[1:]
    if channels not in (1, 3) or not (8 <= height <= MOST_SIDE and 8 <= across <= MOST_SIDE):
        raise Invalid(f"What it gives is no picture: its shape is {list(raw.shape[1:])}.", EXPORT)
    low, high = float(picture.min()), float(picture.max())
    scale, offset = (2 / 255, -1.0) if high > 8 else (1.0, 0.0) if low < -0.02 else (2.0, -1.0)
    made = OnnxGeneratorPlan(plan.batch, plan.rank, plan.half, plan.classes, last, scale, offset, plan.output)
    return made, Sizes(height, across, channels, plan.classes, width, 0, 1)


def _values(told: object) -> list[_Value]:
    found = []
    for one in _list(told, 64):
        if not isinstance(one, dict) or not isinstance(one.get("shape"), list) or len(one["shape"]) > 8:
            raise Invalid("One of its inputs or outputs does not say its shape.", EXPORT)
        shape = tuple(None if side is None else _count(side) for side in one["shape"])
        found.append(_Value(plain_text(one.get("name"), 200), plain_text(one.get("kind"), 20), shape))
    if not found:
        raise Invalid("It has no inputs or outputs.", EXPORT)
    return found


def _inventory(told: object) -> tuple[TensorFact, ...]:
    facts = []
    for one in _list(told, 20_000):
        name, kind, shape = _list(one, 3)
        facts.append(TensorFact(printable(str(name)[:200]), plain_text(kind, 20), tuple(map(_count, _list(shape, 16)))))
    return tuple(facts)


def _list(told: object, most: int) -> list[Any]:
    if not isinstance(told, list) or len(told) > most:
        raise SandboxError("What was found in it makes no sense.", "Check the file and where it comes from.")
    return told


def _count(told: object) -> int:
    if type(told) is not int or not 0 <= told < 2**53:
        raise SandboxError("What was found in it makes no sense.", "Check the file and where it comes from.")
    return told
