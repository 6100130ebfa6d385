"""The judges that need no upload: which there are by name, whether they are here, and how one is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from models.base import ModelError
from models.regressor import Regressor, RegressorCard, RegressorSpec

GREY = (0.299, 0.587, 0.114)


def _grey(images: Tensor) -> Tensor:
    if images.shape[1] == 1:
        return (images + 1) / 2
    return ((images + 1) / 2 * images.new_tensor(GREY)[:, None, None]).sum(dim=1, keepdim=True)


def brightness(images: Tensor) -> Tensor:
    """Mean lightness, 0 black to 1 white."""
    return _grey(images).mean(dim=(1, 2, 3))


def contrast(images: Tensor) -> Tensor:
    """Standard deviation of lightness."""
    return (_grey(images).var(dim=(1, 2, 3)) + 1e-8).sqrt()


def colourfulness(images: Tensor) -> Tensor:
    """Hasler and Suesstrunk (2003), M3, of colours in [0, 1]."""
    if images.shape[1] == 1:
        return images.sum(dim=(1, 2, 3)) * 0
    red, green, blue = ((images + 1) / 2).unbind(dim=1)
    across, along = red - green, (red + green) / 2 - blue
    spread = (across.var(dim=(1, 2)) + along.var(dim=(1, 2)) + 1e-8).sqrt()
    return spread + 0.3 * (across.mean(dim=(1, 2)).square() + along.mean(dim=(1, 2)).square() + 1e-8).sqrt()


def redness(images: Tensor) -> Tensor:
    """How much redder than its own grey the picture is on average."""
    if images.shape[1] == 1:
        return images.sum(dim=(1, 2, 3)) * 0
    return (images[:, 0] - images.mean(dim=1)).mean(dim=(1, 2)) / 2


def sharpness(images: Tensor) -> Tensor:
    """Mean length of the lightness gradient, per pixel."""
    grey = _grey(images)
    across = grey[..., :-1, 1:] - grey[..., :-1, :-1]
    down = grey[..., 1:, :-1] - grey[..., :-1, :-1]
    return (across.square() + down.square() + 1e-8).sqrt().mean(dim=(1, 2, 3))


RULES: Mapping[str, Callable[[Tensor], Tensor]] = {
    rule.__name__: rule for rule in (brightness, contrast, colourfulness, redness, sharpness)
}


class Measure:
    """A rule as a regressor."""

    def __init__(self, spec: RegressorSpec, rule: Callable[[Tensor], Tensor]) -> None:
        self.spec, self.rule = spec, rule

    def score(self, images: Tensor) -> Tensor:
        return self.rule(images.float())


def entries() -> dict[str, RegressorSpec]:
    """Every judge there is code for, by name."""
    return {name: _spec(name, rule) for name, rule in RULES.items()}


def is_installed(name: str, folder: Path) -> bool:
    """Whether the judge can be loaded now; `folder` is where fetched ones are kept."""
    return name in RULES


def load(name: str, folder: Path, device: torch.device | str = "cpu") -> Regressor:
    """The judge, ready to score."""
    if name not in RULES:
        raise ModelError(f"There is no judge “{name[:60]}”.", f"There are {', '.join(RULES)}.")
    return Measure(_spec(name, RULES[name]), RULES[name])


def _spec(name: str, rule: Callable[[Tensor], Tensor]) -> RegressorSpec:
    card = RegressorCard((rule.__doc__ or "").strip(), "None: a formula.", "Latentwalk", "MIT", "It sees pixels only.")
    mark = "sha256:" + hashlib.sha256(f"{name}|{rule.__doc__}|1".encode()).hexdigest()
    return RegressorSpec(name, name.capitalize(), "measure", True, (0.0, 1.0), "score", mark, card)
