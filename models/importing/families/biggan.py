"""BigGAN-deep as pytorch-pretrained-biggan stores it, with the spectral norm divided out of its weights.

The network is that of Brock et al. 2019 (appendix B); names, sizes and the 51 sets of batch statistics are that
package's. Its config.json may be missing: only the upsampling, which alternates in every published model, is not
visible in the shapes.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from models.importing.formats.read_contents import FileContents
from models.importing.limits import Budget, FileRefused
from models.importing.passport import ConvertedGenerator, Sizes, inventory
from models.importing.state_dicts import (
    State,
    flatten,
    float_tensors,
    is_state_dict,
    refuse_unread,
    require,
    under_prefix,
)
from models.importing.unpickle.tensor_bytes import CUT_OFF

FORMAT = "a BigGAN-deep of pytorch-pretrained-biggan"
HARMLESS = r".*\.weight_[uv]|.*\.step_size"  # of the spectral norm, which is divided out, and of the statistics
EPSILON = 1e-4  # of batch normalisation
COLOURS = 3  # channels of the image; the last convolution has more
NO_CONFIG = "config.json is missing: every second block is assumed to upsample."
STATISTICS = (
    "Batch statistics between two truncations are interpolated in the right proportion; the original package swaps it."
)
OTHER_NETWORK = "config.json describes another network than the weights."


def convert(contents: FileContents, budget: Budget) -> ConvertedGenerator | None:
    """The generator; None where this is no such file. Raises FileRefused where it is not supported."""
    if not is_state_dict(contents.value) or "embeddings.weight" not in contents.value:
        return None
    if not any(name.startswith("generator.gen_z.") for name in contents.value):
        return None
    state = flatten(contents.value, budget)
    tensors = under_prefix(state, "generator.")
    blocks, attention = _block_numbers(tensors)
    converted: State = {"embeddings.weight": require(state, "embeddings.weight", None, None)}
    converted["gen_z.weight"] = _weight(tensors, "gen_z")
    converted["gen_z.bias"] = require(tensors, "gen_z.bias", None)
    for place, number in enumerate(blocks):
        _add_block(converted, f"blocks.{place}", under_prefix(tensors, f"layers.{number}."))
    for name, source in (("theta", "theta"), ("phi", "phi"), ("values", "g"), ("out", "o_conv")):
        converted[f"attention.{name}.weight"] = _weight(tensors, f"layers.{attention}.snconv1x1_{source}")
    converted["attention.share"] = require(tensors, f"layers.{attention}.gamma", 1)
    converted["last.means"], converted["last.variances"] = _statistics(tensors, "bn")
    width = converted["last.means"].shape[1]
    converted["last.weight"] = require(tensors, "bn.weight", width)
    converted["last.bias"] = require(tensors, "bn.bias", width)
    converted["colours.weight"] = _weight(tensors, "conv_to_rgb")[:COLOURS]
    converted["colours.bias"] = require(tensors, "conv_to_rgb.bias", None)[:COLOURS]
    refuse_unread(state, "BigGAN-deep", HARMLESS)
    ups, epsilon, notes = _read_config(contents, len(blocks), attention)
    converted["plan"] = np.array([epsilon, attention, *ups], np.float32)
    side = 4 << sum(ups)
    z, classes = converted["embeddings.weight"].shape
    if converted["gen_z.weight"].shape[1] != 2 * z:
        raise FileRefused("The first layer does not fit the embedding of classes.")
    sizes = Sizes(side, side, COLOURS, classes, z, z + 1, len(blocks) + 1)
    notes = (*notes, STATISTICS)
    return ConvertedGenerator(FORMAT, "biggan", sizes, float_tensors(converted), inventory(state), notes=notes)


def _block_numbers(tensors: State) -> tuple[list[int], int]:
    # The file's numbers of the residual blocks, and that of the attention layer between them.
    numbers = sorted({int(match[1]) for name in tensors if (match := re.match(r"layers\.(\d{1,3})\.", name))})
    if numbers != list(range(len(numbers))) or not numbers:
        raise FileRefused("Some blocks are missing.", CUT_OFF)
    attention = [number for number in numbers if f"layers.{number}.gamma" in tensors]
    if len(attention) != 1:
        raise FileRefused("The network does not have one attention layer, as a BigGAN-deep has.")
    return [number for number in numbers if number not in attention], attention[0]


def _add_block(converted: State, root: str, tensors: State) -> None:
    for number in range(4):
        norm, convolution = f"{root}.norms.{number}", f"{root}.convolutions.{number}"
        converted[f"{norm}.means"], converted[f"{norm}.variances"] = _statistics(tensors, f"bn_{number}")
        for name in ("scale", "offset"):
            converted[f"{norm}.{name}.weight"] = _weight(tensors, f"bn_{number}.{name}")
        converted[f"{convolution}.weight"] = _weight(tensors, f"conv_{number}")
        converted[f"{convolution}.bias"] = require(tensors, f"conv_{number}.bias", None)


def _statistics(tensors: State, name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    # Means and variances, [truncations, channels] each.
    means = require(tensors, f"{name}.running_means", None, None)
    if len(means) < 2:
        raise FileRefused("The file has no batch statistics for different truncations.")
    return means, require(tensors, f"{name}.running_vars", *means.shape)


def _weight(tensors: State, name: str) -> np.ndarray[Any, Any]:
    # A weight divided by its largest singular value, which follows from the singular vectors stored beside it.
    if f"{name}.weight_orig" not in tensors:
        return tensors[f"{name}.weight"] if f"{name}.weight" in tensors else require(tensors, f"{name}.weight_orig")
    weight = tensors[f"{name}.weight_orig"]
    flat = weight.reshape(len(weight), -1).astype(np.float64)
    left = require(tensors, f"{name}.weight_u", len(flat)).astype(np.float64)
    right = tensors.get(f"{name}.weight_v")
    if right is None:  # as PyTorch before 1.1 wrote it: one step of the power iteration gives it
        right = flat.T @ left
        right = right / max(float(np.linalg.norm(right)), 1e-12)
    if right.shape != (flat.shape[1],):
        raise FileRefused(f"The spectral norm of “{name[:80]}” does not fit its weight.")
    norm = float(left @ flat @ right)
    if not np.isfinite(norm) or norm <= 0:
        raise FileRefused(f"The spectral norm of “{name[:80]}” is not a positive number.")
    normalised: np.ndarray[Any, Any] = (weight / np.float64(norm)).astype(np.float32)
    return normalised


def _read_config(contents: FileContents, blocks: int, attention: int) -> tuple[list[int], float, tuple[str, ...]]:
    # Whether each block upsamples, the epsilon of batch normalisation, and notes.
    config = contents.config
    if "layers" not in config:
        return [number % 2 for number in range(blocks)], EPSILON, (NO_CONFIG,)
    layers, epsilon = config["layers"], config.get("eps", EPSILON)
    rows = layers if isinstance(layers, list) and all(isinstance(row, list) and row for row in layers) else []
    if len(rows) != blocks or config.get("attention_layer_position", attention) != attention:
        raise FileRefused(OTHER_NETWORK)
    if not isinstance(epsilon, int | float) or not 0 < epsilon < 1:
        raise FileRefused("The “eps” in config.json is invalid.")
    return [int(row[0] is True) for row in rows], float(epsilon), ()
