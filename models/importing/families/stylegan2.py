"""Assembles a StyleGAN2's state dict in this package's layout, from parts that others name and scale differently."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from models.importing.limits import FileRefused
from models.importing.passport import ConvertedGenerator, Sizes, TensorFact
from models.importing.state_dicts import State, float_tensors
from models.importing.unpickle.tensor_bytes import CUT_OFF

LR_MULTIPLIER = 0.01  # of the mapping network's layers
MEAN_SAMPLES = 8192  # z from which the mean w is computed where a file has none
NO_MEAN = f"The file has no mean w: the average over {MEAN_SAMPLES} samples was used."
SLOPE, GAIN = 0.2, math.sqrt(2)  # of the leaky ReLU
MAX_TAPS = 32  # of a resampling filter
MIXED_FILTERS = "The layers resample with different filters, which is not supported."
UNKNOWN_FILTER = "The network resamples with a filter that is not supported."

Numbers = np.ndarray[Any, Any]
Affine = tuple[Numbers, Numbers]  # weight and bias


@dataclass(slots=True)
class StateBuilder:
    """Collects the parts of a StyleGAN2 generator, then checks and returns the whole.

    `place` is a layer's place in the synthesis network: "3.rise" is the upsampling convolution of block 3, "3.stay" its
    second convolution, "3.picture" its conversion to colours. Convolution weights are at unit scale (equalised learning
    rate), as the network expects them.
    """

    fir: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)
    clamp: float | None = None
    state: State = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add_dense(self, number: int, weight: Numbers, bias: Numbers, lr_multiplier: float = LR_MULTIPLIER) -> None:
        """Layer `number` of the mapping network, weight [out, in], trained with that learning-rate multiplier."""
        ratio = lr_multiplier / LR_MULTIPLIER
        scale = np.float32(1.0 if abs(ratio - 1) < 1e-6 else ratio)
        self.state[f"mapping.layers.{number}.weight"] = weight * scale
        self.state[f"mapping.layers.{number}.bias"] = bias * scale

    def add_embedding(self, weight: Numbers, bias: Numbers) -> None:
        """The embedding of classes, weight [D, classes]."""
        self.state["mapping.embed.weight"], self.state["mapping.embed.bias"] = weight, bias

    def add_class_matrix(self, weight: Numbers) -> None:
        """The matrix of classes [D, classes] of networks before ADA."""
        self.state["mapping.join"] = weight

    def add_constant(self, constant: Numbers) -> None:
        """The learned constant [C, H, W] that the synthesis network starts from."""
        self.state["synthesis.start"] = constant

    def add_layer(self, place: str, affine: Affine, weight: Numbers, bias: Numbers) -> None:
        """A modulated convolution [out, in, K, K], and the affine layer that makes its styles."""
        root = f"synthesis.blocks.{place}"
        self.state[f"{root}.affine.weight"], self.state[f"{root}.affine.bias"] = affine
        self.state[f"{root}.weight"], self.state[f"{root}.bias"] = weight, bias.reshape(-1)

    def add_noise(self, place: str, constant: Numbers, strength: Numbers) -> None:
        """The fixed noise [H, W] of a layer, and the scalar it is multiplied by."""
        if constant.ndim != 2 or strength.size != 1:
            raise FileRefused("The shape of a layer's noise is invalid.")
        self.state[f"synthesis.blocks.{place}.noise"] = constant * np.float32(strength.reshape(()))

    def add_skip(self, block: int, weight: Numbers) -> None:
        """The residual connection around a block, [out, in, 1, 1]."""
        self.state[f"synthesis.blocks.{block}.skip.weight"] = weight

    def add_mean(self, w: Numbers | None) -> None:
        """The mean w [D]; None where the file has none, so that it is computed from samples."""
        if w is None:
            w = sample_mean(self.state)
            self.notes.append(NO_MEAN)
        classes = embedding(self.state)
        rows = 1 if classes is None else classes.shape[1]
        self.state["mapping.mean"] = np.repeat(w.reshape(1, -1), rows, axis=0)

    def set_filter(self, filters: set[tuple[float, ...]]) -> None:
        """The taps of the resampling filter, as collected from every layer that has one."""
        if len(filters) > 1:
            raise FileRefused(MIXED_FILTERS)
        self.fir = next(iter(filters), self.fir)

    def build(self, format: str, inventory: tuple[TensorFact, ...], **details: Any) -> ConvertedGenerator:
        """The generator. Raises FileRefused where a part is missing or of the wrong shape.

        `details` are further fields of ConvertedGenerator; its notes follow those of the builder.
        """
        state = float_tensors(self.state)
        sizes = sizes_of(state)
        state["fir"] = np.array(self.fir, np.float32)
        if self.clamp is not None:
            state["clamp"] = np.array(self.clamp, np.float32)
        converted = ConvertedGenerator(format, "stylegan2", sizes, state, inventory)
        return replace(converted, **{**details, "notes": (*self.notes, *details.get("notes", ()))})


def embedding(state: State) -> Numbers | None:
    """The class matrix [D, classes] of a mapping network in this package's layout; None without classes."""
    return state.get("mapping.embed.weight", state.get("mapping.join"))


