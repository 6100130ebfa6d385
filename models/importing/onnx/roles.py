"""Finds out which inputs of an ONNX generator are z, the class and the truncation, or asks its owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from models.errors import Invalid
from models.generators.onnx_inputs import ROLES, GraphInput, Role

EXPORT_CODE = 'torch.onnx.export(generator.eval(), (torch.zeros(1, 128),), "generator.onnx", external_data=False)'
EXPORT = f"Export it from z [N, D] to images [N, 3, H, W]: {EXPORT_CODE}."
MAX_WIDTH, MAX_CLASSES = 2**16, 10_000
USUAL_CLASSES = 10
FLOATS, INTEGERS = ("float32", "float16", "float64"), ("int32", "int64")
SAY = "Say what each is: --input NAME=ROLE, with z, weights (of classes), label, psi (truncation) or constant (1)."


@dataclass(frozen=True, slots=True)
class GraphValue:
    """An input or output of the graph; a side of None is left open by it."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


def assign_roles(values: Sequence[GraphValue], given: Mapping[str, str]) -> list[GraphInput]:
    """The inputs with their roles: as `given` by name, others by shape. Invalid where one fits no role, or two one."""
    unknown = set(given) - {value.name for value in values}
    if unknown:
        names = ", ".join(value.name[:60] for value in values)
        raise Invalid(f"The graph has no input “{min(unknown)[:60]}”.", f"Its inputs are {names}.")
    inputs = [_assign(value, given.get(value.name, "")) for value in values]
    # Of two inputs that could be z, the one with a latent's name, or else the first; the other holds class weights.
    latents = [one for one in inputs if one.role == "z"]
    if len(latents) == 2 and "z" not in given.values():
        z = next((one for one in latents if one.name.lower() in ("z", "latent", "noise")), latents[0])
        inputs = [
            GraphInput(one.name, "weights", one.dtype, one.shape)
            if one in latents and one is not z and len(one.shape) == 2
            else one
            for one in inputs
        ]
    roles = [one.role for one in inputs]
    if "z" not in roles:
        shapes = ", ".join(f"{value.name[:40]} {format_shape(value.shape)}" for value in values)
        raise Invalid(f"No input is a latent [N, D] of floats; the graph takes {shapes}.", EXPORT)
    if any(roles.count(role) > 1 for role in ("z", "psi")) or roles.count("weights") + roles.count("label") > 1:
        listed = ", ".join(f"{one.name[:40]} = {one.role}" for one in inputs)
        raise Invalid(f"Two inputs have the same role: {listed}.", SAY)
    return inputs


def count_classes(inputs: Sequence[GraphInput], given: int | None, tables: object) -> int:
    """The number of classes: the width of class weights, the table that a label selects from, or as `given`.

    USUAL_CLASSES where nothing tells it; only its owner knows.
    """
    for one in inputs:
        if one.role == "weights":
            count = one.shape[1] or given
        elif one.role == "label":
            found = tables.get(one.name) if isinstance(tables, dict) else None
            count = given or (found if type(found) is int else None)
        else:
            continue
        count = USUAL_CLASSES if count is None else count
        if not 2 <= count <= MAX_CLASSES:
            raise Invalid(f"The graph has {count} classes.", f"2 to {MAX_CLASSES:,} are supported.")
        return count
    return 0


def format_shape(shape: Sequence[int | None]) -> str:
    """A shape as text; "?" stands for a side that is left open."""
    return "[" + ", ".join("?" if side is None else str(side) for side in shape) + "]"


def _assign(value: GraphValue, given: str) -> GraphInput:
    role = given or _guess(value)
    if role not in ROLES:
        raise Invalid(f"“{role[:20]}” is no role of an input.", SAY)
    if not _fits(value, role):
        described = f"“{value.name[:60]}”, {value.dtype} {format_shape(value.shape)},"
        raise Invalid(f"The input {described} is no {'latent' if role == 'z' else role}.", SAY if given else EXPORT)
    return GraphInput(value.name, cast(Role, role), value.dtype, value.shape)


def _guess(value: GraphValue) -> str:
    if value.dtype in INTEGERS:
        return "label"
    return "psi" if _is_scalar(value.shape) else "z"


def _fits(value: GraphValue, role: str) -> bool:
    shape = value.shape
    if role == "label":
        return value.dtype in (*INTEGERS, *FLOATS) and _is_scalar(shape)
    if value.dtype not in FLOATS:
        return False
    if role in ("psi", "constant"):
        return _is_scalar(shape)
    if role == "weights":
        return len(shape) == 2
    flat = len(shape) == 2 or (len(shape) == 4 and shape[2:] == (1, 1))
    return flat and 2 <= (shape[1] or 0) <= MAX_WIDTH


def _is_scalar(shape: Sequence[int | None]) -> bool:
    # One number for all images or for each: [], [N], [N, 1] and so on.
    return len(shape) <= 4 and all(side == 1 for side in shape[1:])


def knows_classes(inputs: Sequence[GraphInput], given: int | None, tables: object) -> bool:
    """Whether the number of classes is given, or told by the graph."""
    names = tables if isinstance(tables, dict) else {}
    return given is not None or not any(
        (one.role == "label" and one.name not in names) or (one.role == "weights" and not one.shape[1])
        for one in inputs
    )
