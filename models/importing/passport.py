"""What is told about a stranger's checkpoint before anything of it is kept, and what it was turned into."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from models.importing.limits import printable

Weights = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class TensorFact:
    """One line of the inventory: a tensor of the generator as the file names it."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a generator takes and makes: latents of `z` and `w` numbers, `layers` styles, a picture's sides in px.

    `w` is 0 where there is no mapping network; `classes` is 0 for an unconditional one.
    """

    height: int
    width: int
    channels: int
    classes: int
    z: int
    w: int
    layers: int


@dataclass(frozen=True, slots=True)
class Converted:
    """A generator in our own layout: its family, its sizes, weights in float32, the file's own names for the classes,
    and sentences about what was decided on the way.
    """

    format: str
    family: str
    sizes: Sizes
    state: Weights
    inventory: tuple[TensorFact, ...]
    classes: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)  # name of a class in the file: its source text
    licence: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passport:
    """What a file contains. `names` are the globals that it names, `inert` those that were not made; `sources` are
    sha256 sums of source text found in it, by the class it belongs to: none of it was run. `licence` is "" if unknown.
    """

    format: str
    family: str
    sizes: Sizes
    sha256: str
    bytes: int
    tensors: tuple[TensorFact, ...]
    numbers: int
    names: tuple[str, ...]
    inert: tuple[str, ...]
    sources: Mapping[str, str]
    licence: str
    notes: tuple[str, ...]


def passport(data: memoryview, converted: Converted, names: Mapping[Any, bool]) -> Passport:
    """The passport of a file whose generator was converted; `names` says which global was made inert."""
    return Passport(
        format=converted.format,
        family=converted.family,
        sizes=converted.sizes,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        tensors=tuple(replace(fact, name=printable(fact.name[:200])) for fact in converted.inventory),
        numbers=sum(int(np.prod(fact.shape)) for fact in converted.inventory),
        names=tuple(sorted(printable(str(name)) for name in names)),
        inert=tuple(sorted(printable(str(name)) for name, inert in names.items() if inert)),
        sources={
            printable(kind[:100]): hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            for kind, text in sorted(converted.sources.items())
        },
        licence=printable(converted.licence),
        notes=converted.notes,
    )


def inventory(state: Weights) -> tuple[TensorFact, ...]:
    """The list of a state's tensors, in its order."""
    return tuple(TensorFact(name, array.dtype.name, array.shape) for name, array in state.items())
