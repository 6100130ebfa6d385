"""NVIDIA's pickles of stylegan2-ada-pytorch and stylegan3: the averaged generator, from its attributes and weights.

The networks are those of Karras et al. 2020 (StyleGAN2, ADA) and 2021 (StyleGAN3). Sizes are read off the modules'
attributes and the weights' shapes, not off the arguments the modules were constructed with: those omit defaults.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from models.importing.families import stylegan3
from models.importing.families.stylegan2 import LR_MULTIPLIER, Affine, StateBuilder, filter_taps
from models.importing.families.stylegan3 import Attributes
from models.importing.families.unsupported import READ
from models.importing.formats.read_contents import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import ConvertedGenerator, inventory
from models.importing.state_dicts import (
    FileTensors,
    State,
    flatten,
    float_tensors,
    refuse_unread,
    require,
    under_prefix,
)
from models.importing.unpickle.records import ModuleRecord, mapping, modules

LICENCE_NOTE = (
    "The code inside the file is NVIDIA's, and NVIDIA's own models may not be used commercially. "
    "Ask the author of this one."
)
ONLY_WEIGHTS = "The file has only weights: settings that these do not show were assumed to be the usual ones."
# Filters, of which `_used_filters` reads those that have an effect, and noise that is switched off.
HARMLESS = r".*\.(resample_filter|noise_const|noise_strength)|synthesis\.input\.transform"
UNKNOWN_ACTIVATION = "The network has an activation that is not supported."
SOURCE_DEPTH, MAX_SOURCES = 9, 64  # of the nested modules whose source texts are collected


def convert(contents: FileContents, budget: Budget) -> ConvertedGenerator | None:
    """The generator; None where this is no such file. Raises FileRefused where its generator is not supported."""
    value = contents.value
    generator = value.get("G_ema", value.get("ema")) if isinstance(value, dict) else value
    if isinstance(generator, ModuleRecord):
        state, attributes = flatten(generator, budget), _attributes(generator, budget)
        return _convert(state, attributes, "an NVIDIA pickle", _sources(generator, budget))
    if isinstance(value, dict) and isinstance(value.get("G_ema"), dict):
        return _convert(flatten(value["G_ema"], budget), {}, contents.format, {})
    return None


def convert_state_dict(state: FileTensors, format: str) -> ConvertedGenerator | None:
    """The same for a state dict in NVIDIA's names; None where it is none."""
    return _convert(state, {}, format, {}) if _is_stylegan(state) else None


def _convert(state: FileTensors, attributes: Attributes, format: str, sources: Mapping[str, str]) -> ConvertedGenerator:
    if not _is_stylegan(state):
        raise FileRefused(
            "This is a pickle of NVIDIA's kind, but of another network than StyleGAN2 and StyleGAN3.", READ
        )
    w_avg = state.get("mapping.w_avg")
    if w_avg is not None and w_avg.ndim == 2:
        raise FileRefused("This is StyleGAN-XL, which is not supported.", READ)
    notes = () if attributes else (ONLY_WEIGHTS,)
    if any("NVIDIA" in text[:2000] for text in sources.values()):
        notes = (*notes, LICENCE_NOTE)
    details: dict[str, Any] = {"sources": sources, "notes": notes}
    builder = StateBuilder()
    _add_mapping(builder, state, attributes)
    if "synthesis.input.freqs" in state:
        converted = stylegan3.convert(builder, state, attributes, format, inventory(state), details)
        refuse_unread(state, "NVIDIA's StyleGAN3", HARMLESS)
        return converted
    _add_synthesis(builder, state, attributes)
    refuse_unread(state, "NVIDIA's StyleGAN2", HARMLESS)
    return builder.build(format, inventory(state), **details)


def _is_stylegan(state: Mapping[str, Any]) -> bool:
    return "mapping.fc0.weight" in state and bool({"synthesis.b4.const", "synthesis.input.freqs"} & set(state))


def _attributes(generator: ModuleRecord, budget: Budget) -> Attributes:
    return {path: mapping(module) for path, module in modules(generator, budget)}


def _sources(generator: ModuleRecord, budget: Budget) -> dict[str, str]:
    # Every class's source text: one for all classes that a source file defines.
    texts: dict[str, str] = {}
    seen: set[str] = set()
    for _, module in modules(generator, budget, SOURCE_DEPTH):
        if isinstance(module, ModuleRecord) and module.source and module.source not in seen:
            texts[module.class_name] = module.source
            seen.add(module.source)
            if len(seen) > MAX_SOURCES:
                raise FileRefused(f"The file holds over {MAX_SOURCES} source texts.")
    return texts


