"""StyleGAN3's synthesis network from NVIDIA's names to our layout, its filters and sizes as the file has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from models.importing.families.stylegan2 import Layout
from models.importing.limits import FileRefused
from models.importing.passport import Converted, Sizes, TensorFact
from models.importing.state_dicts import State, float_tensors, take, under_prefix
from models.importing.unpickle.records import Array, DType

NO_SETTINGS = "The file has only a StyleGAN3's weights, and not the sizes of its layers, which they do not show."
TWIST = "Its own turn and shift of the picture were set back to none."
MOST_SIDE = 8192

Attributes = Mapping[str, Mapping[Any, Any]]


def convert(
    layout: Layout,
    state: State,
    about: Attributes,
    format: str,
    facts: tuple[TensorFact, ...],
    told: Mapping[str, Any],
) -> Converted:
    """The whole generator; `layout` has its mapping network. Refused where the settings are missing or cannot be."""
    own, synthesis = under_prefix(state, "synthesis."), about.get("synthesis")
    if synthesis is None:
        raise FileRefused(NO_SETTINGS, "Give NVIDIA's own pickle.")
    names = synthesis.get("layer_names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not 2 <= len(names) <= 64:
        raise FileRefused(NO_SETTINGS, "Give NVIDIA's own pickle.")
    made: State = dict(layout.state)
    made["synthesis.scale"] = np.array(_number(synthesis.get("output_scale", 0.25)), np.float32)
    _input(made, under_prefix(own, "input."), about.get("synthesis.input", {}))
    for number, name in enumerate(names):
        _layer(made, number, under_prefix(own, f"{name}."), about.get(f"synthesis.{name}", {}))
    made = float_tensors(made)
    sizes = _sizes(made, len(names))
    notes = (*layout.notes, *told["notes"])
    if not np.allclose(own.get("input.transform", np.eye(3)), np.eye(3)):
        notes = (*notes, TWIST)
    about_it = {**told, "notes": notes}
    return replace(Converted(format, "stylegan3", sizes, made, facts), **about_it)


def _input(made: State, own: State, told: Mapping[Any, Any]) -> None:
    root = "synthesis.input"
    channels = take(own, "weight", None, None).shape[0]
    made[f"{root}.weight"] = take(own, "weight", channels, channels)
    made[f"{root}.frequencies"] = take(own, "freqs", channels, 2)
    made[f"{root}.phases"] = take(own, "phases", channels)
    made[f"{root}.affine.weight"], made[f"{root}.affine.bias"] = _affine(own, 4)
    width, height = _pair(told.get("size"))
    made[f"{root}.plan"] = np.array(
        [width, height, _number(told.get("sampling_rate")), _number(told.get("bandwidth"))], np.float32
    )


def _layer(made: State, number: int, own: State, told: Mapping[Any, Any]) -> None:
    root = f"synthesis.layers.{number}"
    weight = take(own, "weight", None, None, None, None)
    outside, inside, kernel, _ = weight.shape
    colours = told.get("is_torgb") is True
    up, down = int(_number(told.get("up_factor"))), int(_number(told.get("down_factor")))
    clamp = told.get("conv_clamp")
    padding = told.get("padding")
    if not isinstance(padding, list) or len(padding) != 4 or not all(abs(int(_real(side))) < 256 for side in padding):
        raise FileRefused(NO_SETTINGS)
    if kernel not in (1, 3) or not 1 <= up <= 8 or not 1 <= down <= 8:
        raise FileRefused("One of its layers has settings that are not known here.")
    sides = (*_pair(told.get("in_size")), *_pair(told.get("out_size")))
    bound = float("inf") if clamp is None else _number(clamp)
    plan = [*sides, up, down, *(int(_real(side)) for side in padding), float(colours), min(bound, 1e30)]
    made[f"{root}.plan"] = np.array(plan, np.float32)
    made[f"{root}.affine.weight"], made[f"{root}.affine.bias"] = _affine(own, inside)
    made[f"{root}.weight"], made[f"{root}.bias"] = weight, take(own, "bias", outside)
    made[f"{root}.size"] = take(own, "magnitude_ema").astype(np.float32)
    for name, theirs, factor in (("up", "up_filter", up), ("down", "down_filter", down)):
        if theirs in own:
            made[f"{root}.{name}"] = own[theirs]
            if own[theirs].ndim not in (1, 2) or max(own[theirs].shape) > 256:
                raise FileRefused("One of its layers has a filter that is not known here.")
        elif factor != 1:
            raise FileRefused("One of its layers resamples without a filter.")


def _affine(own: State, outside: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return take(own, "affine.weight", outside, None), take(own, "affine.bias", outside)


def _sizes(state: State, layers: int) -> Sizes:
    embed = state.get("mapping.embed.weight")
    number = sum(name.startswith("mapping.layers.") for name in state) // 2
    first, last = state["mapping.layers.0.weight"], state[f"mapping.layers.{number - 1}.weight"]
    plan = state[f"synthesis.layers.{layers - 1}.plan"]
    return Sizes(
        height=int(plan[3]),
        width=int(plan[2]),
        channels=state[f"synthesis.layers.{layers - 1}.weight"].shape[0],
        classes=0 if embed is None else embed.shape[1],
        z=first.shape[1] - (0 if embed is None else embed.shape[0]),
        w=last.shape[0],
        layers=layers + 1,
    )


def _pair(value: object) -> tuple[int, int]:
    if isinstance(value, Array):
        value = _integers(value)
    if isinstance(value, int):
        value = [value, value]
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise FileRefused(NO_SETTINGS)
    width, height = (int(_number(side)) for side in value)
    if max(width, height) > MOST_SIDE:
        raise FileRefused("One of its layers makes larger pictures than are known here.")
    return width, height


def _integers(value: Array) -> list[int]:
    from models.importing.limits import Budget
    from models.importing.unpickle.tensor_bytes import array

    if value.shape != (2,) or not isinstance(value.dtype, DType):
        raise FileRefused(NO_SETTINGS)
    return [int(side) for side in array(value, Budget())]


def _real(value: object) -> float:
    if not isinstance(value, int | float) or not abs(value) < 1e9:
        raise FileRefused(NO_SETTINGS)
    return float(value)


def _number(value: object) -> float:
    number = _real(value)
    if number <= 0:
        raise FileRefused(NO_SETTINGS)
    return number
