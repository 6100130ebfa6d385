"""NVIDIA's TensorFlow pickles of stylegan2 and stylegan2-ada: three networks, of which the last is the averaged one.

Each network is a version, settings, and variables by TensorFlow's names; the code it also carries is not run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.importing.families.stylegan2 import LR_MULTIPLIER, MAX_TAPS, UNKNOWN_FILTER, Affine, StateBuilder
from models.importing.formats.read_contents import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import ConvertedGenerator, inventory
from models.importing.state_dicts import FileTensors, State, flatten, refuse_unread, require
from models.importing.unpickle.records import OpaqueObject, mapping

FORMAT = "a TensorFlow pickle"
HARMLESS = r"lod|noise\d+|.*/noise_strength"  # of progressive growing, and noise that is switched off
MIN_VERSION = 4
MAX_PARTS = 16  # networks in a network: the published ones have two
LARGEST_SETTING = 1e9
NOT_STYLEGAN2 = ("This is a TensorFlow pickle of another network than StyleGAN2.", "Use a StyleGAN2.")


def convert(contents: FileContents, budget: Budget) -> ConvertedGenerator | None:
    """The generator; None where this is no such file. Raises FileRefused where its generator is not supported."""
    value = contents.value
    if not isinstance(value, tuple | list) or len(value) != 3 or not isinstance(value[2], OpaqueObject):
        return None
    network = mapping(value[2])
    version = network.get("version")
    if not isinstance(version, int) or "variables" not in network:
        return None
    if version < MIN_VERSION:
        raise FileRefused(
            f"This is a TensorFlow pickle of version {version}: a progressive GAN or StyleGAN1, not supported here.",
            f"Use a StyleGAN2, whose pickles are of version {MIN_VERSION} or later.",
        )
    parts = [network, *(mapping(component) for component in mapping(network.get("components")).values())]
    if len(parts) > MAX_PARTS:
        raise FileRefused(*NOT_STYLEGAN2)
    settings: dict[Any, Any] = {}
    for part in parts:
        budget.count_opcodes(len(mapping(part.get("static_kwargs"))))
        settings |= mapping(part.get("static_kwargs"))
    source, name = network.get("build_module_src"), network.get("build_func_name")
    sources = {name: source} if isinstance(source, str) and isinstance(name, str) else {}
    state = _variables(parts, budget)
    return _builder(state, settings).build(FORMAT, inventory(state), sources=sources)


def _variables(parts: Sequence[dict[Any, Any]], budget: Budget) -> FileTensors:
    values: dict[str, object] = {}
    for part in parts:
        rows = part.get("variables")
        budget.count_opcodes(len(rows) if isinstance(rows, list) else 0)
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, tuple | list) and len(row) == 2 and isinstance(row[0], str):
                name, value = row
                values[name] = np.array(_number(value), np.float32) if isinstance(value, int | float) else value
    return flatten(values, budget)


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not abs(value) < LARGEST_SETTING:
        raise FileRefused("A setting or a variable of the network is no usual number.")
    return float(value)


def _builder(state: FileTensors, settings: dict[Any, Any]) -> StateBuilder:
    if "4x4/Const/const" not in state or "4x4/Conv/mod_weight" not in state or "Dense0/weight" not in state:
        raise FileRefused(*NOT_STYLEGAN2)
    activations = [settings.get(name, "lrelu") for name in ("mapping_nonlinearity", "nonlinearity")]
    if activations != ["lrelu"] * 2 or settings.get("normalize_latents", True) is not True:
        raise FileRefused("The network has an activation or a normalisation that is not supported.")
    builder = StateBuilder()
    clamp = settings.get("conv_clamp")
    builder.clamp = _number(clamp) if isinstance(clamp, int | float) else None
    kernel = settings.get("resample_kernel", [1, 3, 3, 1])
    if not isinstance(kernel, list | tuple) or not 1 <= len(kernel) <= MAX_TAPS:
        raise FileRefused(UNKNOWN_FILTER)
    builder.fir = tuple(_number(tap) for tap in kernel)
    lr_multiplier = settings.get("mapping_lrmul", LR_MULTIPLIER)
    number = 0
    while f"Dense{number}/weight" in state:
        layer = f"Dense{number}"
        weight, bias = require(state, f"{layer}/weight", None, None).T, require(state, f"{layer}/bias", None)
        builder.add_dense(number, weight, bias, lr_multiplier if isinstance(lr_multiplier, float) else LR_MULTIPLIER)
        number += 1
    if "LabelConcat/weight" in state:
        builder.add_class_matrix(require(state, "LabelConcat/weight", None, None).T)
    if "LabelEmbed/weight" in state:
        embedding = require(state, "LabelEmbed/weight", None, None).T
        builder.add_embedding(embedding, require(state, "LabelEmbed/bias", None))
    builder.add_constant(require(state, "4x4/Const/const", 1, None, None, None)[0])
    sides = sorted({int(match[1]) for name in state if (match := re.match(r"(\d{1,5})x\1/", name))})
    if sides != [4 << number for number in range(len(sides))]:
        raise FileRefused(*NOT_STYLEGAN2)
    for number, side in enumerate(sides):
        _add_block(builder, state, number, f"{side}x{side}", number == len(sides) - 1)
    builder.add_mean(state.get("dlatent_avg"))
    refuse_unread(state, "NVIDIA's StyleGAN2 for TensorFlow", HARMLESS)
    return builder


def _add_block(builder: StateBuilder, state: State, number: int, block: str, last: bool) -> None:
    if number:
        _add_layer(builder, state, f"{block}/Conv0_up", f"{number}.rise", 2 * number - 1)
    _add_layer(builder, state, f"{block}/Conv1" if number else f"{block}/Conv", f"{number}.stay", 2 * number)
    if f"{block}/Skip/weight" in state:
        builder.add_skip(number, _reorder(require(state, f"{block}/Skip/weight", 1, 1, None, None), False))
    for name in (f"{block}/ToRGB", "ToRGB_lod0" if last else ""):
        if f"{name}/weight" in state:
            weight = _reorder(require(state, f"{name}/weight", 1, 1, None, None), False)
            builder.add_layer(f"{number}.picture", _affine(state, name), weight, require(state, f"{name}/bias", None))


def _add_layer(builder: StateBuilder, state: State, name: str, place: str, number: int) -> None:
    weight = _reorder(require(state, f"{name}/weight", None, None, None, None), place.endswith("rise"))
    builder.add_layer(place, _affine(state, name), weight, require(state, f"{name}/bias", None))
    if f"noise{number}" in state:
        constant = require(state, f"noise{number}", 1, 1, None, None)[0, 0]
        builder.add_noise(place, constant, state.get(f"{name}/noise_strength", np.zeros(1, np.float32)))


def _reorder(weight: np.ndarray[Any, Any], up: bool) -> np.ndarray[Any, Any]:
    # From [height, width, in, out] to [out, in, height, width]; kernels that upsample are flipped, too.
    return (weight[::-1, ::-1] if up else weight).transpose(3, 2, 0, 1)


def _affine(state: State, name: str) -> Affine:
    bias = require(state, f"{name}/mod_bias", None)
    return require(state, f"{name}/mod_weight", None, None).T, bias + np.ones_like(bias)
