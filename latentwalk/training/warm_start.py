"""Beginning with what another generator has learned: its weights in a network of the same latents, or of a wider one.

A new run usually spends its first hours on what any generator of such pictures knows (Wang et al. 2018, "Transferring
GANs"). A wider network draws the same pictures at first: what is new in it is not listened to yet (as in Net2Net, Chen
et al. 2016), and learns from the first step on.
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
    """Fill a network with the kept generator in `folder`; Invalid where that is none, or one of other latents.

    Layers may be wider than the generator's and resolutions more: those keep what they were made with.
    """
    try:
        found = local.load(local.read_entry(folder))
    except LatentwalkError as error:
        raise Invalid(f"There is no generator to begin with in {folder}.", "Correct “start” in the recipe.") from error
    if not isinstance(found, StyleGAN2):
        raise Invalid(f"{found.spec.name} is no StyleGAN2.", "Begin with one that was trained here, or with none.")
    plan, wanted = found.network.config, network.config
    if (plan.z, plan.w, plan.classes, plan.mapping) != (wanted.z, wanted.w, wanted.classes, wanted.mapping):
        raise Invalid(
            f"{found.spec.name} has other latents or classes than the recipe asks for.",
            f"It has z {plan.z}, w {plan.w}, mapping {plan.mapping} and {plan.classes} classes.",
        )
    if any(old > new for old, new in zip(plan.widths, wanted.widths, strict=False)):
        raise Invalid(f"{found.spec.name} is wider than the recipe.", f"Its widths are {list(plan.widths)}.")
    network.load_state_dict(widen(found.network.state_dict(), network.state_dict()))


def widen(old: Mapping[str, Tensor], new: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the shapes of `new` that draw what `old` draws; `new` fills what `old` does not know."""
    return {name: _grown(name, old[name], blank) if name in old else blank for name, blank in new.items()}


def _grown(name: str, old: Tensor, blank: Tensor) -> Tensor:
    grown = blank.clone()
    corner = tuple(slice(0, size) for size in old.shape)
    if name.startswith("synthesis.") and old.ndim == 4:  # a kernel [out, in, k, k]
        grown[: old.shape[0], old.shape[1] :] = 0  # what is new is not listened to
        if name.endswith("picture.weight"):  # nothing else brings these back to size: their gain shrank by this
            old = old * math.sqrt(blank.shape[1] / old.shape[1])
    grown[corner] = old
    return grown
