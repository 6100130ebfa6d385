"""Walks: how a latent moves along a straight line, an arc, or a learned path of small steps.

Lines and paths come from "On the steerability of GANs" (Jahanian, Chai, Isola 2020, section 3.1), arcs and a vector
for each class from "GANalyze" (Goetschalckx et al. 2019, section 3). A line leaves the norm of z free; an arc, and
every step of a path, rescales each latent to the norm that it started with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import torch
from torch import Tensor

Kind = Literal["linear", "path", "arc", "fan"]
NORM_TOLERANCE = 1e-2  # the error of a unit vector that was stored in half precision


class Walk(Protocol):
    """A differentiable way to move latents."""

    @property
    def kind(self) -> Kind:
        """Which of the four kinds it is; part of the file format."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """The learned tensors by name, as they are stored."""
        ...

    def move(self, latents: Tensor, steps: Tensor, classes: Tensor | None = None) -> Tensor:
        """Latents [N, D] moved by signed steps [N]; step 0 leaves a latent bit-identical.

        `classes` are weights [N or 1, K], which only a walk with one vector for each class uses.
        """
        ...

    def axis(self, classes: Tensor | None = None) -> Tensor | None:
        """The vector [D] along which the walk moves under class weights [1, K]; None where there is no single one."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LinearWalk:
    """latent + step * vector. `vector` is [D], of length one in a finished direction."""

    vector: Tensor

    @property
    def kind(self) -> Kind:
        return "linear"

    def tensors(self) -> dict[str, Tensor]:
        return {"vector": self.vector}

    def move(self, latents: Tensor, steps: Tensor, classes: Tensor | None = None) -> Tensor:
        return latents + steps.to(latents)[:, None] * self.vector.to(latents)

    def axis(self, classes: Tensor | None = None) -> Tensor | None:
        return self.vector

    @classmethod
    def blank(cls, width: int) -> Self:
        """The zero walk. Learning starts from it, so that the result contains nothing of a random start."""
        return cls(torch.zeros(width))


@dataclass(frozen=True, slots=True, eq=False)
class ArcWalk:
    """latent + step * vector; with `keeps_norm` ("arc", else "fan") rescaled to the latent's own norm.

    `vectors` is [1, D], one for all classes, or [K, D], one for each, mixed by the class weights. In a finished
    direction their mean length is one, so that the effect may be stronger for some classes than for others.
    """

    vectors: Tensor
    keeps_norm: bool = True

    @property
    def kind(self) -> Kind:
        return "arc" if self.keeps_norm else "fan"

    def tensors(self) -> dict[str, Tensor]:
        return {"vectors": self.vectors}

    def move(self, latents: Tensor, steps: Tensor, classes: Tensor | None = None) -> Tensor:
        moved = latents + steps.to(latents)[:, None] * self._class_vectors(latents, classes)
        if not self.keeps_norm:
            return moved
        length = latents.norm(dim=1, keepdim=True)
        rescaled: Tensor = moved * (length / moved.norm(dim=1, keepdim=True).clamp_min(1e-8))
        return rescaled

    def axis(self, classes: Tensor | None = None) -> Tensor | None:
        return self._class_vectors(self.vectors, classes)[0]

    def _class_vectors(self, like: Tensor, classes: Tensor | None) -> Tensor:
        vectors = self.vectors.to(like)
        if len(vectors) == 1:
            return vectors
        if classes is None:
            raise ValueError("a walk with a vector for each class needs class weights")
        mixed: Tensor = classes.to(like) @ vectors
        return mixed

    @classmethod
    def blank(cls, count: int, width: int, keeps_norm: bool) -> Self:
        """The zero walk with `count` vectors."""
        return cls(torch.zeros(count, width), keeps_norm)


