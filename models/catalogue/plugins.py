"""Generators from installed packages: an entry point names a plugin, which the operator trusts by installing it.

A plugin has `spec`, a GeneratorSpec, and returns a Generator when it is called with a device. Its code runs in this
process, unlike anything that is uploaded; an uploaded file never becomes a plugin.
"""

from __future__ import annotations

import importlib.metadata
import logging
from functools import cache
from types import MappingProxyType
from typing import Protocol, cast

import torch

from models.base import Generator
from models.errors import ModelFailed
from models.specs import CatalogueEntry, GeneratorSpec, WeightsOrigin

GROUP = "latentwalk.generators"
REQUIRED = (  # the attributes of a Generator
    "spec", "device", "precision", "differentiable",
    "sample", "map", "synthesize", "at", "first_layer", "input_weights",
)  # fmt: skip
AUTHOR = "Report this to the author of the package."

log = logging.getLogger(__name__)


class GeneratorPlugin(Protocol):
    """The object that an entry point in GROUP names; in the simplest case a class whose instances are Generators."""

    spec: GeneratorSpec

    def __call__(self, device: torch.device) -> Generator:
        """The generator on a device."""
        ...


@cache
def entries() -> MappingProxyType[str, CatalogueEntry]:
    """Every installed plugin by the name of its generator. A plugin that cannot be imported is logged and left out."""
    found = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            spec = _plugin(point).spec
            if not isinstance(spec, GeneratorSpec):
                raise TypeError("its spec is no GeneratorSpec")
        except Exception as error:  # a plugin may raise anything; the others must still load
            log.warning("Left out the generator of %s: %s", point.value, error)
            continue
        package = point.dist
        distribution, version = (package.name, package.version) if package else ("", "")
        found[spec.name] = CatalogueEntry(spec, WeightsOrigin("adapter", distribution, version, point.name, "", 0))
    return MappingProxyType(found)


def load(entry: CatalogueEntry, device: torch.device | str = "cpu") -> Generator:
    """The generator of a plugin on a device. ModelFailed if the package does not provide one."""
    name = entry.origin.member
    point = next(iter(importlib.metadata.entry_points(group=GROUP, name=name)), None)
    if point is None:
        raise ModelFailed(f"The package that offered {entry.spec.name} is no longer installed.", "Install it again.")
    try:
        generator = _plugin(point)(torch.device(device))
    except Exception as error:  # as above
        raise ModelFailed(f"{point.value} does not start: {error}.", AUTHOR) from error
    missing = [attribute for attribute in REQUIRED if not hasattr(generator, attribute)]
    if missing:
        raise ModelFailed(f"{point.value} returned no generator: it has no {', '.join(missing)}.", AUTHOR)
    return generator


def _plugin(point: importlib.metadata.EntryPoint) -> GeneratorPlugin:
    return cast(GeneratorPlugin, point.load())
