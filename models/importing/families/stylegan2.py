"""A StyleGAN2's weights put together in our layout from parts that others name and scale in their ways."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from models.importing.limits import FileRefused
from models.importing.passport import Converted, Sizes, TensorFact
from models.importing.state_dicts import State, float_tensors

RATE = 0.01  # of our mapping network's layers
DRAWS = 8192  # z drawn for a mean w that a file does not have
NO_MEAN = f"The file has no mean w: the average of {DRAWS} was taken."
SLOPE, GAIN = 0.2, math.sqrt(2)

Numbers = np.ndarray[Any, Any]


@dataclass(slots=True)
class Layout:
    """A network in the making. Convolutions are at unit scale (equalised learning rate), as the network expects."""

    fir: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)
    clamp: float | None = None
    state: State = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def dense(self, number: int, weight: Numbers, bias: Numbers, rate: float = RATE) -> None:
        """A layer of the mapping network, [outside, inside], trained at a learning-rate multiplier `rate`."""
        scale = 1.0 if abs(rate / RATE - 1) < 1e-6 else rate / RATE
        self.state[f"mapping.layers.{number}.weight"] = weight * np.float32(scale)
        self.state[f"mapping.layers.{number}.bias"] = bias * np.float32(scale)

    def embed(self, weight: Numbers, bias: Numbers) -> None:
        """The embedding of classes, [numbers, classes]."""
        self.state["mapping.embed.weight"], self.state["mapping.embed.bias"] = weight, bias

    def join(self, weight: Numbers) -> None:
        """The matrix of classes before ADA, [numbers, classes]."""
        self.state["mapping.join"] = weight

    def start(self, constant: Numbers) -> None:
        """The learned constant, [channels, height, width]."""
        self.state["synthesis.start"] = constant

    def layer(self, place: str, affine: tuple[Numbers, Numbers], weight: Numbers, bias: Numbers) -> None:
        """A modulated convolution, or the one to colours; `place` is like `3.rise`, `3.stay` or `3.picture`."""
        root = f"synthesis.blocks.{place}"
        self.state[f"{root}.affine.weight"], self.state[f"{root}.affine.bias"] = affine
        self.state[f"{root}.weight"], self.state[f"{root}.bias"] = weight, bias.reshape(-1)

    def noise(self, place: str, constant: Numbers, strength: Numbers) -> None:
        """The fixed noise, [height, width], and what it is multiplied by."""
        if constant.ndim != 2 or strength.size != 1:
            raise FileRefused("The noise of one of its layers has a shape that is none.")
        self.state[f"synthesis.blocks.{place}.noise"] = constant * np.float32(strength.reshape(()))

    def skip(self, number: int, weight: Numbers) -> None:
        """The residual way around a block, [outside, inside, 1, 1]."""
        self.state[f"synthesis.blocks.{number}.skip.weight"] = weight

    def mean(self, w: Numbers | None) -> None:
        """The mean w, [w]; None where the file has none, so that it is drawn here."""
        if w is None:
            w = drawn_mean(self.state)
            self.notes.append(NO_MEAN)
        classes = embedding(self.state)
        rows = 1 if classes is None else classes.shape[1]
        self.state["mapping.mean"] = np.repeat(w.reshape(1, -1), rows, axis=0)

    def converted(self, format: str, inventory: tuple[TensorFact, ...], **about: Any) -> Converted:
        """The whole, once its parts fit together; Refused where one is missing or of another size."""
        state = float_tensors(self.state)
        sizes = sizes_of(state)
        state["fir"] = np.array(self.fir, np.float32)
        if self.clamp is not None:
            state["clamp"] = np.array(self.clamp, np.float32)
        made = Converted(format, "stylegan2", sizes, state, inventory, notes=tuple(self.notes))
        return replace(made, **{**about, "notes": (*self.notes, *about.get("notes", ()))})


def embedding(state: State) -> Numbers | None:
    """The matrix [numbers, classes] of a mapping network in our layout, of either kind; None without classes."""
    return state.get("mapping.embed.weight", state.get("mapping.join"))


def drawn_mean(state: State) -> Numbers:
    """The average w of z drawn from one seed, through an unconditional mapping network in our layout."""
    if embedding(state) is not None:
        raise FileRefused("It has classes but no mean w.", "Use a checkpoint that has one.")
    layers = sum(name.startswith("mapping.layers.") for name in state) // 2
    width = state["mapping.layers.0.weight"].shape[1]
    x: Numbers = np.random.default_rng(0).standard_normal((DRAWS, width), np.float32)
    x /= np.sqrt(np.square(x).mean(axis=1, keepdims=True) + 1e-8)
    for number in range(layers):
        weight, bias = state[f"mapping.layers.{number}.weight"], state[f"mapping.layers.{number}.bias"]
        x = x @ (weight.T * np.float32(RATE / math.sqrt(weight.shape[1]))) + bias * np.float32(RATE)
        x = np.where(x < 0, x * np.float32(SLOPE), x) * np.float32(GAIN)
    mean: Numbers = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def taps(filter: Numbers) -> tuple[float, ...]:
    """The filter's taps, of one row or of a square that is one row times itself; Refused for any other filter."""
    row = filter.astype(np.float64)
    if row.ndim == 2:
        row = row.sum(axis=0)
        if not np.allclose(np.outer(row, row) / row.sum(), filter, atol=1e-5 * abs(row).max()):
            raise FileRefused("It resamples with a filter that is not the same along both sides.")
    if row.ndim != 1 or not 2 <= len(row) <= 32 or len(row) % 2 or row.sum() <= 0 or not np.allclose(row, row[::-1]):
        raise FileRefused("It resamples with a filter that is not known here.")
    row = row / np.abs(row[row != 0]).min()
    return tuple(float(tap) for tap in (np.rint(row) if np.allclose(row, np.rint(row), atol=1e-4) else row))


