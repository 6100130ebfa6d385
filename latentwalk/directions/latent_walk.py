"""How a latent moves: along a straight line, an arc, or a learned path of small steps; pure arithmetic.

Lines and paths come from "On the steerability of GANs" (Jahanian, Chai, Isola 2020, section 3.1), arcs and a vector
for each class from "GANalyze" (Goetschalckx et al. 2019, section 3). The norm of z is left free on a line; on an arc
and at every step of a path it is scaled back to the length of the z it started from, sample by sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import torch
from torch import Tensor

Kind = Literal["linear", "path", "arc", "fan"]
UNIT_SLACK = 1e-2  # what storing a unit vector in half precision may cost


class Walk(Protocol):
    """A differentiable way to move latents [N, D] by signed steps [N]; step 0 leaves a latent bit-identical.

    `classes` are weights [N or 1, K]; only a walk with a vector for each class looks at them.
    """

    @property
    def kind(self) -> Kind: ...

    def tensors(self) -> dict[str, Tensor]:
        """What is learned and stored."""
        ...

    def move(self, latents: Tensor, steps: Tensor, classes: Tensor | None = None) -> Tensor: ...

    def axis(self, classes: Tensor | None = None) -> Tensor | None:
        """The vector [D] this walk goes along for class weights [1, K]; None where it has no single one."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LinearWalk:
    """latent + step * vector. `vector` is [D]; a finished direction's has length one."""

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
        """A walk that goes nowhere: learning starts here, so nothing of a random start is left in the result."""
        return cls(torch.zeros(width))


@dataclass(frozen=True, slots=True, eq=False)
class ArcWalk:
    """latent + step * vector; with `kept`, scaled back to the latent's own length ("arc", else "fan").

    `vectors` is [1, D], one for all classes, or [K, D], one for each, mixed by the class weights. Their mean length
    is one in a finished direction, so that a class may obey more or less than another.
    """

    vectors: Tensor
    kept: bool = True

    @property
    def kind(self) -> Kind:
        return "arc" if self.kept else "fan"

    def tensors(self) -> dict[str, Tensor]:
        return {"vectors": self.vectors}

    def move(self, latents: Tensor, steps: Tensor, classes: Tensor | None = None) -> Tensor:
        moved = latents + steps.to(latents)[:, None] * self._mixed(latents, classes)
        if not self.kept:
            return moved
        length = latents.norm(dim=1, keepdim=True)
        kept: Tensor = moved * (length / moved.norm(dim=1, keepdim=True).clamp_min(1e-8))
        return kept

    def axis(self, classes: Tensor | None = None) -> Tensor | None:
        return self._mixed(self.vectors, classes)[0]

    def _mixed(self, like: Tensor, classes: Tensor | None) -> Tensor:
        vectors = self.vectors.to(like)
        if len(vectors) == 1:
            return vectors
        if classes is None:
            raise ValueError("a walk with a vector for each class needs class weights")
        mixed: Tensor = classes.to(like) @ vectors
        return mixed

    @classmethod
    def blank(cls, count: int, width: int, kept: bool) -> Self:
        """A walk that goes nowhere yet."""
        return cls(torch.zeros(count, width), kept)


@dataclass(frozen=True, slots=True, eq=False)
class PathWalk:
    """Repeated steps x -> x + B relu(A x + a) + b, one such map for each sign, whole and fractional.

    Tensors are `up.*` and `down.*`: `inner` [D, D], `inner_bias` [D], `outer` [D, D], `outer_bias` [D]. Step s
    runs floor(|s|) whole steps and the rest as a fraction of the next, so the path is continuous in s.
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
        for done in range(int(steps.detach().abs().max().ceil())):
            share = (steps.abs() - done).clamp(0, 1)[:, None]
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
        """A path that goes nowhere yet: the outer map is zero, only the inner one is drawn from the seed."""
        source = torch.Generator().manual_seed(seed)
        weights: dict[str, Tensor] = {}
        for sign in ("up", "down"):
            weights[f"{sign}.inner"] = torch.randn(width, width, generator=source) / width**0.5
            weights[f"{sign}.inner_bias"] = torch.zeros(width)
            weights[f"{sign}.outer"] = torch.zeros(width, width)
            weights[f"{sign}.outer_bias"] = torch.zeros(width)
        return cls(weights)


def from_tensors(kind: str, tensors: Mapping[str, Tensor], width: int) -> Walk:
    """The walk stored as `tensors`; ValueError with the reason where they are not such a walk."""
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
    if kind == "linear" and not abs(float(floats["vector"].norm()) - 1) < UNIT_SLACK:
        raise ValueError("its vector is not of length one")
    if kind in ("arc", "fan"):
        if not abs(float(floats["vectors"].norm(dim=1).mean()) - 1) < UNIT_SLACK:
            raise ValueError("its vectors' mean length is not one")
        return ArcWalk(floats["vectors"], kind == "arc")
    return LinearWalk(floats["vector"]) if kind == "linear" else PathWalk(floats)
