"""Checkpoints of stylegan2-pytorch (rosinality) and of what was built on it: its averaged generator in our layout.

The names are those of its state dicts; its convolutions are at unit scale, as ours are. StyleGAN-NADA, e4e, pSp and
ReStyle keep the same generator, the latter three as a decoder beside their encoder.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.importing.families.stylegan2 import Layout, taps
from models.importing.formats.detect_format import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import Converted, inventory
from models.importing.state_dicts import State, flatten, is_state, take, under_prefix
from models.importing.unpickle.records import Array, Tensor

FORMAT = "a rosinality checkpoint"


def convert(contents: FileContents, budget: Budget) -> Converted | None:
    """The generator in our layout; None where this is no such file. Refused, with why, where it cannot be used."""
    whole = contents.value
    if not isinstance(whole, dict):
        return None
    mean = whole.get("latent_avg")
    if is_state(whole.get("g_ema")):
        state = flatten(whole["g_ema"], budget)
    elif is_state(whole.get("state_dict")):
        state = under_prefix(flatten(whole["state_dict"], budget), "decoder.")
    elif is_state(whole):
        state = flatten(whole, budget)
    else:
        return None
    if "input.input" not in state or "conv1.conv.weight" not in state:
        return None
    w = None
    if isinstance(mean, Tensor | Array):
        w = flatten({"mean": mean}, budget)["mean"].astype(np.float32)
        w = w.reshape(-1, w.shape[-1])[0]  # some keep one for every layer, all alike
    return _converted(state, w, contents)


def _converted(state: State, mean: np.ndarray[Any, Any] | None, contents: FileContents) -> Converted:
    layout = Layout()
    # The first of `style` normalises and has no weights.
    for number in range(sum(name.startswith("style.") and name.endswith(".weight") for name in state)):
        layer = f"style.{number + 1}"
        layout.dense(number, take(state, f"{layer}.weight", None, None), take(state, f"{layer}.bias", None))
    layout.start(take(state, "input.input", 1, None, None, None)[0])
    count = sum(name.startswith("convs.") and name.endswith(".conv.weight") for name in state)
    if count % 2:
        raise FileRefused("It has half a block.", "It may be cut off: fetch it again.")
    _layer(layout, state, "conv1", "0.stay", 0)
    _picture(layout, state, "to_rgb1", 0)
    for number in range(1, count // 2 + 1):
        _layer(layout, state, f"convs.{2 * number - 2}", f"{number}.rise", 2 * number - 1)
        _layer(layout, state, f"convs.{2 * number - 1}", f"{number}.stay", 2 * number)
        _picture(layout, state, f"to_rgbs.{number - 1}", number)
    filters = {taps(array) for name, array in state.items() if name.endswith(("blur.kernel", "upsample.kernel"))}
    if len(filters) > 1:
        raise FileRefused("Its layers resample differently, which is not known here.")
    layout.fir = next(iter(filters), layout.fir)
    layout.mean(mean)
    return layout.converted(FORMAT, inventory(state))


def _layer(layout: Layout, state: State, name: str, place: str, number: int) -> None:
    weight = take(state, f"{name}.conv.weight", 1, None, None, None, None)[0]
    layout.layer(place, _affine(state, name), weight, take(state, f"{name}.activate.bias", None))
    if f"noises.noise_{number}" in state:
        noise = take(state, f"noises.noise_{number}", 1, 1, None, None)[0, 0]
        layout.noise(place, noise, take(state, f"{name}.noise.weight", 1))
    elif number == 0 and np.any(state.get(f"{name}.noise.weight", np.zeros(1)) != 0):
        layout.notes.append("The file's fixed noise is missing: pictures are made without noise.")


def _picture(layout: Layout, state: State, name: str, number: int) -> None:
    weight = take(state, f"{name}.conv.weight", 1, None, None, 1, 1)[0]
    layout.layer(f"{number}.picture", _affine(state, name), weight, take(state, f"{name}.bias", 1, None, 1, 1))


def _affine(state: State, name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    root = f"{name}.conv.modulation"
    return take(state, f"{root}.weight", None, None), take(state, f"{root}.bias", None)