def sizes_of(state: State) -> Sizes:
    """The sizes of a StyleGAN2 in our layout; Refused where its parts do not make a whole one."""
    numbers = [int(found[1]) for name in state if (found := re.match(r"synthesis\.blocks\.(\d{1,3})\.", name))]
    try:
        sizes = _sizes(state, 1 + max(numbers))
    except (KeyError, ValueError, IndexError):
        raise FileRefused(
            "Its parts do not make a whole StyleGAN2.", "It may be cut off, or another network."
        ) from None
    _check_noise(state, sizes, 1 + max(numbers))
    return sizes


def _sizes(state: State, blocks: int) -> Sizes:
    channels, height, width = state["synthesis.start"].shape
    embed = embedding(state)
    layers = sum(name.startswith("mapping.layers.") for name in state) // 2
    first, last = state["mapping.layers.0.weight"], state[f"mapping.layers.{layers - 1}.weight"]
    picture = state[f"synthesis.blocks.{blocks - 1}.picture.weight"]
    w = last.shape[0]
    for number in range(blocks):
        block = f"synthesis.blocks.{number}"
        for part, inside in (("rise", channels), ("stay", state[f"{block}.stay.weight"].shape[0])):
            if part == "rise" and number == 0:
                continue
            weight = state[f"{block}.{part}.weight"]
            if weight.shape[1:] != (inside, 3, 3) or state[f"{block}.{part}.affine.weight"].shape != (inside, w):
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
    noisy = [name for name in state if name.endswith(".noise")]
    for name in noisy:
        block = int(name.split(".")[2])
        if state[name].shape != (sizes.height >> (blocks - 1 - block), sizes.width >> (blocks - 1 - block)):
            raise FileRefused("The noise of one of its layers has another size than its maps.")
    if noisy and len(noisy) != 2 * blocks - 1:
        raise FileRefused("Some of its layers have fixed noise and others have none.")
