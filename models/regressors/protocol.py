"""The protocol of regressors (images in, one number each out) and the values that describe them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

Kind = Literal["measure", "resmem", "onnx", "ratings", "callable"]


@dataclass(frozen=True, slots=True)
class RegressorCard:
    """What a score means, what data it was learned from and where it misleads; the owner writes it for an upload."""

    measures: str
    data: str
    source: str
    licence: str
    limits: str


@dataclass(frozen=True, slots=True)
class RegressorSpec:
    """Everything that callers need to know about a regressor before it is loaded.

    - `span` is the range in which its scores usually lie, in `unit`.
    - `differentiable` is True if gradients flow from a score back to the image.
    - `fingerprint` identifies the weights or the formula. Directions are tied to it, never to the name.
    """

    name: str
    title: str
    kind: Kind
    differentiable: bool
    span: tuple[float, float]
    unit: str
    fingerprint: str
    card: RegressorCard


@runtime_checkable
class Regressor(Protocol):
    """Gives one number per image, higher for more of what its card describes."""

    @property
    def spec(self) -> RegressorSpec:
        """The description of this regressor."""
        ...

    def score(self, images: Tensor) -> Tensor:
        """Scores float32 [N] of images float32 [N, C, H, W] in [-1, 1], C 1 or 3, of any side from 16 px.

        The score of an image does not depend on the batch. Raises ModelFailed if the regressor fails or does not return
        a finite number for each image.
        """
        ...
