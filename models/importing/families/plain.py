"""Plain weights that say what they are by themselves: our own files, and DCGANs by the shapes of their layers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from models.importing.families.nvidia import convert_state
from models.importing.families.stylegan2 import sizes_of
from models.importing.formats.detect_format import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import Converted, Sizes, inventory
from models.importing.state_dicts import State, flatten, float_tensors, is_state
from models.importing.unpickle.records import mapping

USUAL = ("state_dict", "netG", "generator", "G", "model", "net_g", "params_ema", "G_state_dict", "generator_state_dict")
FAMILIES = ("stylegan2", "stylegan3", "biggan", "dcgan")
LAYER = re.compile(r"(?:\w+\.)*?(\d{1,4})\.(weight|bias|running_mean|running_var|num_batches_tracked)")


def convert(contents: FileContents, budget: Budget) -> Converted | None:
    """The generator in our layout; None where these weights are of no network known by its shapes."""
    whole = contents.value
    named = [mapping(whole).get(name) for name in USUAL] if isinstance(whole, dict) else []
    given = next((part for part in (whole, *named) if is_state(part)), None)
    if given is None:
        return None
    state = flatten(given, budget)
    return _ours(state, contents) or convert_state(state, contents.format) or _dcgan(state, contents)


def _ours(state: State, contents: FileContents) -> Converted | None:
    config = contents.config
    if config.get("family") in FAMILIES and isinstance(config.get("spaces"), dict):
        sizes, classes = _told(config)
    elif "fir" in state and "synthesis.start" in state:
        sizes, classes = (
            sizes_of(float_tensors({n: array for n, array in state.items() if n not in ("fir", "clamp")})),
            (),
        )
    else:
        return None
    float_tensors(state)  # all finite; kept as they are, so that their fingerprint stays the same
    family = str(config.get("family", "stylegan2"))
    card = config.get("card")
    licence = str(card.get("licence", ""))[:200] if isinstance(card, dict) else _licence(contents)
    return Converted("Latentwalk's own weights", family, sizes, state, inventory(state), classes, licence=licence)


def _told(config: Mapping[str, Any]) -> tuple[Sizes, tuple[str, ...]]:
    """The sizes and class names in a generator.json. They are checked against the weights when these are tried."""
    try:
        spaces, classes = config["spaces"], tuple(str(name)[:100] for name in config["classes"])
        w = spaces["w"][0] if "w" in spaces else 0
        numbers = [config["resolution"], config["resolution"], config["channels"], len(classes), spaces["z"][0], w]
        numbers.append(config["layers"])
    except (KeyError, TypeError, IndexError):
        raise FileRefused("The generator.json beside it does not describe a generator.") from None
    if not all(type(number) is int and 0 <= number <= 2**16 for number in numbers):
        raise FileRefused("The generator.json beside it does not describe a generator.")
    return Sizes(*numbers), classes


def _licence(contents: FileContents) -> str:
    return contents.metadata.get("licence", contents.metadata.get("license", ""))[:200]


def _dcgan(state: State, contents: FileContents) -> Converted | None:
    layers: dict[int, State] = {}
    for name, array in state.items():
        found = LAYER.fullmatch(name)
        if found is None:
            return None
        if found[2] != "num_batches_tracked":
            layers.setdefault(int(found[1]), {})[found[2]] = array
    rows = [layers[number] for number in sorted(layers)]
    kernels = [row["weight"] for row in rows if "weight" in row and row["weight"].ndim == 4]
    chained = all(one.shape[1] == two.shape[0] for one, two in itertools.pairwise(kernels))
    if len(kernels) < 2 or not chained or any(kernel.shape[2:] != (4, 4) for kernel in kernels):
        return None
    if kernels[-1].shape[1] not in (1, 3, 4):
        return None
    made: State = {}
    for number in range(len(rows)):
        row = dict(rows[number])
        bias = row.pop("bias", None) if row["weight"].ndim == 4 else None
        if bias is not None:
            # A bias before a batch norm only moves the mean that the norm takes away.
            after = rows[number + 1] if number + 1 < len(rows) else {}
            if "running_mean" not in after or after["running_mean"].shape != bias.shape:
                raise FileRefused("It is like a DCGAN, but its last layer has a bias, which is not known here.")
            rows[number + 1] = {**after, "running_mean": after["running_mean"] - bias}
        made |= {f"main.{number}.{name}": array for name, array in row.items()}
    side = 4 << (len(kernels) - 1)
    sizes = Sizes(side, side, kernels[-1].shape[1], 0, kernels[0].shape[0], 0, 1)
    whole = {name: np.asarray(array) for name, array in float_tensors(made).items()}
    return Converted("a DCGAN's weights", "dcgan", sizes, whole, inventory(state), licence=_licence(contents))
