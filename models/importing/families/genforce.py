"""Checkpoints of genforce (also of SeFa and InterFaceGAN's successors): the averaged StyleGAN2 in our layout.

Its names are its modules'. Three things differ from ours: the style's bias lacks its one, upsampling convolutions are
stored the other way round, and the layers are counted through.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.importing.families.stylegan2 import Layout, taps
from models.importing.formats.detect_format import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import Converted, inventory
from models.importing.state_dicts import State, flatten, is_state, take

FORMAT = "a genforce checkpoint"
USE_STYLEGAN2 = "Give a StyleGAN2 of theirs."


def convert(contents: FileContents, budget: Budget) -> Converted | None:
    """The generator in our layout; None where this is no such file. Refused, with why, where it cannot be used."""
    whole = contents.value
    if not isinstance(whole, dict):
        return None
    models = whole["models"] if isinstance(whole.get("models"), dict) else whole  # a training run's own checkpoints
    given = models.get("generator_smooth", models.get("generator", models))
    if not is_state(given):
        return None
    state = flatten(given, budget)
    if "layer0.weight" in state and "output0.weight" in state:
        raise FileRefused("This is genforce's progressive GAN, which is not known here.", USE_STYLEGAN2)
    if "synthesis.layer0.epilogue.bias" in state or "synthesis.layer0.epilogue.style_mod.dense.weight" in state:
        raise FileRefused("This is genforce's StyleGAN1, which is not known here.", USE_STYLEGAN2)
    if "synthesis.early_layer.const" not in state or "synthesis.layer0.style.weight" not in state:
        return None
    return _converted(state)


def _converted(state: State) -> Converted:
    layout = Layout()
    if "mapping.label_weight" in state:
        layout.join(take(state, "mapping.label_weight", None, None).T)
    number = 0
    while f"mapping.dense{number}.weight" in state:
        layer = f"mapping.dense{number}"
        layout.dense(number, take(state, f"{layer}.weight", None, None), take(state, f"{layer}.bias", None))
        number += 1
    layout.start(take(state, "synthesis.early_layer.const", 1, None, None, None)[0])
    if any(name.startswith("synthesis.skip_layer") for name in state):
        raise FileRefused("This is genforce's residual StyleGAN2, which is not known here.", USE_STYLEGAN2)
    count = sum(name.startswith("synthesis.layer") and name.endswith(".style.weight") for name in state)
    for number in range(count):
        block, part = (number + 1) // 2, "rise" if number % 2 else "stay"
        _layer(layout, state, f"synthesis.layer{number}", f"{block}.{part}")
    for number in range(count // 2 + 1):
        name = f"synthesis.output{number}"
        if f"{name}.weight" in state:
            weight = take(state, f"{name}.weight", None, None, 1, 1)
            layout.layer(f"{number}.picture", _affine(state, name), weight, take(state, f"{name}.bias", None))
    filters = {taps(np.squeeze(array)) for name, array in state.items() if name.endswith(".kernel")}
    if len(filters) > 1:
        raise FileRefused("Its layers resample differently, which is not known here.")
    layout.fir = next(iter(filters), layout.fir)
    mean = state.get("truncation.w_avg")
    layout.mean(None if mean is None else mean.reshape(-1)[: state["synthesis.layer0.style.weight"].shape[1]])
    return layout.converted(FORMAT, inventory(state))


def _layer(layout: Layout, state: State, name: str, place: str) -> None:
    weight = take(state, f"{name}.weight", None, None, None, None)
    if place.endswith("rise"):
        weight = weight[:, :, ::-1, ::-1]
    layout.layer(place, _affine(state, name), weight, take(state, f"{name}.bias", None))
    if f"{name}.noise" in state:
        strength = state.get(f"{name}.noise_strength", np.zeros(0))
        layout.noise(place, take(state, f"{name}.noise", 1, 1, None, None)[0, 0], strength)


def _affine(state: State, name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    bias = take(state, f"{name}.style.bias", None)
    return take(state, f"{name}.style.weight", None, None), bias + np.ones_like(bias)
