"""What every regressor promises: pictures in, one number each out, and the values that describe the judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

Kind = Literal["measure", "resmem", "onnx", "ratings", "callable"]


@dataclass(frozen=True, slots=True)
class RegressorCard:
    """What a score means, what it was learned from and where it misleads; a person writes it for an upload."""

    measures: str
    data: str
    source: str
    licence: str
    limits: str


@dataclass(frozen=True, slots=True)
class RegressorSpec:
    """Everything one must know of a regressor without holding it.

    `span` is the range in which its scores usually lie, in `unit`; `differentiable` says whether gradients
    flow from a score back to the picture; `fingerprint` is of the weights or of the rule, and directions
    learned from its scores are tied to it, never to the name.
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
    """One number per picture, higher for more of what the card says."""

    @property
    def spec(self) -> RegressorSpec:
        """What it is."""
        ...

    def score(self, images: Tensor) -> Tensor:
        """Scores float32 [N] of images float32 [N, C, H, W] in [-1, 1], C 1 or 3, any side of 16 px or more.

        Each picture is judged alone: a batch changes nothing. ModelFailed where the judge fails or its
        answer is not a finite number for each picture.
        """
        ...
