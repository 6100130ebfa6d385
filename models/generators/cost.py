"""What a generator's image costs, from the shapes of its weights alone, and the most that an imported one may cost.

Counted are the multiply-adds of the convolutions and filters, and the bytes of the feature maps that are in memory at
the same time: known before anything is allocated, and without torch, so that the sandbox can ask, too.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import Invalid

State = Mapping[str, Any]  # arrays or tensors by name
FLOAT = 4  # bytes
ABSURD = 2**20  # px of a side, at which counting ends
LIVE_MAPS = 3  # feature maps of one layer that are in memory at once: its input, its output and one between them
SMALLER = "Import a smaller model, or render this one with the program that made it."


@dataclass(frozen=True, slots=True)
class Cost:
    """The sides of an image in px, and what one image takes: multiply-adds, and bytes of feature maps."""

    height: int
    width: int
    operations: int
    memory: int


@dataclass(frozen=True, slots=True)
class CostLimits:
    """The largest side in px, the most multiply-adds and the most bytes of feature maps for one image."""

    side: int
    operations: int = 2 * 10**12  # a StyleGAN3-R of 1024 px takes a quarter of it
    memory: int = 6 * 2**30


# ONNX graphs are bounded by the sandbox in which they run, and their images by what it returns.
LIMITS: Mapping[str, CostLimits] = {
    "dcgan": CostLimits(2048),
    "stylegan2": CostLimits(4096),
    "stylegan3": CostLimits(4096),
    "biggan": CostLimits(2048),
}
TITLES = {"dcgan": "DCGAN", "stylegan2": "StyleGAN2", "stylegan3": "StyleGAN3", "biggan": "BigGAN-deep"}


def check_cost(family: str, state: State) -> Cost | None:
    """The cost of an image; None for a family whose weights do not show it.

    Raises Invalid, with the size and the limit, for a generator that exceeds a limit of its family, or whose weights do
    not have the shapes of the family.
    """
    if family not in LIMITS:
        return None
    limits, title = LIMITS[family], TITLES[family]
    try:
        cost = COUNTERS[family](state)
    except (KeyError, ValueError, IndexError, TypeError, OverflowError) as error:
        raise Invalid(
            f"The weights do not have the shapes of a {title}.", "Check where the file comes from."
        ) from error
    side = max(cost.height, cost.width)
    if side > limits.side:
        raise Invalid(
            f"The network makes images of {cost.width:,} x {cost.height:,} px; a {title} may have up to "
            f"{limits.side:,} px a side.",
            SMALLER,
        )
    if cost.operations > limits.operations:
        raise Invalid(
            f"An image of the network takes {cost.operations / 1e9:,.0f} billion multiply-adds; up to "
            f"{limits.operations / 1e9:,.0f} billion are accepted.",
            SMALLER,
        )
    if cost.memory > limits.memory:
        raise Invalid(
            f"An image of the network takes {cost.memory / 2**30:,.1f} GiB of feature maps; up to "
            f"{limits.memory / 2**30:,.0f} GiB are accepted.",
            SMALLER,
        )
    return cost


def _dcgan(state: State) -> Cost:
    kernels = {}
    for name, tensor in state.items():
        match = re.fullmatch(r"(?:\w+\.)*?(\d+)\.weight", name)
        if match and len(tensor.shape) == 4:
            kernels[int(match[1])] = _sides(tensor)
    if not kernels:
        raise KeyError("main.0.weight")
    side, operations, memory = 1, 0, 0
    for number, place in enumerate(sorted(kernels)):
        inside, outside, height, width = kernels[place]
        operations += inside * outside * height * width * side * side
        before, side = inside * side * side, 4 if number == 0 else 2 * side
        memory = max(memory, before + LIVE_MAPS * outside * side * side)
        if side > ABSURD:
            break
    return Cost(side, side, operations, FLOAT * memory)


def _stylegan2(state: State) -> Cost:
    _, height, width = _sides(state["synthesis.start"])
    blocks = _count(state, r"synthesis\.blocks\.(\d+)\.stay\.weight")
    taps, operations, memory = max(math.prod(_sides(state["fir"])), 1), _dense(state), 0
    for number in range(blocks):
        root = f"synthesis.blocks.{number}"
        if number:
            outside, inside, kernel, _ = _sides(state[f"{root}.rise.weight"])
            operations += outside * inside * kernel * kernel * height * width
            height, width = 2 * height, 2 * width
            operations += 2 * outside * taps * height * width
            if max(height, width) > ABSURD:
                break
        outside, inside, kernel, _ = _sides(state[f"{root}.stay.weight"])
        operations += outside * inside * kernel * kernel * height * width
        memory = max(memory, LIVE_MAPS * max(outside, inside) * height * width)
    return Cost(height, width, operations, FLOAT * memory)


def _stylegan3(state: State) -> Cost:
    width, height, *_ = _plan(state["synthesis.input.plan"], 4)
    channels = _sides(state["synthesis.input.weight"])[0]
    operations, memory = _dense(state) + channels * (channels + 3) * width * height, 2 * channels * width * height
    for number in range(_count(state, r"synthesis\.layers\.(\d+)\.weight")):
        root = f"synthesis.layers.{number}"
        outside, inside, kernel, _ = _sides(state[f"{root}.weight"])
        in_width, in_height, width, height, up, down, *padding = _plan(state[f"{root}.plan"], 10)
        operations += outside * inside * kernel * kernel * (in_width + kernel) * (in_height + kernel)
        wide = (in_width + kernel - 1) * up + abs(padding[0]) + abs(padding[1])
        tall = (in_height + kernel - 1) * up + abs(padding[2]) + abs(padding[3])
        wide, tall = max(wide, width * down), max(tall, height * down)
        # Separable filters run along one axis after the other; only the radial one, [taps, taps], runs at once.
        rise, fall = (_sides(state[f"{root}.{name}"]) if f"{root}.{name}" in state else () for name in ("up", "down"))
        operations += outside * sum(rise) * (in_height + kernel) * (in_width + kernel + wide)
        radial = math.prod(fall) * width * height if len(fall) == 2 else sum(fall) * width * (tall + height)
        operations += outside * radial
        memory = max(memory, inside * in_width * in_height + LIVE_MAPS * outside * wide * tall)
        if max(width, height, wide // up, tall // up) > 2 * LIMITS["stylegan3"].side:
            return Cost(tall, wide, operations, FLOAT * memory)  # the feature maps alone exceed the limit
    return Cost(height, width, operations, FLOAT * memory)


def _biggan(state: State) -> Cost:
    _, attends, *ups = (int(value) for value in state["plan"].tolist())
    side, operations, memory = 4, math.prod(_sides(state["gen_z.weight"])), 0
    for number, up in enumerate(ups):
        if number == attends:
            queries, channels = _sides(state["attention.theta.weight"])[:2]
            values = _sides(state["attention.values.weight"])[0]
            pairs = side**4 // 4
            operations += pairs * (queries + values) + side * side * channels * (2 * queries + 2 * values)
            memory = max(memory, 2 * pairs)
        for place in range(4):
            outside, inside, kernel, _ = _sides(state[f"blocks.{number}.convolutions.{place}.weight"])
            side = 2 * side if up and place == 1 else side
            operations += outside * inside * kernel * kernel * side * side
            memory = max(memory, LIVE_MAPS * max(outside, inside) * side * side)
        if side > ABSURD:
            break
        memory = max(memory, LIVE_MAPS * _sides(state[f"blocks.{number}.convolutions.0.weight"])[1] * side * side)
    return Cost(side, side, operations, FLOAT * memory)


COUNTERS: Mapping[str, Callable[[State], Cost]] = {
    "dcgan": _dcgan,
    "stylegan2": _stylegan2,
    "stylegan3": _stylegan3,
    "biggan": _biggan,
}


def _dense(state: State) -> int:
    # The multiply-adds of the mapping network and of the layers that make styles.
    shapes = (_sides(tensor) for name, tensor in state.items() if name.startswith("mapping.") or ".affine." in name)
    return sum(math.prod(shape) for shape in shapes)


def _count(state: State, pattern: str) -> int:
    # How many numbered parts there are; KeyError unless they are numbered from 0 without a gap.
    numbers = sorted(int(match[1]) for name in state if (match := re.fullmatch(pattern, name)))
    if not numbers or any(after - before != 1 for before, after in itertools.pairwise([-1, *numbers])):
        raise KeyError(pattern)
    return len(numbers)


def _plan(tensor: Any, count: int) -> list[int]:
    values = [int(value) for value in tensor.tolist()[:count]]
    if len(values) != count:
        raise ValueError("a plan is too short")
    return values


def _sides(tensor: Any) -> tuple[int, ...]:
    return tuple(int(side) for side in tensor.shape)
