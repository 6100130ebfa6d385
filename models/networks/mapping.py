"""The mapping network of style-based generators, z to w, and the equalised linear layer that they share.

Equalised learning rates are Karras et al. 2018, section 4.1; the mapping network is Karras et al. 2019, section 2, with
StyleGAN2-ADA's embedding of classes (Karras et al. 2020, section D.1).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
GAIN = math.sqrt(2)
EPSILON = 1e-8
RATE = 0.01  # of a mapping network's learning rate, the usual share


class Dense(nn.Module):
    """A linear layer whose weight is stored at unit scale (equalised learning rate)."""

    def __init__(self, inside: int, outside: int, start: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outside, inside) / rate)
        self.bias = nn.Parameter(torch.full((outside,), start / rate))
        self.gain, self.rate = rate / math.sqrt(inside), rate

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.gain, self.bias * self.rate)


class MappingNetwork(nn.Module):
    """z [N, z] and class weights [N, classes] to w [N, w]; `mean` holds the average w of every class.

    `rate` is the learning-rate multiplier of the layers. Classes are embedded in `embed` values, and all layers but the
    last have width `hidden` (0: the width of z, and of w). `joint` is how classes entered StyleGAN2 before ADA: through
    a plain matrix, normalised together with z.
    """

    def __init__(
        self,
        z: int,
        w: int,
        classes: int,
        layers: int,
        rate: float = RATE,
        embed: int = 0,
        hidden: int = 0,
        joint: bool = False,
    ) -> None:
        super().__init__()
        embed = (embed or z) if classes else 0
        self.embed = Dense(classes, embed) if classes and not joint else None
        self.join = nn.Parameter(torch.randn(embed, classes)) if classes and joint else None
        widths = [z + embed] + [hidden or w] * (layers - 1) + [w]
        pairs = itertools.pairwise(widths)
        self.layers = nn.ModuleList(Dense(inside, outside, rate=rate) for inside, outside in pairs)
        self.register_buffer("mean", torch.zeros(max(classes, 1), w))

    def forward(self, z: Tensor, classes: Tensor | None) -> Tensor:
        if self.join is not None and classes is not None:
            z = torch.cat([z, classes @ self.join.T], dim=1)
        x = normalise_rows(z)
        if self.embed is not None and classes is not None:
            x = torch.cat([x, normalise_rows(self.embed(classes))], dim=1)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE) * GAIN
        return x


def normalise_rows(x: Tensor) -> Tensor:
    """Rows [N, D] scaled to a mean square of one."""
    return x * (x.square().mean(dim=1, keepdim=True) + EPSILON).rsqrt()


class MappingSizes(NamedTuple):
    """The arguments of MappingNetwork, except its rate, which no weight shows."""

    z: int
    w: int
    classes: int
    layers: int
    embed: int
    hidden: int
    joint: bool


def mapping_sizes(state: Mapping[str, Tensor]) -> MappingSizes:
    """The sizes of a stored mapping network, from the shapes of its tensors. KeyError if some are missing."""
    layers = sum(name.startswith("mapping.layers.") and name.endswith("weight") for name in state)
    first, last = state["mapping.layers.0.weight"], state[f"mapping.layers.{max(layers - 1, 0)}.weight"]
    joint = "mapping.join" in state
    embed = state.get("mapping.join" if joint else "mapping.embed.weight")
    embedded = 0 if embed is None else int(embed.shape[0])
    z, w, hidden = int(first.shape[1]) - embedded, int(last.shape[0]), int(first.shape[0])
    classes = 0 if embed is None else int(embed.shape[1])
    return MappingSizes(z, w, classes, layers, 0 if embedded == z else embedded, 0 if hidden == w else hidden, joint)
