"""What every generator promises: a small, batch-first protocol and the values that describe a model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

Precision = Literal["fp32", "bf16"]
Mean = Literal["own", "class", "all"]
MOVES = 3  # numbers that say where a picture is put: right and down as shares of its side, turn in degrees clockwise


@dataclass(frozen=True, slots=True)
class Card:
    """Where a model comes from, what it may be used for and what it shows badly."""

    summary: str
    source: str
    licence: str
    data: str
    data_licence: str
    shows_badly: str
    year: int


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """Everything one must know of a generator to talk to it without holding it.

    `spaces` maps a latent space's name to the shape of one latent in it, `layers` counts the layers that a
    direction may be limited to (1 where the latent enters once), `fingerprint` is `fingerprint(state)` of
    the weights: directions are tied to it, never to a name. `exact` names the moves of the picture (of shift_x,
    shift_y, rotate) that the network makes exactly, whatever it has learned.
    """

    name: str
    title: str
    family: str
    resolution: int
    channels: int
    spaces: Mapping[str, tuple[int, ...]]
    layers: int
    classes: tuple[str, ...]
    default_classes: Mapping[str, float]
    fingerprint: str
    card: Card
    exact: tuple[str, ...] = ()

    @property
    def space(self) -> str:
        """The space in which edits are made: the last one before the image, `w` where there is a mapping."""
        return list(self.spaces)[-1]

    @property
    def width(self) -> int:
        """How many numbers one latent has in `space`."""
        return self.spaces[self.space][-1]


@dataclass(frozen=True, slots=True, eq=False)
class FirstLayer:
    """A generator's first step where it is linear: latent -> spatial map `weight @ latent + bias`.

    `weight` is [C*H*W, D] for a latent of D numbers, `shape` is (C, H, W), and `bias` [C*H*W] is what the
    map holds at latent zero, classes included. Closed-form directions are read off it.
    """

    weight: Tensor
    bias: Tensor
    shape: tuple[int, int, int]


@runtime_checkable
class Generator(Protocol):
    """Latents in, images out; batch first; the same seed gives the same latent on any device."""

    spec: GeneratorSpec
    device: torch.device
    precision: Precision

    def sample(self, seeds: Sequence[int]) -> Tensor:
        """One z per seed, float32 [N, *spec.spaces["z"]], drawn from the model's prior."""
        ...

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        """Latents in `spec.space` for z: w = mean + truncation * (w(z) - mean); only truncation where there
        is no mapping network. `classes` are weights [N, len(spec.classes)] that sum to 1, None if unclassed.
        """
        ...

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """Images for latents [N, D] in `spec.space`, in their order: float32 [N, channels, H, W] in [-1, 1].

        Where the latent enters at several layers, also for one latent a layer, [N, layers, D].
        """
        ...

    def at(self, precision: Precision) -> Generator:
        """This generator computing in `precision`; itself where it already does."""
        ...

    def first_layer(self, classes: Tensor | None) -> FirstLayer | None:
        """The linear first step under class weights [1, classes], None where the first step is not linear."""
        ...

    def entrance(self) -> Tensor:
        """The weights [M, D] of all that a latent in `spec.space` enters first, one below the other (SeFa's A)."""
        ...


@runtime_checkable
class Averaged(Protocol):
    """A generator that truncates towards a mean latent, of which it has more than one."""

    def middle(self, classes: Tensor | None, mean: Mean = "own") -> Tensor:
        """The mean [N or 1, D]: the weights' own, the classes' mixed by class weights [N, K], or one over all."""
        ...


@runtime_checkable
class Styled(Protocol):
    """A generator whose latents [N, layers, D] may go on in rows that hold moves of the picture and changes of styles.

    The rows, laid end to end, are `MOVES` numbers, then what is added to the styles (the space S), layer after layer,
    then zeros.
    """

    @property
    def style_widths(self) -> tuple[int, ...]:
        """How many numbers each layer's style has."""
        ...

    def channels(self, latent: Tensor) -> Tensor:
        """The styles of latents [N, D] or [N, rows, D], one layer's after the other: [N, sum(style_widths)]."""
        ...

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """Images, as of every generator."""
        ...


@runtime_checkable
class Early(Protocol):
    """A generator whose first layers already make pictures, smaller ones."""

    @property
    def sides(self) -> tuple[int, ...]:
        """The heights of the pictures that it can make, in px, rising; the last is its own."""
        ...

    def small(self, side: int) -> Generator:
        """A twin that stops where its pictures are `side` px high."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """How weights are reached: inside an installed distribution, in a wheel to be pulled, in a folder (`member`), or by
    an adapter, whose entry point `member` names.
    """

    kind: Literal["installed", "wheel", "folder", "adapter"]
    distribution: str
    version: str
    member: str
    sha256: str
    bytes: int
    state_key: str = ""

    @property
    def requirement(self) -> str:
        return f"{self.distribution}=={self.version}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A generator that is here or can be had: its description and the place of its weights."""

    spec: GeneratorSpec
    origin: Origin


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """`sha256:` over every tensor's name, type, shape and bytes in name order; independent of file format."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return "sha256:" + digest.hexdigest()
