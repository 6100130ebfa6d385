"""The twelve toys: the solid of each and where it has which paint."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from latentwalk.rendering.scenes.scene import TOYS as NAMES
from latentwalk.rendering.scenes.toys import blocks, figures, things
from latentwalk.rendering.scenes.toys.toy import Toy

_ALL = {**blocks.TOYS, **figures.TOYS, **things.TOYS}
TOYS: Mapping[str, Toy] = MappingProxyType({name: _ALL[name] for name in NAMES})
