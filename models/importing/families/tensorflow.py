"""NVIDIA's TensorFlow pickles of stylegan2 and stylegan2-ada: three networks, of which the last, averaged one counts.

Each is a version, settings, and variables by TensorFlow's names; what code a network also carries is not run.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from models.importing.families.stylegan2 import Layout
from models.importing.formats.detect_format import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import Converted, inventory
from models.importing.state_dicts import State, flatten, take
from models.importing.unpickle.records import Inert, mapping

FORMAT = "a TensorFlow pickle"
OLDEST = 4
NOT_KNOWN = "It is a TensorFlow pickle of another network than StyleGAN2."


def convert(contents: FileContents, budget: Budget) -> Converted | None:
    """The generator in our layout; None where this is no such file. Refused, with why, where it cannot be used."""
    whole = contents.value
    if not isinstance(whole, tuple | list) or len(whole) != 3 or not isinstance(whole[2], Inert):
        return None
    network = mapping(whole[2])
    version = network.get("version")
    if not isinstance(version, int) or "variables" not in network:
        return None
    if version < OLDEST:
        raise FileRefused(
            f"This is a TensorFlow pickle of version {version}: a progressive GAN or StyleGAN1, not known here.",
            "Use a StyleGAN2, whose pickles are of version 4 or later.",
        )
    settings = dict(mapping(network.get("static_kwargs")))
    sources = {str(network.get("build_func_name")): str(network.get("build_module_src") or "")}
    state = _variables(network, budget)
    for part in mapping(network.get("components")).values():
        settings |= dict(mapping(mapping(part).get("static_kwargs")))
    layout = _layout(state, settings)
    return layout.converted(FORMAT, inventory(state), sources={k: text for k, text in sources.items() if text})


def _variables(network: dict[Any, Any], budget: Budget) -> State:
    found: dict[str, object] = {}
    for part in (network, *(mapping(part) for part in mapping(network.get("components")).values())):
        rows = part.get("variables")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, tuple | list) and len(row) == 2 and isinstance(row[0], str):
                value = row[1]
                found[row[0]] = np.array(value, np.float32) if isinstance(value, int | float) else value
    return flatten(found, budget)


def _layout(state: State, settings: dict[Any, Any]) -> Layout:
    if "4x4/Const/const" not in state or "4x4/Conv/mod_weight" not in state or "Dense0/weight" not in state:
        raise FileRefused(NOT_KNOWN, "Use a StyleGAN2.")
    bends = {settings.get("mapping_nonlinearity", "lrelu"), settings.get("nonlinearity", "lrelu")}
    if bends != {"lrelu"} or settings.get("normalize_latents", True) is not True:
        raise FileRefused("Its layers bend or scale their numbers in a way that is not known here.")
    layout = Layout()
    clamp = settings.get("conv_clamp")
    layout.clamp = float(clamp) if isinstance(clamp, int | float) else None
    kernel = settings.get("resample_kernel", [1, 3, 3, 1])
    if not isinstance(kernel, list | tuple) or not all(isinstance(tap, int | float) for tap in kernel):
        raise FileRefused("It resamples with a filter that is not known here.")
    layout.fir = tuple(float(tap) for tap in kernel)
    rate = settings.get("mapping_lrmul", 0.01)
    number = 0
    while f"Dense{number}/weight" in state:
        layer = f"Dense{number}"
        weight = take(state, f"{layer}/weight", None, None).T
        layout.dense(number, weight, take(state, f"{layer}/bias", None), rate if isinstance(rate, float) else 0.01)
        number += 1
    if "LabelConcat/weight" in state:
        layout.join(take(state, "LabelConcat/weight", None, None).T)
    if "LabelEmbed/weight" in state:
        layout.embed(take(state, "LabelEmbed/weight", None, None).T, take(state, "LabelEmbed/bias", None))
    layout.start(take(state, "4x4/Const/const", 1, None, None, None)[0])
    sides = sorted({int(found[1]) for name in state if (found := re.match(r"(\d{1,5})x\1/", name))})
    if sides != [4 << number for number in range(len(sides))]:
        raise FileRefused(NOT_KNOWN, "Use a StyleGAN2.")
    for number, side in enumerate(sides):
        _block(layout, state, number, f"{side}x{side}", number == len(sides) - 1)
    layout.mean(state.get("dlatent_avg"))
    return layout


def _block(layout: Layout, state: State, number: int, block: str, last: bool) -> None:
    if number:
        _layer(layout, state, f"{block}/Conv0_up", f"{number}.rise", 2 * number - 1)
    _layer(layout, state, f"{block}/Conv1" if number else f"{block}/Conv", f"{number}.stay", 2 * number)
    if f"{block}/Skip/weight" in state:
        layout.skip(number, _turned(take(state, f"{block}/Skip/weight", 1, 1, None, None), False))
    for name in (f"{block}/ToRGB", "ToRGB_lod0" if last else ""):
        if f"{name}/weight" in state:
            weight = _turned(take(state, f"{name}/weight", 1, 1, None, None), False)
            layout.layer(f"{number}.picture", _affine(state, name), weight, take(state, f"{name}/bias", None))


def _layer(layout: Layout, state: State, name: str, place: str, number: int) -> None:
    weight = _turned(take(state, f"{name}/weight", None, None, None, None), place.endswith("rise"))
    layout.layer(place, _affine(state, name), weight, take(state, f"{name}/bias", None))
    if f"noise{number}" in state:
        constant = take(state, f"noise{number}", 1, 1, None, None)[0, 0]
        layout.noise(place, constant, state.get(f"{name}/noise_strength", np.zeros(1, np.float32)))


def _turned(weight: np.ndarray[Any, Any], up: bool) -> np.ndarray[Any, Any]:
    # From [height, width, inside, outside]; upsampling kernels are the other way round, too.
    return (weight[::-1, ::-1] if up else weight).transpose(3, 2, 0, 1)


def _affine(state: State, name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    bias = take(state, f"{name}/mod_bias", None)
    return take(state, f"{name}/mod_weight", None, None).T, bias + np.ones_like(bias)
