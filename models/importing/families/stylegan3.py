"""StyleGAN3's synthesis network from NVIDIA's names to this package's layout, with the file's own filters and sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from models.importing.families.stylegan2 import Affine, StateBuilder, embedding
from models.importing.limits import Budget, FileRefused
from models.importing.passport import ConvertedGenerator, Sizes, TensorFact
from models.importing.state_dicts import State, float_tensors, require, under_prefix
from models.importing.unpickle.records import ArrayRecord
from models.importing.unpickle.tensor_bytes import decode_array

NO_SETTINGS = (
    "The file has only a StyleGAN3's weights, not the sizes of its layers, which they do not show.",
    "Import the pickle that NVIDIA's own code wrote, in which its modules have their settings.",
)
TRANSFORM_RESET = "The file's own rotation and translation of the picture were reset to none."
MAX_SIDE, MAX_TAPS, MAX_PADDING, MAX_FACTOR = 8192, 256, 256, 8
NO_CLAMP = 1e30  # stands for infinity, which a float32 state dict must not hold

Attributes = Mapping[str, Mapping[Any, Any]]  # of each module, by its dotted path


def convert(
    builder: StateBuilder,
    state: State,
    attributes: Attributes,
    format: str,
    inventory: tuple[TensorFact, ...],
    details: Mapping[str, Any],
) -> ConvertedGenerator:
    """The generator; `builder` holds its mapping network, `details` further fields of ConvertedGenerator.

    Raises FileRefused where settings are missing or invalid.
    """
    tensors, synthesis = under_prefix(state, "synthesis."), attributes.get("synthesis")
    names = None if synthesis is None else synthesis.get("layer_names")
    if synthesis is None or not isinstance(names, list) or not 2 <= len(names) <= 64:
        raise FileRefused(*NO_SETTINGS)
    if not all(isinstance(name, str) for name in names):
        raise FileRefused(*NO_SETTINGS)
    converted: State = dict(builder.state)
    converted["synthesis.scale"] = np.array(_positive(synthesis.get("output_scale", 0.25)), np.float32)
    _add_input(converted, under_prefix(tensors, "input."), attributes.get("synthesis.input", {}))
    for number, name in enumerate(names):
        _add_layer(converted, number, under_prefix(tensors, f"{name}."), attributes.get(f"synthesis.{name}", {}))
    converted = float_tensors(converted)
    sizes = _sizes(converted, len(names))
    notes = (*builder.notes, *details["notes"])
    if not np.allclose(tensors.get("input.transform", np.eye(3)), np.eye(3)):
        notes = (*notes, TRANSFORM_RESET)
    generator = ConvertedGenerator(format, "stylegan3", sizes, converted, inventory)
    return replace(generator, **{**details, "notes": notes})


def _add_input(converted: State, tensors: State, settings: Mapping[Any, Any]) -> None:
    root = "synthesis.input"
    channels = require(tensors, "weight", None, None).shape[0]
    converted[f"{root}.weight"] = require(tensors, "weight", channels, channels)
    converted[f"{root}.frequencies"] = require(tensors, "freqs", channels, 2)
    converted[f"{root}.phases"] = require(tensors, "phases", channels)
    converted[f"{root}.affine.weight"], converted[f"{root}.affine.bias"] = _affine(tensors, 4)
    width, height = _pair(settings.get("size"))
    rate, bandwidth = _positive(settings.get("sampling_rate")), _positive(settings.get("bandwidth"))
    converted[f"{root}.plan"] = np.array([width, height, rate, bandwidth], np.float32)


def _add_layer(converted: State, number: int, tensors: State, settings: Mapping[Any, Any]) -> None:
    root = f"synthesis.layers.{number}"
    weight = require(tensors, "weight", None, None, None, None)
    outputs, inputs, kernel, _ = weight.shape
    to_rgb = settings.get("is_torgb") is True
    up, down = int(_positive(settings.get("up_factor"))), int(_positive(settings.get("down_factor")))
    clamp, padding = settings.get("conv_clamp"), settings.get("padding")
    if not isinstance(padding, list) or len(padding) != 4 or any(abs(_number(side)) >= MAX_PADDING for side in padding):
        raise FileRefused(*NO_SETTINGS)
    if kernel not in (1, 3) or not 1 <= up <= MAX_FACTOR or not 1 <= down <= MAX_FACTOR:
        raise FileRefused("The settings of a layer are not supported.")
    sides = (*_pair(settings.get("in_size")), *_pair(settings.get("out_size")))
    bound = NO_CLAMP if clamp is None else min(_positive(clamp), NO_CLAMP)
    plan = [*sides, up, down, *(int(_number(side)) for side in padding), float(to_rgb), bound]
    converted[f"{root}.plan"] = np.array(plan, np.float32)
    converted[f"{root}.affine.weight"], converted[f"{root}.affine.bias"] = _affine(tensors, inputs)
    converted[f"{root}.weight"], converted[f"{root}.bias"] = weight, require(tensors, "bias", outputs)
    converted[f"{root}.size"] = require(tensors, "magnitude_ema").astype(np.float32)
    for name, source, factor in (("up", "up_filter", up), ("down", "down_filter", down)):
        if source in tensors:
            converted[f"{root}.{name}"] = tensors[source]
            if tensors[source].ndim not in (1, 2) or max(tensors[source].shape) > MAX_TAPS:
                raise FileRefused("The filter of a layer is not supported.")
        elif factor != 1:
            raise FileRefused("A layer resamples without a filter.")


def _affine(tensors: State, outputs: int) -> Affine:
    return require(tensors, "affine.weight", outputs, None), require(tensors, "affine.bias", outputs)


def _sizes(state: State, layers: int) -> Sizes:
    embed = embedding(state)
    mapping_layers = sum(name.startswith("mapping.layers.") for name in state) // 2
    first, last = state["mapping.layers.0.weight"], state[f"mapping.layers.{mapping_layers - 1}.weight"]
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
    # Width and height, which the file has as an array, a pair or one number for both.
    if isinstance(value, ArrayRecord):
        value = _decode_pair(value)
    if isinstance(value, int):
        value = [value, value]
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise FileRefused(*NO_SETTINGS)
    width, height = (int(_positive(side)) for side in value)
    if max(width, height) > MAX_SIDE:
        raise FileRefused(f"A layer makes feature maps of over {MAX_SIDE:,} px.")
    return width, height


def _decode_pair(value: ArrayRecord) -> list[int]:
    if value.shape != (2,):
        raise FileRefused(*NO_SETTINGS)
    return [int(side) for side in decode_array(value, Budget())]


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not abs(value) < 1e9:
        raise FileRefused(*NO_SETTINGS)
    return float(value)


def _positive(value: object) -> float:
    number = _number(value)
    if number <= 0:
        raise FileRefused(*NO_SETTINGS)
    return number
