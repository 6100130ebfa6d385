"""Judges whose truth is known: how red a disc is, with and without a gradient, and judges that fail."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from models.regressors.protocol import RegressorCard, RegressorSpec

CARD = RegressorCard("Redness.", "None.", "Here.", "MIT", "Discs only.")


class Judge:
    """A rule as a regressor."""

    def __init__(self, name: str, rule: Callable[[Tensor], Tensor], differentiable: bool = True) -> None:
        kind = "measure" if differentiable else "onnx"
        mark = f"sha256:{name.encode().hex():0<64}"[:71]
        self.spec = RegressorSpec(name, name.capitalize(), kind, differentiable, (-1.0, 1.0), "score", mark, CARD)
        self.rule, self.asked = rule, 0

    def score(self, images: Tensor) -> Tensor:
        self.asked += len(images)
        if self.spec.differentiable:
            return self.rule(images)
        with torch.no_grad():
            return self.rule(images).clone()


def red(images: Tensor) -> Tensor:
    """How much redder than grey, summed where the disc is: tied to z[3] of Discs."""
    return images[:, 0].mean(dim=(1, 2)) - images.mean(dim=(1, 2, 3))


def bright(images: Tensor) -> Tensor:
    return images.mean(dim=(1, 2, 3))


def redness(differentiable: bool = True) -> Judge:
    return Judge("redness" if differentiable else "redness_sealed", red, differentiable)


def brightness() -> Judge:
    return Judge("brightness", bright)
