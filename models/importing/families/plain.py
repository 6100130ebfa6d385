"""Plain state dicts: this package's own files by their names, and DCGANs by the shapes of their layers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

from models.importing.families.nvidia import convert_state_dict
from models.importing.families.stylegan2 import sizes_of
from models.importing.formats.read_contents import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import ConvertedGenerator, Sizes, inventory
from models.importing.state_dicts import (
    FileTensors,
    State,
    flatten,
    float_tensors,
    is_state_dict,
    refuse_other_parts,
)
from models.importing.unpickle.records import mapping

# Keys under which training scripts usually store a generator's state dict.
USUAL_KEYS = (
    "state_dict", "netG", "generator", "G", "model", "net_g", "params_ema", "G_state_dict", "generator_state_dict",
)  # fmt: skip
FAMILIES = ("stylegan2", "stylegan3", "biggan", "dcgan")
LAYER = re.compile(r"(?:\w+\.)*?(\d{1,4})\.(weight|bias|running_mean|running_var|num_batches_tracked)")
INVALID_CONFIG = "The generator.json beside the file does not describe a generator."


def convert(contents: FileContents, budget: Budget) -> ConvertedGenerator | None:
    """The generator; None where the weights are of no network that is known by its shapes."""
    value = contents.value
    candidates = [value, *(mapping(value).get(key) for key in USUAL_KEYS)] if isinstance(value, dict) else []
    state_dict = next((candidate for candidate in candidates if is_state_dict(candidate)), None)
    if state_dict is None:
        return None
    state = flatten(state_dict, budget)
    converted = (
        _convert_own(state, contents) or convert_state_dict(state, contents.format) or _convert_dcgan(state, contents)
    )
    if converted is not None and state_dict is not value:
        refuse_other_parts(value, "such a generator")
    return converted


def _convert_own(state: FileTensors, contents: FileContents) -> ConvertedGenerator | None:
    config = contents.config
    classes: tuple[str, ...] = ()
    if config.get("family") in FAMILIES and isinstance(config.get("spaces"), dict):
        sizes, classes = _read_config(config)
    elif "fir" in state and "synthesis.start" in state:
        sizes = sizes_of(float_tensors({name: state[name] for name in state if name not in ("fir", "clamp")}))
    else:
        return None
    float_tensors(state)  # checks that all are finite; the state stays as it is, so that its fingerprint does
    family = str(config.get("family", "stylegan2"))
    card = config.get("card")
    licence = str(card.get("licence", ""))[:200] if isinstance(card, dict) else _licence(contents)
    format = "Latentwalk's own weights"
    return ConvertedGenerator(format, family, sizes, state, inventory(state), classes, licence=licence)


def _read_config(config: Mapping[str, Any]) -> tuple[Sizes, tuple[str, ...]]:
    # The sizes and class names in a generator.json. They are checked against the weights when these are tried.
    try:
        spaces, classes = config["spaces"], tuple(str(name)[:100] for name in config["classes"])
        w = spaces["w"][0] if "w" in spaces else 0
        numbers = [config["resolution"], config["resolution"], config["channels"], len(classes), spaces["z"][0], w]
        numbers.append(config["layers"])
    except (KeyError, TypeError, IndexError):
        raise FileRefused(INVALID_CONFIG) from None
    if not all(type(number) is int and 0 <= number <= 2**16 for number in numbers):
        raise FileRefused(INVALID_CONFIG)
    return Sizes(*numbers), classes


def _licence(contents: FileContents) -> str:
    return contents.metadata.get("licence", contents.metadata.get("license", ""))[:200]


def _convert_dcgan(state: FileTensors, contents: FileContents) -> ConvertedGenerator | None:
    layers: dict[int, State] = {}
    for name, array in state.items():
        match = LAYER.fullmatch(name)
        if match is None:
            return None
        if match[2] != "num_batches_tracked":
            layers.setdefault(int(match[1]), {})[match[2]] = array
    rows = [layers[number] for number in sorted(layers)]
    if not all("weight" in row for row in rows):
        return None
    kernels = [row["weight"] for row in rows if row["weight"].ndim == 4]
    chained = all(kernel.shape[1] == following.shape[0] for kernel, following in itertools.pairwise(kernels))
    if len(kernels) < 2 or not chained or any(kernel.shape[2:] != (4, 4) for kernel in kernels):
        return None
    if kernels[-1].shape[1] not in (1, 3, 4):
        return None
    converted = float_tensors(
        {f"main.{number}.{name}": array for number, row in enumerate(_fold_biases(rows)) for name, array in row.items()}
    )
    side = 4 << (len(kernels) - 1)
    sizes = Sizes(side, side, kernels[-1].shape[1], 0, kernels[0].shape[0], 0, 1)
    facts, licence = inventory(state), _licence(contents)
    return ConvertedGenerator("a DCGAN's weights", "dcgan", sizes, converted, facts, licence=licence)


def _fold_biases(rows: list[State]) -> list[State]:
    # Layers without convolution biases: one before a batch norm only shifts the mean that the norm subtracts.
    layers = [dict(row) for row in rows]
    for number, row in enumerate(layers):
        following = layers[number + 1] if number + 1 < len(layers) else {}
        bias = row.pop("bias", None) if row["weight"].ndim == 4 else None
        if bias is not None:
            if "running_mean" not in following or following["running_mean"].shape != bias.shape:
                raise FileRefused("This looks like a DCGAN, but its last layer has a bias, which is not supported.")
            following["running_mean"] = following["running_mean"] - bias
    return layers