def _add_mapping(builder: StateBuilder, state: State, attributes: Attributes) -> None:
    tensors = under_prefix(state, "mapping.")
    number = 0
    while f"fc{number}.weight" in tensors:
        layer = attributes.get(f"mapping.fc{number}", {})
        _check_activation(layer)
        lr_multiplier = _positive(layer, "bias_gain", LR_MULTIPLIER)
        weight, bias = require(tensors, f"fc{number}.weight", None, None), require(tensors, f"fc{number}.bias", None)
        builder.add_dense(number, weight, bias, lr_multiplier)
        number += 1
    if "embed.weight" in tensors:
        builder.add_embedding(require(tensors, "embed.weight", None, None), require(tensors, "embed.bias", None))
    builder.add_mean(float_tensors({"mean": tensors["w_avg"]})["mean"] if "w_avg" in tensors else None)


def _add_synthesis(builder: StateBuilder, state: State, attributes: Attributes) -> None:
    tensors = under_prefix(state, "synthesis.")
    residual = any(name.endswith(".skip.weight") for name in tensors)
    builder.add_constant(require(tensors, "b4.const", None, None, None))
    sides = sorted(int(name[1:].split(".")[0]) for name in tensors if name.endswith(".conv1.weight"))
    if not sides or sides != [4 << number for number in range(len(sides))]:
        raise FileRefused("The blocks are not those of a StyleGAN2.")
    clamps = set()
    for number, side in enumerate(sides):
        block = f"b{side}"
        for name, part in (("conv0", "rise"), ("conv1", "stay")):
            if f"{block}.{name}.weight" in tensors:
                clamps.add(_add_layer(builder, tensors, f"{block}.{name}", f"{number}.{part}", attributes))
        if f"{block}.torgb.weight" in tensors:
            affine = _affine(tensors, f"{block}.torgb")
            builder.add_layer(f"{number}.picture", affine, *_weights(tensors, f"{block}.torgb"))
        if f"{block}.skip.weight" in tensors:
            builder.add_skip(number, require(tensors, f"{block}.skip.weight", None, None, 1, 1))
    if len(clamps) > 1:
        raise FileRefused("The layers clamp at different values, which is not supported.")
    builder.clamp = next(iter(clamps))
    builder.set_filter({filter_taps(tensors[name]) for name in _used_filters(tensors, sides, residual)})


def _used_filters(tensors: State, sides: list[int], residual: bool) -> list[str]:
    # Every layer and block stores a filter, but only those that upsample use it: a block for the image below it.
    users = ["conv0.", "skip." if residual else ""]
    names = [f"b{side}.{user}resample_filter" for side in sides[1:] for user in users]
    return [name for name in names if name in tensors]


def _add_layer(builder: StateBuilder, tensors: State, name: str, place: str, attributes: Attributes) -> float | None:
    # Returns the value at which the layer clamps.
    layer = attributes.get(f"synthesis.{name}", {})
    _check_activation(layer)
    weight, bias = _weights(tensors, name)
    # NVIDIA's weights are not at unit scale. Demodulation makes that no difference but for its epsilon.
    scale = np.float32(math.sqrt(weight.shape[1] * weight.shape[2] * weight.shape[3]))
    builder.add_layer(place, _affine(tensors, name), weight * scale, bias)
    if f"{name}.noise_strength" in tensors and layer.get("use_noise", True) is not False:
        strength = require(tensors, f"{name}.noise_strength")
        builder.add_noise(place, require(tensors, f"{name}.noise_const", None, None), strength)
    return None if layer.get("conv_clamp") is None else _positive(layer, "conv_clamp", 0.0)


def _affine(tensors: State, name: str) -> Affine:
    return require(tensors, f"{name}.affine.weight", None, None), require(tensors, f"{name}.affine.bias", None)


def _weights(tensors: State, name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return require(tensors, f"{name}.weight", None, None, None, None), require(tensors, f"{name}.bias", None)


def _check_activation(layer: Mapping[Any, Any]) -> None:
    if layer.get("activation", "lrelu") != "lrelu":
        raise FileRefused(UNKNOWN_ACTIVATION)


def _positive(layer: Mapping[Any, Any], name: str, default: float) -> float:
    value = layer.get(name, default)
    if not isinstance(value, int | float) or not 0 < value < 1e9:
        raise FileRefused(f"The “{name}” of a layer is invalid.")
    return float(value)
