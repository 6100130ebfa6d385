"""Exporting a trained network as a generator for the library, cropped to the image side that training reached."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence

import torch
from torch import Tensor

from latentwalk.training.recipe import Recipe
from models.catalogue.hashing import fingerprint
from models.generators.stylegan2 import FIR
from models.networks.mapping import RATE
from models.networks.stylegan2 import StyleGAN2Network
from models.specs import Card, GeneratorSpec, title_from_name


def export_generator(
    network: StyleGAN2Network, recipe: Recipe, side: int, classes: Sequence[str]
) -> tuple[GeneratorSpec, dict[str, Tensor]]:
    """The spec and the float16 weights of a network without its blocks beyond `side` px."""
    blocks = int(math.log2(side)) - 1
    state = {FIR: torch.tensor([float(tap) for tap in network.config.fir])}
    for name, tensor in network.state_dict().items():
        block = re.match(r"synthesis\.blocks\.(\d+)\.", name)
        if block is None or int(block[1]) < blocks:
            state[name] = _at_usual_rate(name, tensor, network.config.rate).detach().half().cpu()
    about = recipe.about
    spec = GeneratorSpec(
        name=recipe.name,
        title=about.title or title_from_name(recipe.name),
        family="stylegan2",
        resolution=side,
        channels=network.config.channels,
        spaces={"z": (network.config.z,), "w": (network.config.w,)},
        layers=2 * blocks,
        classes=tuple(classes),
        default_classes={recipe.default_class or classes[0]: 1.0} if classes else {},
        fingerprint=fingerprint(state),
        card=Card(
            summary=about.summary,
            source=about.source,
            licence=about.licence,
            data=about.data,
            data_licence=about.data_licence,
            shows_badly=about.shows_badly,
            year=datetime.date.today().year,
        ),
    )
    return spec, state


def _at_usual_rate(name: str, tensor: Tensor, rate: float) -> Tensor:
    # The multiplier is part of the arithmetic of a mapping layer, and stored networks are read with the usual one.
    return tensor * (rate / RATE) if name.startswith("mapping.layers.") else tensor
