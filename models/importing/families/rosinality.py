"""Checkpoints of stylegan2-pytorch (rosinality) and of projects built on it: the averaged generator in our layout.

The names are those of its state dicts; its convolutions are at unit scale, as ours are. StyleGAN-NADA, e4e, pSp and
ReStyle use the same generator, the latter three as a decoder beside their encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.importing.families.stylegan2 import Affine, StateBuilder, filter_taps
from models.importing.formats.read_contents import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import ConvertedGenerator, inventory
from models.importing.state_dicts import (
    FileTensors,
    flatten,
    is_state_dict,
    refuse_other_parts,
    refuse_unread,
    require,
)
from models.importing.unpickle.records import ArrayRecord, TensorRecord
from models.importing.unpickle.tensor_bytes import CUT_OFF

FORMAT = "a rosinality checkpoint"
NETWORK = "rosinality's StyleGAN2"
# Filters that `set_filter` reads, noise that images are made without, and what e4e, pSp and ReStyle have beside it.
HARMLESS = r".*\.(blur|upsample)\.kernel|noises\.noise_\d+|.*\.noise\.weight"
NO_NOISE = "The file's fixed noise is missing: images are made without noise."


def convert(contents: FileContents, budget: Budget) -> ConvertedGenerator | None:
    """The generator; None where this is no such file. Raises FileRefused where its generator is not supported."""
    value = contents.value
    if not isinstance(value, dict):
        return None
    prefix = ""
    if _is_generator(value.get("g_ema")):
        state = flatten(value["g_ema"], budget)
    elif _is_generator(value.get("state_dict"), "decoder."):
        state, prefix = flatten(_decoder(value["state_dict"]), budget), "decoder."
    elif _is_generator(value):
        state = flatten(value, budget)
    else:
        return None
    if prefix or "g_ema" in value:
        refuse_other_parts(value, NETWORK)
    mean = None
    if isinstance(value.get("latent_avg"), TensorRecord | ArrayRecord):
        mean = flatten({"mean": value["latent_avg"]}, budget)["mean"].astype(np.float32)
        mean = mean.reshape(-1, mean.shape[-1])[0]  # some projects store the same mean once per layer
    return _convert(state, mean)


def _is_generator(value: object, prefix: str = "") -> bool:
    # Told by names, before any tensor is decoded.
    names = (f"{prefix}input.input", f"{prefix}conv1.conv.weight")
    return isinstance(value, dict) and is_state_dict(value) and all(name in value for name in names)


def _decoder(value: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name.removeprefix("decoder."): part for name, part in value.items() if name.startswith("decoder.")}


def _convert(state: FileTensors, mean: np.ndarray[Any, Any] | None) -> ConvertedGenerator:
    builder = StateBuilder()
    # The first module of `style` normalises and has no weights.
    for number in range(sum(name.startswith("style.") and name.endswith(".weight") for name in state)):
        layer = f"style.{number + 1}"
        weight, bias = require(state, f"{layer}.weight", None, None), require(state, f"{layer}.bias", None)
        if number == 0 and weight.shape[1] > weight.shape[0]:
            # z is as wide as w in all networks of this family: what is wider takes something beside z.
            raise FileRefused(
                f"The first layer takes {weight.shape[1]} numbers, but z has {weight.shape[0]}: the network is "
                "conditional, and the embedding of its classes is missing.",
                "Export the generator with its embedding by torch.onnx.export, and import the ONNX file.",
            )
        builder.add_dense(number, weight, bias)
    builder.add_constant(require(state, "input.input", 1, None, None, None)[0])
    count = sum(name.startswith("convs.") and name.endswith(".conv.weight") for name in state)
    if count % 2:
        raise FileRefused("A block is incomplete.", CUT_OFF)
    _add_layer(builder, state, "conv1", "0.stay", 0)
    _add_to_rgb(builder, state, "to_rgb1", 0)
    for number in range(1, count // 2 + 1):
        _add_layer(builder, state, f"convs.{2 * number - 2}", f"{number}.rise", 2 * number - 1)
        _add_layer(builder, state, f"convs.{2 * number - 1}", f"{number}.stay", 2 * number)
        _add_to_rgb(builder, state, f"to_rgbs.{number - 1}", number)
    kernels = [array for name, array in state.items() if name.endswith(("blur.kernel", "upsample.kernel"))]
    builder.set_filter({filter_taps(kernel) for kernel in kernels})
    builder.add_mean(mean)
    refuse_unread(state, NETWORK, HARMLESS)
    return builder.build(FORMAT, inventory(state))


def _add_layer(builder: StateBuilder, state: FileTensors, name: str, place: str, number: int) -> None:
    weight = require(state, f"{name}.conv.weight", 1, None, None, None, None)[0]
    builder.add_layer(place, _affine(state, name), weight, require(state, f"{name}.activate.bias", None))
    if f"noises.noise_{number}" in state:
        noise = require(state, f"noises.noise_{number}", 1, 1, None, None)[0, 0]
        builder.add_noise(place, noise, require(state, f"{name}.noise.weight", 1))
    elif number == 0 and np.any(state.get(f"{name}.noise.weight", np.zeros(1)) != 0):
        builder.notes.append(NO_NOISE)


def _add_to_rgb(builder: StateBuilder, state: FileTensors, name: str, number: int) -> None:
    weight = require(state, f"{name}.conv.weight", 1, None, None, 1, 1)[0]
    bias = require(state, f"{name}.bias", 1, None, 1, 1)
    builder.add_layer(f"{number}.picture", _affine(state, name), weight, bias)


def _affine(state: FileTensors, name: str) -> Affine:
    root = f"{name}.conv.modulation"
    return require(state, f"{root}.weight", None, None), require(state, f"{root}.bias", None)
