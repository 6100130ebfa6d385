"""Inspects an ONNX generator of unknown origin: its inputs and outputs, and, by running it, its images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import Invalid
from models.generators.onnx import OnnxGeneratorPlan, open_graph, sample_prior
from models.importing.limits import printable
from models.importing.onnx.roles import EXPORT, GraphValue, assign_roles, count_classes, format_shape, knows_classes
from models.importing.passport import GraphFacts, Passport, Sizes, TensorFact
from models.sandbox.client import Sandbox, SandboxError, SandboxRefused, SandboxTaskFailed, plain_text

FORMAT = "an ONNX graph"
SAMPLES = 4  # images from which the value range is read off
MIN_SIDE, MAX_SIDE, MAX_INPUTS = 8, 4096, 4
OVERSHOOT = 0.15  # of values beyond 0 or 1 that are taken for a range of 0..1
MAX_VALUES, MAX_DIMENSIONS = 64, 8  # inputs or outputs, and sides of each
MEMORY = 3 * 2**30  # bytes for the sandbox
NOTE = (
    "It runs in the sandbox and has no gradient: sliders are found in its images or learned from scores, not as walks."
)

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """What its owner says about a graph: the range of its images, the number of its classes, roles of inputs by name.

    What is left out is guessed from the graph.
    """

    range: str = ""
    classes: int | None = None
    roles: Mapping[str, str] = field(default_factory=dict)


def inspect(
    data: Bytes, *, options: GraphOptions | None = None, unlocked: bool = False
) -> tuple[Passport, dict[str, NDArray[Any]]]:
    """The passport of a graph, and its state as `models.generators.onnx.OnnxGenerator` takes it.

    Raises Invalid for a graph that is not a generator.
    """
    options = options or GraphOptions()
    try:
        with Sandbox("onnx", memory=MEMORY, unlocked=unlocked) as sandbox:
            body = sandbox.call("inspect", {"inputs": MAX_INPUTS, "inventory": True}, [data], most=0).body
    except SandboxRefused as error:
        raise Invalid(error.text, EXPORT) from error
    except SandboxTaskFailed as error:
        raise Invalid("The file cannot be read as ONNX.", EXPORT) from error
    values, outputs = (_values(body.get(part)) for part in ("inputs", "outputs"))
    inputs = assign_roles(values, options.roles)
    z = next(one for one in inputs if one.role == "z")
    classes = count_classes(inputs, options.classes, body.get("labels"))
    output = next((value for value in outputs if len(value.shape) == 4), None)
    if output is None:
        raise Invalid("The graph returns no images: none of its outputs has four dimensions.", EXPORT)
    batch, width = z.shape[0] or 0, int(z.shape[1] or 0)
    is_usual = [one.role for one in inputs] in (["z"], ["z", "weights"]) and len({one.dtype for one in inputs}) == 1
    plan = OnnxGeneratorPlan(
        batch=batch, rank=len(z.shape), half=z.dtype == "float16", classes=classes, last=False, scale=1.0, offset=0.0,
        output=output.name, inputs=() if is_usual and z.dtype in ("float32", "float16") else tuple(inputs),
    )  # fmt: skip
    plan, raw = _sample_images(data, plan, width, unlocked)
    plan, sizes = _fit_plan(plan, raw, width)
    if options.range:
        plan = plan.with_range(options.range)
    graph = GraphFacts(
        plan.range, bool(options.range), options != GraphOptions(), float(raw.min()), float(raw.max()), len(raw),
        tuple((one.name, one.role, one.dtype, format_shape(one.shape)) for one in plan.inputs or inputs),
    )  # fmt: skip
    unsure = (
        ()
        if knows_classes(inputs, options.classes, body.get("labels"))
        else (f"The graph does not say how many classes it has; {classes} are assumed.",)
    )
    metadata = body.get("metadata")
    passport = Passport(
        format=FORMAT, family="onnx", sizes=sizes, sha256=hashlib.sha256(data.data).hexdigest(), bytes=len(data),
        tensors=_inventory(body.get("tensors")), numbers=_count(body.get("parameters")),
        names=tuple(plain_text(name, 60) for name in _list(body.get("operators"), 500)), inert=(), sources={},
        licence=plain_text(metadata.get("license", ""), 200) if isinstance(metadata, dict) else "",
        notes=(f"{_count(body.get('nodes')):,} nodes.", NOTE, *_notes(graph, plan), *unsure), graph=graph,
    )  # fmt: skip
    return passport, {"graph": np.asarray(data), **plan.stored()}


def _notes(graph: GraphFacts, plan: OnnxGeneratorPlan) -> Iterator[str]:
    seen = f"{graph.samples} images, whose values run from {graph.low:.3g} to {graph.high:.3g}"
    if graph.is_range_given:
        yield f"Its output range is {graph.range}, as it was given; it was tried on {seen}."
    else:
        yield f"Its output range, {graph.range}, was guessed from {seen}."
    if plan.batch:
        drawn = "one image" if plan.batch == 1 else f"{plan.batch} images"
        yield f"Its batch is fixed at {plan.batch}: it makes {drawn} per call."
    roles = {one.role for one in plan.inputs}
    if "label" in roles:
        yield "Its classes are labels: an image has one, and a mixture takes the class with the most weight."
    if "constant" in roles:
        yield "An input that is given 1 for every image changes nothing, or was said to be constant."
    if "psi" in roles:
        yield "It truncates by itself: the truncation of an edit is its psi."


def _sample_images(
    data: Bytes, plan: OnnxGeneratorPlan, width: int, unlocked: bool
) -> tuple[OnnxGeneratorPlan, NDArray[Any]]:
    # What the graph returns for the first seeds and the first class, and the plan: a graph that declares any batch
    # but takes only one image is called with one at a time.
    try:
        images = _draw_samples(data, plan, width, unlocked)
    except SandboxRefused as error:
        single = replace(plan, batch=1)
        try:
            if plan.batch:
                raise error
            plan, images = single, _draw_samples(data, single, width, unlocked)
        except SandboxRefused:
            raise Invalid(error.text, EXPORT) from error
    if plan.has_psi and np.array_equal(images, _draw_samples(data, plan, width, unlocked, 0.5)):
        inputs = (replace(one, role="constant") if one.role == "psi" else one for one in plan.inputs)
        plan = replace(plan, inputs=tuple(inputs))  # it ignores its psi, so truncation scales z as without one
    return plan, images


def _draw_samples(data: Bytes, plan: OnnxGeneratorPlan, width: int, unlocked: bool, psi: float = 1.0) -> NDArray[Any]:
    # A full batch where it takes a fixed number.
    z = np.stack([sample_prior(seed, width) for seed in range(SAMPLES)])
    size = plan.batch or SAMPLES
    if SAMPLES % size:
        z = z[:1].repeat(size, 0)
    if plan.has_psi:
        z = np.concatenate([z, np.full((len(z), 1), psi, z.dtype)], 1)
    classes = np.eye(plan.classes, dtype=np.float32)[np.zeros(len(z), int)] if plan.classes else None
    with open_graph(data, unlocked) as ask:
        batches = [
            ask(plan, z[start : start + size], None if classes is None else classes[start : start + size])
            for start in range(0, len(z), size)
        ]
    if any(len(batch) != size for batch in batches):
        raise SandboxRefused(f"The graph returned {len(batches[0])} images for {size} latents.", EXPORT)
    return np.concatenate(batches)


def _fit_plan(plan: OnnxGeneratorPlan, raw: NDArray[Any], width: int) -> tuple[OnnxGeneratorPlan, Sizes]:
    # Which side holds the channels, and whether values run from -1 to 1, 0 to 1 or 0 to 255: read off the images.
    if raw.ndim != 4 or not np.isfinite(raw).all():
        raise Invalid("The output is no image: it is not finite, or does not have four dimensions.", EXPORT)
    last = raw.shape[1] not in (1, 3) and raw.shape[3] in (1, 3)
    channels, height, across = (np.moveaxis(raw, 3, 1) if last else raw).shape[1:]
    if channels not in (1, 3) or not all(MIN_SIDE <= side <= MAX_SIDE for side in (height, across)):
        raise Invalid(f"The output is no image: its shape is {list(raw.shape[1:])}.", EXPORT)
    latent = width + 1 if plan.has_psi else 0
    sizes = Sizes(height, across, channels, plan.classes, width, latent, 1)
    return replace(plan.with_range(guess_range(float(raw.min()), float(raw.max()))), last=last), sizes


def guess_range(low: float, high: float) -> str:
    """The likely range of images whose values run from `low` to `high`; networks may overshoot theirs a little."""
    if high > 8:
        return "0..255"
    return "0..1" if low >= -0.02 or (low > -OVERSHOOT and high > 1 - OVERSHOOT) else "-1..1"


def _values(answer: object) -> list[GraphValue]:
    values = []
    for row in _list(answer, MAX_VALUES):
        if not isinstance(row, dict) or not isinstance(row.get("shape"), list) or len(row["shape"]) > MAX_DIMENSIONS:
            raise Invalid("An input or output of the graph has no shape.", EXPORT)
        shape = tuple(None if side is None else _count(side) for side in row["shape"])
        values.append(GraphValue(plain_text(row.get("name"), 200), plain_text(row.get("kind"), 20), shape))
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
