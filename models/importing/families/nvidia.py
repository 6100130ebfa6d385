"""NVIDIA's pickles of stylegan2-ada-pytorch and stylegan3: the averaged generator, by its attributes and its numbers.

What the networks do is in Karras et al. 2020 (StyleGAN2, ADA) and 2021 (StyleGAN3). The sizes are taken from the nodes'
own attributes and the weights' shapes, not from the arguments they were once made with: those leave out the defaults.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from models.importing.families import stylegan3
from models.importing.families.stylegan2 import Layout, taps
from models.importing.formats.detect_format import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import Converted, inventory
from models.importing.state_dicts import State, flatten, float_tensors, take, under_prefix
from models.importing.unpickle.records import Node, mapping, modules

LICENCE_NOTE = (
    "The code inside the file is NVIDIA's, and NVIDIA's own models may not be used commercially. "
    "Ask whoever trained this one."
)
ONLY_WEIGHTS = "The file has only weights: the settings that they do not show were taken to be the usual ones."
Attributes = Mapping[str, Mapping[Any, Any]]  # by the module's dotted path


def convert(contents: FileContents, budget: Budget) -> Converted | None:
    """The generator in our layout; None where this is no such file. Refused, with why, where it cannot be used."""
    whole = contents.value
    generator = whole.get("G_ema", whole.get("ema")) if isinstance(whole, dict) else whole
    if not isinstance(generator, Node):
        if isinstance(whole, dict) and isinstance(whole.get("G_ema"), dict):
            return _from_state(flatten(whole["G_ema"], budget), {}, contents.format)
        return None
    return _from_state(
        flatten(generator, budget), _attributes(generator, budget), "an NVIDIA pickle", _sources(generator)
    )


def convert_state(state: State, format: str) -> Converted | None:
    """The same for a plain state dict in NVIDIA's names; None where it is none."""
    return _from_state(state, {}, format) if _is_either(state) else None


def _from_state(state: State, about: Attributes, format: str, sources: Mapping[str, str] | None = None) -> Converted:
    if not _is_either(state):
        raise FileRefused(
            "It is a pickle as NVIDIA writes them, but of another network than StyleGAN2 and StyleGAN3.",
            "StyleGAN-XL's upsampling networks, FastGANs and diffusion models are not known here.",
        )
    w_avg = state.get("mapping.w_avg")
    if any("embed_proj" in name for name in state) or (w_avg is not None and w_avg.ndim == 2):
        raise FileRefused(
            "This is a StyleGAN-XL, whose mapping network is another one.", "Use a StyleGAN2 or StyleGAN3."
        )
    facts, sources = inventory(state), sources or {}
    notes = () if about else (ONLY_WEIGHTS,)
    if any("NVIDIA" in text[:2000] for text in sources.values()):
        notes = (*notes, LICENCE_NOTE)
    told: dict[str, Any] = {"sources": sources, "notes": notes}
    layout = Layout()
    if "synthesis.input.freqs" in state:
        _mapping(layout, state, about)
        return stylegan3.convert(layout, state, about, format, facts, told)
    _mapping(layout, state, about)
    _synthesis(layout, state, about)
    return layout.converted(format, facts, **told)


def _is_either(state: Mapping[str, Any]) -> bool:
    return "mapping.fc0.weight" in state and bool({"synthesis.b4.const", "synthesis.input.freqs"} & set(state))


def _attributes(generator: Node, budget: Budget) -> Attributes:
    return {path: mapping(module) for path, module in modules(generator, budget.limits.depth)}


def _sources(generator: Node) -> dict[str, str]:
    """Every class's source text, which is there once for a whole file of classes."""
    texts: dict[str, str] = {}
    for _, module in modules(generator, 8):
        if isinstance(module, Node) and module.source and module.source not in texts.values():
            texts[module.kind] = module.source
    return texts


def _mapping(layout: Layout, state: State, about: Attributes) -> None:
    own = under_prefix(state, "mapping.")
    number = 0
    while f"fc{number}.weight" in own:
        layer = about.get(f"mapping.fc{number}", {})
        if layer.get("activation", "lrelu") != "lrelu":
            raise FileRefused("Its mapping network bends its numbers in a way that is not known here.")
        rate = _number(layer, "bias_gain", 0.01)
        layout.dense(number, take(own, f"fc{number}.weight", None, None), take(own, f"fc{number}.bias", None), rate)
        number += 1
    if "embed.weight" in own:
        layout.embed(take(own, "embed.weight", None, None), take(own, "embed.bias", None))
    layout.mean(float_tensors({"mean": own["w_avg"]})["mean"] if "w_avg" in own else None)


def _synthesis(layout: Layout, state: State, about: Attributes) -> None:
    own = under_prefix(state, "synthesis.")
    layout.start(take(own, "b4.const", None, None, None))
    sides = sorted(int(name[1:].split(".")[0]) for name in own if name.endswith(".conv1.weight"))
    if not sides or sides != [4 << number for number in range(len(sides))]:
        raise FileRefused("Its blocks are not those of a StyleGAN2.")
    clamps = set()
    for number, side in enumerate(sides):
        block = f"b{side}"
        for name, part in (("conv0", "rise"), ("conv1", "stay")):
            if f"{block}.{name}.weight" in own:
                clamps.add(_layer(layout, own, f"{block}.{name}", f"{number}.{part}", about))
        if f"{block}.torgb.weight" in own:
            layout.layer(f"{number}.picture", _affine(own, f"{block}.torgb"), *_weights(own, f"{block}.torgb"))
        if f"{block}.skip.weight" in own:
            layout.skip(number, take(own, f"{block}.skip.weight", None, None, 1, 1))
    if len(clamps) > 1:
        raise FileRefused("Its layers bound their numbers differently, which is not known here.")
    layout.clamp = next(iter(clamps))
    filters = {taps(own[name]) for name in own if name.endswith("resample_filter")}
    if len(filters) > 1:
        raise FileRefused("Its layers resample differently, which is not known here.")
    layout.fir = next(iter(filters), layout.fir)


def _layer(layout: Layout, own: State, name: str, place: str, about: Attributes) -> float | None:
    told = about.get(f"synthesis.{name}", {})
    if told.get("activation", "lrelu") != "lrelu":
        raise FileRefused("Its layers bend their numbers in a way that is not known here.")
    weight, bias = _weights(own, name)
    # Theirs is not at unit scale; demodulation makes that the same but for its epsilon, so that ours is made the same.
    scale = np.float32(math.sqrt(weight.shape[1] * weight.shape[2] * weight.shape[3]))
    layout.layer(place, _affine(own, name), weight * scale, bias)
    if f"{name}.noise_strength" in own and told.get("use_noise", True) is not False:
        layout.noise(place, take(own, f"{name}.noise_const", None, None), take(own, f"{name}.noise_strength"))
    clamp = told.get("conv_clamp")
    return None if clamp is None else _number(told, "conv_clamp", 0.0)


def _affine(own: State, name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return take(own, f"{name}.affine.weight", None, None), take(own, f"{name}.affine.bias", None)


def _weights(own: State, name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return take(own, f"{name}.weight", None, None, None, None), take(own, f"{name}.bias", None)


def _number(told: Mapping[Any, Any], name: str, otherwise: float) -> float:
    value = told.get(name, otherwise)
    if not isinstance(value, int | float) or not 0 < value < 1e9:
        raise FileRefused(f"Its “{name}” is no number that can be.")
    return float(value)
