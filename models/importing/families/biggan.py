"""BigGAN-deep in the layout of pytorch-pretrained-biggan: weights with their spectral norm divided out, in our layout.

What the network does is in Brock et al. 2019 (appendix B); names, sizes and the 51 sets of batch statistics are that
package's. Its config.json may be missing: all but the upsampling, which alternates in every published model, is seen in
the shapes.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from models.importing.formats.detect_format import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import Converted, Sizes, inventory
from models.importing.state_dicts import State, flatten, float_tensors, is_state, take, under_prefix

FORMAT = "a BigGAN-deep of pytorch-pretrained-biggan"
EPSILON = 1e-4
NO_CONFIG = "config.json is missing: every second block was taken to double the side."
STATISTICS = (
    "Batch statistics between two truncations are mixed in the right proportion; the package they come from swaps it."
)


def convert(contents: FileContents, budget: Budget) -> Converted | None:
    """The generator in our layout; None where this is no such file. Refused, with why, where it cannot be used."""
    if not is_state(contents.value):
        return None
    state = flatten(contents.value, budget)
    if "embeddings.weight" not in state or not any(name.startswith("generator.gen_z.") for name in state):
        return None
    facts = inventory(state)
    own = under_prefix(state, "generator.")
    made: State = {"embeddings.weight": take(state, "embeddings.weight", None, None)}
    numbers = sorted({int(found[1]) for name in own if (found := re.match(r"layers\.(\d{1,3})\.", name))})
    if numbers != list(range(len(numbers))) or not numbers:
        raise FileRefused("Some of its blocks are missing.", "It may be cut off: fetch it again.")
    attention = [number for number in numbers if f"layers.{number}.gamma" in own]
    if len(attention) != 1:
        raise FileRefused("It has not one layer of attention, as a BigGAN-deep has.")
    made["gen_z.weight"], made["gen_z.bias"] = _weight(own, "gen_z"), take(own, "gen_z.bias", None)
    blocks = [number for number in numbers if number not in attention]
    for place, number in enumerate(blocks):
        _block(made, f"blocks.{place}", under_prefix(own, f"layers.{number}."))
    for name, theirs in (("theta", "theta"), ("phi", "phi"), ("values", "g"), ("out", "o_conv")):
        made[f"attention.{name}.weight"] = _weight(own, f"layers.{attention[0]}.snconv1x1_{theirs}")
    made["attention.share"] = take(own, f"layers.{attention[0]}.gamma", 1)
    made["last.means"], made["last.variances"] = _statistics(own, "bn")
    width = made["last.means"].shape[1]
    made["last.weight"], made["last.bias"] = take(own, "bn.weight", width), take(own, "bn.bias", width)
    channels = 3
    made["colours.weight"] = _weight(own, "conv_to_rgb")[:channels]
    made["colours.bias"] = take(own, "conv_to_rgb.bias", None)[:channels]
    ups, epsilon, notes = _config(contents, len(blocks), attention[0])
    made["plan"] = np.array([epsilon, attention[0], *ups], np.float32)
    side = 4 << sum(ups)
    z, classes = made["embeddings.weight"].shape
    if made["gen_z.weight"].shape[1] != 2 * z:
        raise FileRefused("Its first layer does not take what its embedding of classes gives.")
    sizes = Sizes(side, side, channels, classes, z, z + 1, len(blocks) + 1)
    return Converted(FORMAT, "biggan", sizes, float_tensors(made), facts, notes=(*notes, STATISTICS))


def _block(made: State, root: str, own: State) -> None:
    for number in range(4):
        made[f"{root}.norms.{number}.means"], made[f"{root}.norms.{number}.variances"] = _statistics(
            own, f"bn_{number}"
        )
        for name in ("scale", "offset"):
            made[f"{root}.norms.{number}.{name}.weight"] = _weight(own, f"bn_{number}.{name}")
        made[f"{root}.convolutions.{number}.weight"] = _weight(own, f"conv_{number}")
        made[f"{root}.convolutions.{number}.bias"] = take(own, f"conv_{number}.bias", None)


def _statistics(own: State, name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    means = take(own, f"{name}.running_means", None, None)
    if len(means) < 2:
        raise FileRefused("It has no batch statistics for different truncations.")
    return means, take(own, f"{name}.running_vars", *means.shape)


def _weight(own: State, name: str) -> np.ndarray[Any, Any]:
    """A weight divided by its largest singular value, which the two vectors kept beside it give."""
    if f"{name}.weight_orig" not in own:
        return own[f"{name}.weight"] if f"{name}.weight" in own else take(own, f"{name}.weight_orig")
    weight = own[f"{name}.weight_orig"]
    flat = weight.reshape(len(weight), -1).astype(np.float64)
    left = take(own, f"{name}.weight_u", len(flat)).astype(np.float64)
    right = own.get(f"{name}.weight_v")
    if right is None:  # as PyTorch before 1.1 wrote it: one step of the power iteration gives it
        right = flat.T @ left
        right = right / max(float(np.linalg.norm(right)), 1e-12)
    if right.shape != (flat.shape[1],):
        raise FileRefused(f"The spectral norm of “{name[:80]}” does not fit its weight.")
    norm = float(left @ flat @ right)
    if not np.isfinite(norm) or norm <= 0:
        raise FileRefused(f"The spectral norm of “{name[:80]}” is no number that can be.")
    divided: np.ndarray[Any, Any] = (weight / np.float64(norm)).astype(np.float32)
    return divided


def _config(contents: FileContents, blocks: int, attention: int) -> tuple[list[int], float, tuple[str, ...]]:
    config = contents.config
    if "layers" not in config:
        return [number % 2 for number in range(blocks)], EPSILON, (NO_CONFIG,)
    layers, epsilon = config["layers"], config.get("eps", EPSILON)
    rows = layers if isinstance(layers, list) and all(isinstance(row, list) and row for row in layers) else []
    if len(rows) != blocks or config.get("attention_layer_position", attention) != attention:
        raise FileRefused("Its config.json describes another network than its weights are.")
    if not isinstance(epsilon, int | float) or not 0 < epsilon < 1:
        raise FileRefused("Its config.json has an “eps” that cannot be.")
    return [int(row[0] is True) for row in rows], float(epsilon), ()
