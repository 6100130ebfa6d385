"""Latentwalk: steer image generators along directions that were learned and measured. `import latentwalk as lw`.

Importing this package is quick and reads nothing: every name below is imported from its module on first use.

    gen = lw.open_generator("eyes")
    gen.render(gen.edit(seed=7, zoom=1.4))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentwalk.directions.direction import Direction
    from latentwalk.directions.unit import Unit
    from latentwalk.edit import Base, Edit, canonical, parse
    from latentwalk.errors import Invalid, LatentwalkError, ModelFailed, NotFound
    from latentwalk.films.render import Film
    from latentwalk.films.timeline import Timeline
    from latentwalk.notebook.explore import Explorer, explore
    from latentwalk.notebook.files import load_direction, save_direction
    from latentwalk.notebook.films import export_film, sweep
    from latentwalk.notebook.generator_handle import GeneratorHandle, open_generator
    from latentwalk.notebook.inversion import Inversion, invert
    from latentwalk.notebook.learning import learn, learn_score, measure, strip
    from latentwalk.notebook.progress_bar import TextBar
    from latentwalk.progress import Progress
    from latentwalk.steering.transforms import DEGREES, FACTOR, PERCENT, PIXELS, Transform, transform, warp
    from models.base import FirstLayer, Generator
    from models.catalogue.hashing import fingerprint
    from models.specs import Card, GeneratorSpec

__all__ = [
    "DEGREES",
    "FACTOR",
    "PERCENT",
    "PIXELS",
    "Base",
    "Card",
    "Direction",
    "Edit",
    "Explorer",
    "Film",
    "FirstLayer",
    "Generator",
    "GeneratorHandle",
    "GeneratorSpec",
    "Invalid",
    "Inversion",
    "LatentwalkError",
    "ModelFailed",
    "NotFound",
    "Progress",
    "TextBar",
    "Timeline",
    "Transform",
    "Unit",
    "canonical",
    "explore",
    "export_film",
    "fingerprint",
    "invert",
    "learn",
    "learn_score",
    "load_direction",
    "measure",
    "open_generator",
    "parse",
    "save_direction",
    "strip",
    "sweep",
    "transform",
    "warp",
]

_MODULES = {
    "latentwalk.directions.direction": ("Direction",),
    "latentwalk.directions.unit": ("Unit",),
    "latentwalk.edit": ("Base", "Edit", "canonical", "parse"),
    "latentwalk.errors": ("LatentwalkError", "Invalid", "ModelFailed", "NotFound"),
    "latentwalk.films.render": ("Film",),
    "latentwalk.films.timeline": ("Timeline",),
    "latentwalk.notebook.explore": ("Explorer", "explore"),
    "latentwalk.notebook.files": ("load_direction", "save_direction"),
    "latentwalk.notebook.films": ("export_film", "sweep"),
    "latentwalk.notebook.generator_handle": ("GeneratorHandle", "open_generator"),
    "latentwalk.notebook.inversion": ("Inversion", "invert"),
    "latentwalk.notebook.learning": ("learn", "learn_score", "measure", "strip"),
    "latentwalk.notebook.progress_bar": ("TextBar",),
    "latentwalk.progress": ("Progress",),
    "latentwalk.steering.transforms": ("DEGREES", "FACTOR", "PERCENT", "PIXELS", "Transform", "transform", "warp"),
    "models.base": ("FirstLayer", "Generator"),
    "models.catalogue.hashing": ("fingerprint",),
    "models.specs": ("Card", "GeneratorSpec"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """A public name, imported from its module on first use (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
