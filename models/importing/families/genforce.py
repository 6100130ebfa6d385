"""Checkpoints of genforce (also used by SeFa and by InterFaceGAN's successors): the averaged StyleGAN2 in our layout.

Three things differ from our layout beside the names: the style bias lacks its added one, the kernels of upsampling
convolutions are flipped, and layers are numbered across blocks.
"""

from __future__ import annotations

import numpy as np

from models.importing.families.stylegan2 import Affine, StateBuilder, filter_taps
from models.importing.formats.read_contents import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import ConvertedGenerator, inventory
from models.importing.state_dicts import FileTensors, State, flatten, is_state_dict, refuse_unread, require

FORMAT = "a genforce checkpoint"
# Filters that `set_filter` reads, and settings of truncation and of progressive growing.
HARMLESS = r".*\.kernel|truncation\.truncation|(synthesis\.)?lod|.*\.noise_strength|.*\.randomize_noise"
USE_STYLEGAN2 = "Use a StyleGAN2 of genforce."


def convert(contents: FileContents, budget: Budget) -> ConvertedGenerator | None:
    """The generator; None where this is no such file. Raises FileRefused where its generator is not supported."""
    value = contents.value
    if not isinstance(value, dict):
        return None
    networks = value["models"] if isinstance(value.get("models"), dict) else value  # as training runs nest them
    generator = networks.get("generator_smooth", networks.get("generator", networks))
    if not isinstance(generator, dict) or not is_state_dict(generator):
        return None
    if "layer0.weight" in generator and "output0.weight" in generator:
        raise FileRefused("This is genforce's progressive GAN, which is not supported.", USE_STYLEGAN2)
    if {"synthesis.layer0.epilogue.bias", "synthesis.layer0.epilogue.style_mod.dense.weight"} & set(generator):
        raise FileRefused("This is genforce's StyleGAN1, which is not supported.", USE_STYLEGAN2)
    if "synthesis.early_layer.const" not in generator or "synthesis.layer0.style.weight" not in generator:
        return None
    return _convert(flatten(generator, budget))


def _convert(state: FileTensors) -> ConvertedGenerator:
    builder = StateBuilder()
    if "mapping.label_weight" in state:
        builder.add_class_matrix(require(state, "mapping.label_weight", None, None).T)
    number = 0
    while f"mapping.dense{number}.weight" in state:
        layer = f"mapping.dense{number}"
        weight, bias = require(state, f"{layer}.weight", None, None), require(state, f"{layer}.bias", None)
        builder.add_dense(number, weight, bias)
        number += 1
    builder.add_constant(require(state, "synthesis.early_layer.const", 1, None, None, None)[0])
    if any(name.startswith("synthesis.skip_layer") for name in state):
        raise FileRefused("This is genforce's residual StyleGAN2, which is not supported.", USE_STYLEGAN2)
    count = sum(name.startswith("synthesis.layer") and name.endswith(".style.weight") for name in state)
    for number in range(count):
        block, part = (number + 1) // 2, "rise" if number % 2 else "stay"
        _add_layer(builder, state, f"synthesis.layer{number}", f"{block}.{part}")
    for number in range(count // 2 + 1):
        name = f"synthesis.output{number}"
        if f"{name}.weight" in state:
            weight = require(state, f"{name}.weight", None, None, 1, 1)
            bias = require(state, f"{name}.bias", None)
            builder.add_layer(f"{number}.picture", _affine(state, name), weight, bias)
    builder.set_filter({filter_taps(np.squeeze(array)) for name, array in state.items() if name.endswith(".kernel")})
    mean = state.get("truncation.w_avg")
    width = state["synthesis.layer0.style.weight"].shape[1]
    builder.add_mean(None if mean is None else mean.reshape(-1)[:width])
    refuse_unread(state, "genforce's StyleGAN2", HARMLESS)
    return builder.build(FORMAT, inventory(state))


def _add_layer(builder: StateBuilder, state: State, name: str, place: str) -> None:
    weight = require(state, f"{name}.weight", None, None, None, None)
    if place.endswith("rise"):
        weight = weight[:, :, ::-1, ::-1]
    builder.add_layer(place, _affine(state, name), weight, require(state, f"{name}.bias", None))
    if f"{name}.noise" in state:
        strength = state.get(f"{name}.noise_strength", np.zeros(0))
        builder.add_noise(place, require(state, f"{name}.noise", 1, 1, None, None)[0, 0], strength)


def _affine(state: State, name: str) -> Affine:
    bias = require(state, f"{name}.style.bias", None)
    return require(state, f"{name}.style.weight", None, None), bias + np.ones_like(bias)