@dataclass(frozen=True, slots=True, eq=False)
class PathWalk:
    """Repeated steps x -> x + B relu(A x + a) + b, with one such map for each sign of the step.

    Tensors are `up.*` and `down.*`: `inner` [D, D], `inner_bias` [D], `outer` [D, D], `outer_bias` [D]. Step s
    runs floor(|s|) whole steps and then a fraction of the next, so that the path is continuous in s.
    """

    weights: Mapping[str, Tensor]

    @property
    def kind(self) -> Kind:
        return "path"

    def tensors(self) -> dict[str, Tensor]:
        return dict(self.weights)

    def axis(self, classes: Tensor | None = None) -> Tensor | None:
        return None

    def move(self, latents: Tensor, steps: Tensor, classes: Tensor | None = None) -> Tensor:
        steps = steps.to(latents)
        length = latents.norm(dim=1, keepdim=True)
        upwards = (steps >= 0)[:, None]
        moved = latents
        for completed in range(int(steps.detach().abs().max().ceil())):
            share = (steps.abs() - completed).clamp(0, 1)[:, None]
            change = torch.where(upwards, self._change(moved, "up"), self._change(moved, "down"))
            goal = moved + change
            goal = goal * (length / goal.norm(dim=1, keepdim=True).clamp_min(1e-8))
            moved = torch.where(share > 0, moved + share * (goal - moved), moved)
        return moved

    def _change(self, latents: Tensor, sign: str) -> Tensor:
        inner, outer = self.weights[f"{sign}.inner"].to(latents), self.weights[f"{sign}.outer"].to(latents)
        hidden = torch.relu(latents @ inner.T + self.weights[f"{sign}.inner_bias"].to(latents))
        return hidden @ outer.T + self.weights[f"{sign}.outer_bias"].to(latents)

    @classmethod
    def blank(cls, width: int, seed: int) -> Self:
        """The zero path: the outer maps are zero, the inner ones are random, from the seed."""
        source = torch.Generator().manual_seed(seed)
        weights: dict[str, Tensor] = {}
        for sign in ("up", "down"):
            weights[f"{sign}.inner"] = torch.randn(width, width, generator=source) / width**0.5
            weights[f"{sign}.inner_bias"] = torch.zeros(width)
            weights[f"{sign}.outer"] = torch.zeros(width, width)
            weights[f"{sign}.outer_bias"] = torch.zeros(width)
        return cls(weights)


def from_tensors(kind: str, tensors: Mapping[str, Tensor], width: int) -> Walk:
    """The walk of that kind stored as `tensors`. Raises ValueError, with the reason, where they do not fit."""
    if kind in ("arc", "fan"):
        count = len(tensors["vectors"]) if "vectors" in tensors and tensors["vectors"].ndim == 2 else 1
        expected: dict[str, tuple[int, ...]] = {"vectors": (max(count, 1), width)}
    elif kind == "linear":
        expected = {"vector": (width,)}
    elif kind == "path":
        square, row = (width, width), (width,)
        parts = {"inner": square, "inner_bias": row, "outer": square, "outer_bias": row}
        expected = {f"{sign}.{part}": shape for sign in ("up", "down") for part, shape in parts.items()}
    else:
        raise ValueError(f"“{kind}” is not a kind of walk")
    if set(tensors) != set(expected):
        raise ValueError(f"it holds {', '.join(sorted(tensors)) or 'nothing'}, not {', '.join(sorted(expected))}")
    for name, shape in expected.items():
        if tuple(tensors[name].shape) != shape:
            raise ValueError(f"{name} has shape {list(tensors[name].shape)}, not {list(shape)}")
        if not bool(torch.isfinite(tensors[name]).all()):
            raise ValueError(f"{name} holds numbers that are not finite")
    floats = {name: tensor.float() for name, tensor in tensors.items()}
    if kind == "linear" and not abs(float(floats["vector"].norm()) - 1) < NORM_TOLERANCE:
        raise ValueError("its vector is not of length one")
    if kind in ("arc", "fan"):
        if not abs(float(floats["vectors"].norm(dim=1).mean()) - 1) < NORM_TOLERANCE:
            raise ValueError("its vectors' mean length is not one")
        return ArcWalk(floats["vectors"], kind == "arc")
    return LinearWalk(floats["vector"]) if kind == "linear" else PathWalk(floats)
