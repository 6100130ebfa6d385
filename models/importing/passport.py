"""The passport, which describes a checkpoint before any of it is kept, and the generator that a checkpoint becomes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from models.importing.limits import printable
from models.importing.unpickle.records import GlobalName

Weights = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class TensorFact:
    """One line of the inventory: a tensor of the generator as the file names it."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sizes:
    """A generator's dimensions: images of `channels` x `height` x `width` px, latents of `z` and `w` numbers.

    `classes` is 0 for an unconditional generator, `w` is 0 without a mapping network, and `layers` is the number of
    layers that a latent enters.
    """

    height: int
    width: int
    channels: int
    classes: int
    z: int
    w: int
    layers: int


@dataclass(frozen=True, slots=True)
class ConvertedGenerator:
    """A generator in the layout of this package's networks, float32.

    `classes` are the file's own names for its classes, `sources` source texts by the class they define, and `notes`
    sentences about what the conversion assumed.
    """

    format: str
    family: str
    sizes: Sizes
    state: Weights
    inventory: tuple[TensorFact, ...]
    classes: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """How an ONNX graph is taken as a generator.

    `range` is that of its output's values, `is_range_given` whether a person gave it; otherwise it was guessed from
    `samples` images, whose values run from `low` to `high`. `is_given` says whether a person gave any of it. `inputs`
    are rows of name, role, dtype and shape as text.
    """

    range: str
    is_range_given: bool
    is_given: bool
    low: float
    high: float
    samples: int
    inputs: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Passport:
    """What a file contains.

    `names` are the globals that its pickle refers to, `inert` those of them that stayed opaque, `sources` the sha256 of
    source texts in it, by the class they define: none of it was run. `licence` is "" if unknown, `graph` None for all
    but ONNX graphs.
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
    graph: GraphFacts | None = None


def make_passport(data: memoryview, converted: ConvertedGenerator, names: Mapping[GlobalName, bool]) -> Passport:
    """The passport of a file whose generator was converted; `names` says of each global whether it stayed opaque."""
    return Passport(
        format=converted.format,
        family=converted.family,
        sizes=converted.sizes,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        tensors=tuple(replace(fact, name=printable(fact.name[:200])) for fact in converted.inventory),
        numbers=sum(int(np.prod(fact.shape)) for fact in converted.inventory),
        names=tuple(sorted(printable(str(name)) for name in names)),
        inert=tuple(sorted(printable(str(name)) for name, opaque in names.items() if opaque)),
        sources={
            printable(name[:100]): hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            for name, text in sorted(converted.sources.items())
        },
        licence=printable(converted.licence),
        notes=converted.notes,
    )


def inventory(state: Weights) -> tuple[TensorFact, ...]:
    """The list of a state dict's tensors, in its order."""
    return tuple(TensorFact(name, array.dtype.name, array.shape) for name, array in state.items())