def sample_mean(state: State) -> Numbers:
    """The mean w [D] of MEAN_SAMPLES z of a fixed seed, through an unconditional mapping network in our layout."""
    if embedding(state) is not None:
        raise FileRefused("The network has classes but no mean w.", "Use a checkpoint that has one.")
    layers = sum(name.startswith("mapping.layers.") for name in state) // 2
    width = state["mapping.layers.0.weight"].shape[1]
    x: Numbers = np.random.default_rng(0).standard_normal((MEAN_SAMPLES, width), np.float32)
    x /= np.sqrt(np.square(x).mean(axis=1, keepdims=True) + 1e-8)
    for number in range(layers):
        weight, bias = state[f"mapping.layers.{number}.weight"], state[f"mapping.layers.{number}.bias"]
        x = x @ (weight.T * np.float32(LR_MULTIPLIER / math.sqrt(weight.shape[1]))) + bias * np.float32(LR_MULTIPLIER)
        x = np.where(x < 0, x * np.float32(SLOPE), x) * np.float32(GAIN)
    mean: Numbers = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def filter_taps(kernel: Numbers) -> tuple[float, ...]:
    """The taps of a filter [K], or [K, K] that is the outer product of one row. Raises FileRefused for any other."""
    row = kernel.astype(np.float64)
    if row.ndim == 2:
        row = row.sum(axis=0)
        if not np.allclose(np.outer(row, row) / row.sum(), kernel, atol=1e-5 * abs(row).max()):
            raise FileRefused(UNKNOWN_FILTER)
    if (
        row.ndim != 1
        or not 2 <= len(row) <= MAX_TAPS
        or len(row) % 2
        or row.sum() <= 0
        or not np.allclose(row, row[::-1])
    ):
        raise FileRefused(UNKNOWN_FILTER)
    row = row / np.abs(row[row != 0]).min()
    return tuple(float(tap) for tap in (np.rint(row) if np.allclose(row, np.rint(row), atol=1e-4) else row))


def sizes_of(state: State) -> Sizes:
    """The dimensions of a StyleGAN2 in this package's layout. Raises FileRefused where parts are missing."""
    numbers = [int(match[1]) for name in state if (match := re.match(r"synthesis\.blocks\.(\d{1,3})\.", name))]
    try:
        sizes = _read_sizes(state, 1 + max(numbers))
    except (KeyError, ValueError, IndexError):
        raise FileRefused("The parts do not make a whole StyleGAN2.", CUT_OFF) from None
    _check_noise(state, sizes, 1 + max(numbers))
    return sizes


def _read_sizes(state: State, blocks: int) -> Sizes:
    channels, height, width = state["synthesis.start"].shape
    embed = embedding(state)
    layers = sum(name.startswith("mapping.layers.") for name in state) // 2
    first, last = state["mapping.layers.0.weight"], state[f"mapping.layers.{layers - 1}.weight"]
    picture = state[f"synthesis.blocks.{blocks - 1}.picture.weight"]
    w = last.shape[0]
    for number in range(blocks):
        block = f"synthesis.blocks.{number}"
        for part, inputs in (("rise", channels), ("stay", state[f"{block}.stay.weight"].shape[0])):
            if part == "rise" and number == 0:
                continue
            weight = state[f"{block}.{part}.weight"]
            if weight.shape[1:] != (inputs, 3, 3) or state[f"{block}.{part}.affine.weight"].shape != (inputs, w):
                raise ValueError
        channels = state[f"{block}.stay.weight"].shape[0]
    return Sizes(
        height=height << (blocks - 1),
        width=width << (blocks - 1),
        channels=picture.shape[0],
        classes=0 if embed is None else embed.shape[1],
        z=first.shape[1] - (0 if embed is None else embed.shape[0]),
        w=w,
        layers=2 * blocks,
    )


def _check_noise(state: State, sizes: Sizes, blocks: int) -> None:
    noises = [name for name in state if name.endswith(".noise")]
    for name in noises:
        rest = blocks - 1 - int(name.split(".")[2])  # blocks that follow, each of which doubles the sides
        if state[name].shape != (sizes.height >> rest, sizes.width >> rest):
            raise FileRefused("The noise of a layer has another size than its feature maps.")
    if noises and len(noises) != 2 * blocks - 1:
        raise FileRefused("Some layers have fixed noise and others have none.")
