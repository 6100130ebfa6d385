"""Starting a run from another generator: its weights in a network with the same latents, or in a wider one.

A new run usually spends its first hours on what any generator of such images has learned (Wang et al. 2018,
"Transferring GANs"). A wider network generates the same images at first: connections from its new channels start at
zero (as in Net2Net, Chen et al. 2016) and are trained from the first step on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from latentwalk.errors import Invalid, LatentwalkError
from models.catalogue import local
from models.generators.stylegan2 import StyleGAN2
from models.networks.stylegan2 import StyleGAN2Network


def warm_start(network: StyleGAN2Network, folder: Path) -> None:
    """Copy the weights of the generator in `folder` into a network.

    The network may have wider layers and more resolutions; those keep their initial weights. Raises Invalid if the
    folder holds no StyleGAN2 generator, or one with other latents or classes or with wider layers.
    """
    try:
        generator = local.load(local.read_entry(folder))
    except LatentwalkError as error:
        raise Invalid(f"There is no generator to start from in {folder}.", "Correct “start” in the recipe.") from error
    if not isinstance(generator, StyleGAN2):
        raise Invalid(f"{generator.spec.name} is not a StyleGAN2.", "Start from one that was trained here, or none.")
    old, new = generator.network.config, network.config
    if (old.z, old.w, old.classes, old.mapping) != (new.z, new.w, new.classes, new.mapping):
        raise Invalid(
            f"{generator.spec.name} has other latents or classes than the recipe.",
            f"It has z {old.z}, w {old.w}, mapping {old.mapping} and {old.classes} classes.",
        )
    if any(before > after for before, after in zip(old.widths, new.widths, strict=False)):
        raise Invalid(f"{generator.spec.name} is wider than the recipe.", f"Its widths are {list(old.widths)}.")
    network.load_state_dict(widen(generator.network.state_dict(), network.state_dict()))


def widen(old: Mapping[str, Tensor], new: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights with the shapes of `new` that generate what `old` generates; names missing in `old` come from `new`."""
    return {name: _widened(name, old[name], value) if name in old else value for name, value in new.items()}


def _widened(name: str, old: Tensor, new: Tensor) -> Tensor:
    wide = new.clone()
    corner = tuple(slice(0, size) for size in old.shape)
    if name.startswith("synthesis.") and old.ndim == 4:  # a kernel [out, in, k, k]
        wide[: old.shape[0], old.shape[1] :] = 0  # old outputs ignore new inputs at first
        if name.endswith("picture.weight"):  # this layer is not demodulated: undo the smaller gain of a wider input
            old = old * math.sqrt(new.shape[1] / old.shape[1])
    wide[corner] = old
    return wide
