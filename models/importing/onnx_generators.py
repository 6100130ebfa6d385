"""Inspects an ONNX generator of unknown origin: its inputs and outputs, and, by running it, its images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import Invalid
from models.generators.onnx import OnnxGeneratorPlan, open_graph, sample_prior
from models.importing.limits import printable
from models.importing.passport import Passport, Sizes, TensorFact
from models.sandbox.client import Sandbox, SandboxError, SandboxRefused, SandboxTaskFailed, plain_text

FORMAT = "an ONNX graph"
EXPORT_CODE = 'torch.onnx.export(generator.eval(), (torch.zeros(1, 128),), "generator.onnx", external_data=False)'
EXPORT = f"Export it from z [N, D] to images [N, 3, H, W]: {EXPORT_CODE}."
SAMPLES = 4  # images from which the value range is read off
MIN_SIDE, MAX_SIDE, MAX_WIDTH, MAX_CLASSES = 8, 4096, 2**16, 10_000
MAX_VALUES, MAX_DIMENSIONS = 64, 8  # inputs or outputs, and sides of each
FLOATS = ("float32", "float16")
MEMORY = 3 * 2**30  # bytes for the sandbox
NOTE = (
    "It runs in the sandbox and has no gradient: sliders are found in its images or learned from scores, not as walks."
)

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Value:
    """An input or output of the graph; a side of None is left open by it."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


def inspect(data: Bytes, *, unlocked: bool = False) -> tuple[Passport, dict[str, NDArray[Any]]]:
    """The passport of a graph, and its state as `models.generators.onnx.OnnxGenerator` takes it.

    Raises Invalid for a graph that is not a generator.
    """
    try:
        with Sandbox("onnx", memory=MEMORY, unlocked=unlocked) as sandbox:
            body = sandbox.call("inspect", {"inputs": 2, "inventory": True}, [data], most=0).body
    except SandboxRefused as error:
        raise Invalid(error.text, EXPORT) from error
    except SandboxTaskFailed as error:
        raise Invalid("The file cannot be read as ONNX.", EXPORT) from error
    inputs, outputs = (_values(body.get(part)) for part in ("inputs", "outputs"))
    z, classes = _check_latent(inputs), _count_classes(inputs)
    output = next((value for value in outputs if len(value.shape) == 4), None)
    if output is None:
        raise Invalid("The graph returns no images: none of its outputs has four dimensions.", EXPORT)
    batch, width = z.shape[0] or 0, int(z.shape[1] or 0)
    plan = OnnxGeneratorPlan(
        batch=batch, rank=len(z.shape), half=z.dtype == "float16", classes=classes, last=False, scale=1.0, offset=0.0,
        output=output.name,
    )  # fmt: skip
    plan, sizes = _fit_plan(plan, _sample_images(data, plan, width, unlocked), width)
    metadata = body.get("metadata")
    passport = Passport(
        format=FORMAT, family="onnx", sizes=sizes, sha256=hashlib.sha256(data.data).hexdigest(), bytes=len(data),
        tensors=_inventory(body.get("tensors")), numbers=_count(body.get("parameters")),
        names=tuple(plain_text(name, 60) for name in _list(body.get("operators"), 500)), inert=(), sources={},
        licence=plain_text(metadata.get("license", ""), 200) if isinstance(metadata, dict) else "",
        notes=(f"{_count(body.get('nodes')):,} nodes.", NOTE),
    )  # fmt: skip
    return passport, {"graph": np.asarray(data), **plan.stored()}


def _check_latent(inputs: list[_Value]) -> _Value:
    # The first input, which must be z [N, D] or [N, D, 1, 1].
    z = inputs[0]
    flat = len(z.shape) == 2 or (len(z.shape) == 4 and z.shape[2:] == (1, 1))
    if not flat or not 2 <= (z.shape[1] or 0) <= MAX_WIDTH or z.dtype not in FLOATS:
        shape = ", ".join("?" if side is None else str(side) for side in z.shape)
        raise Invalid(f"The input [{shape}] is no latent: a generator takes [N, D] of floats.", EXPORT)
    return z


