"""Regressors with known scores for discs, with and without a gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from models.regressors.protocol import RegressorCard, RegressorSpec

CARD = RegressorCard("Redness.", "None.", "Here.", "MIT", "Discs only.")


class RuleRegressor:
    """A function of images as a regressor; `scored` counts the images."""

    def __init__(self, name: str, rule: Callable[[Tensor], Tensor], differentiable: bool = True) -> None:
        kind = "measure" if differentiable else "onnx"
        mark = f"sha256:{name.encode().hex():0<64}"[:71]
        self.spec = RegressorSpec(name, name.capitalize(), kind, differentiable, (-1.0, 1.0), "score", mark, CARD)
        self.rule, self.scored = rule, 0

    def score(self, images: Tensor) -> Tensor:
        self.scored += len(images)
        if self.spec.differentiable:
            return self.rule(images)
        with torch.no_grad():
            return self.rule(images).clone()


def red(images: Tensor) -> Tensor:
    """How much redder than grey the image is: determined by z[3] of Discs."""
    return images[:, 0].mean(dim=(1, 2)) - images.mean(dim=(1, 2, 3))


def bright(images: Tensor) -> Tensor:
    return images.mean(dim=(1, 2, 3))


def redness(differentiable: bool = True) -> RuleRegressor:
    return RuleRegressor("redness" if differentiable else "redness_opaque", red, differentiable)


def brightness() -> RuleRegressor:
    return RuleRegressor("brightness", bright)
