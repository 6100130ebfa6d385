"""Generators that installed packages offer: an entry point names an adapter, which the operator chose to install.

An adapter has `spec`, a GeneratorSpec, and called with a device it gives a Generator. Its code runs here, unlike that
of any file that is brought: nothing uploaded ever becomes one.
"""

from __future__ import annotations

import importlib.metadata
import logging
from functools import cache
from types import MappingProxyType
from typing import Protocol, cast

import torch

from models.base import Entry, Generator, GeneratorSpec, Origin
from models.errors import ModelFailed

GROUP = "latentwalk.generators"
PARTS = ("spec", "device", "precision", "sample", "map", "synthesize", "at", "first_layer", "entrance")  # a Generator's
log = logging.getLogger(__name__)


class GeneratorPlugin(Protocol):
    """What an entry point of GROUP names, most simply a class whose instances are Generators."""

    spec: GeneratorSpec

    def __call__(self, device: torch.device) -> Generator: ...


@cache
def entries() -> MappingProxyType[str, Entry]:
    """Every adapter that is installed, by its generator's name; one that cannot be imported is logged and left out."""
    found = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            spec = _adapter(point).spec
            if not isinstance(spec, GeneratorSpec):
                raise TypeError("its spec is no GeneratorSpec")
        except Exception as error:  # somebody else's package may raise anything; the others go on without it
            log.warning("Left out the generator of %s: %s", point.value, error)
            continue
        package = point.dist
        origin = Origin(
            "adapter", package.name if package else "", package.version if package else "", point.name, "", 0
        )
        found[spec.name] = Entry(spec, origin)
    return MappingProxyType(found)


def load(entry: Entry, device: torch.device | str = "cpu") -> Generator:
    """The adapter's generator on a device; ModelFailed where its package does not give one."""
    name = entry.origin.member
    point = next(iter(importlib.metadata.entry_points(group=GROUP, name=name)), None)
    if point is None:
        raise ModelFailed(f"The package that offered {entry.spec.name} is gone.", "Install it again.")
    try:
        generator = _adapter(point)(torch.device(device))
    except Exception as error:  # as above
        raise ModelFailed(f"{point.value} does not start: {error}.", "Ask whoever wrote it.") from error
    missing = [part for part in PARTS if not hasattr(generator, part)]
    if missing:
        raise ModelFailed(f"{point.value} gives no generator: it has no {', '.join(missing)}.", "Ask whoever wrote it.")
    return generator


def _adapter(point: importlib.metadata.EntryPoint) -> GeneratorPlugin:
    return cast(GeneratorPlugin, point.load())