def _count_classes(inputs: list[_Value]) -> int:
    if len(inputs) == 1:
        return 0
    second = inputs[1]
    if len(second.shape) != 2 or second.dtype not in FLOATS or not 2 <= (second.shape[1] or 0) <= MAX_CLASSES:
        raise Invalid(f"The second input “{second.name[:60]}” is not a row of class weights [N, K].", EXPORT)
    return int(second.shape[1] or 0)


def _sample_images(data: Bytes, plan: OnnxGeneratorPlan, width: int, unlocked: bool) -> NDArray[Any]:
    # What the graph returns for the first seeds and the first class: a full batch where it takes a fixed number.
    z = np.stack([sample_prior(seed, width) for seed in range(SAMPLES)])
    size = plan.batch or SAMPLES
    if SAMPLES % size:
        z = z[:1].repeat(size, 0)
    classes = np.eye(plan.classes, dtype=np.float32)[np.zeros(len(z), int)] if plan.classes else None
    with open_graph(data, unlocked) as ask:
        batches = [
            ask(plan, z[start : start + size], None if classes is None else classes[start : start + size])
            for start in range(0, len(z), size)
        ]
    return np.concatenate(batches)


def _fit_plan(plan: OnnxGeneratorPlan, raw: NDArray[Any], width: int) -> tuple[OnnxGeneratorPlan, Sizes]:
    # Which side holds the channels, and whether values run from -1 to 1, 0 to 1 or 0 to 255: read off the images.
    if raw.ndim != 4 or not np.isfinite(raw).all():
        raise Invalid("The output is no image: it is not finite, or does not have four dimensions.", EXPORT)
    last = raw.shape[1] not in (1, 3) and raw.shape[3] in (1, 3)
    channels, height, across = (np.moveaxis(raw, 3, 1) if last else raw).shape[1:]
    if channels not in (1, 3) or not all(MIN_SIDE <= side <= MAX_SIDE for side in (height, across)):
        raise Invalid(f"The output is no image: its shape is {list(raw.shape[1:])}.", EXPORT)
    low, high = float(raw.min()), float(raw.max())
    scale, offset = (2 / 255, -1.0) if high > 8 else (1.0, 0.0) if low < -0.02 else (2.0, -1.0)
    sizes = Sizes(height, across, channels, plan.classes, width, 0, 1)
    return replace(plan, last=last, scale=scale, offset=offset), sizes


def _values(answer: object) -> list[_Value]:
    values = []
    for row in _list(answer, MAX_VALUES):
        if not isinstance(row, dict) or not isinstance(row.get("shape"), list) or len(row["shape"]) > MAX_DIMENSIONS:
            raise Invalid("An input or output of the graph has no shape.", EXPORT)
        shape = tuple(None if side is None else _count(side) for side in row["shape"])
        values.append(_Value(plain_text(row.get("name"), 200), plain_text(row.get("kind"), 20), shape))
    if not values:
        raise Invalid("The graph has no inputs or outputs.", EXPORT)
    return values


def _inventory(answer: object) -> tuple[TensorFact, ...]:
    facts = []
    for row in _list(answer, 20_000):
        name, dtype, shape = _list(row, 3)
        facts.append(
            TensorFact(printable(str(name)[:200]), plain_text(dtype, 20), tuple(map(_count, _list(shape, 16))))
        )
    return tuple(facts)


def _list(answer: object, most: int) -> list[Any]:
    if not isinstance(answer, list) or len(answer) > most:
        raise _invalid()
    return answer


def _count(answer: object) -> int:
    if type(answer) is not int or not 0 <= answer < 2**53:
        raise _invalid()
    return answer


def _invalid() -> SandboxError:
    return SandboxError(
        "The sandbox returned an invalid description of the file.", "Check the file and where it comes from."
    )
