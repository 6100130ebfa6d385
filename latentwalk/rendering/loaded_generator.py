"""LoadedGenerator: a generator in memory, its faster variants for previews, and its directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from latentwalk.directions.direction import Direction
from models.base import Generator
from models.specs import GeneratorSpec


@dataclass(frozen=True, slots=True, eq=False)
class LoadedGenerator:
    """A generator that can draw now.

    exact       float32; draws every image that is kept
    quick       the variant in reduced precision where that is faster here, else `exact`
    directions  returns the current directions by id; they change while the generator stays loaded
    small       variant of lower resolution, where `quick` is too slow for live previews
    """

    exact: Generator
    quick: Generator
    directions: Callable[[], Mapping[str, Direction]]
    small: Generator | None = None

    @property
    def spec(self) -> GeneratorSpec:
        """The description of the generator."""
        return self.exact.spec

    @property
    def preview(self) -> Generator:
        """The variant that draws live previews."""
        return self.small or self.quick
