"""Opening a generator, and the handle that renders its edits."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_folder import check_usable, in_slider_order, read_folder
from latentwalk.edit import Edit, parse
from latentwalk.errors import Invalid
from latentwalk.rendering.device import pick_device
from latentwalk.rendering.draw import draw
from latentwalk.rendering.image_codec import to_image
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering.exact_moves import exact_directions
from latentwalk.steering.transforms import transforms
from models.base import Generator
from models.catalogue import local
from models.catalogue.installed import GeneratorCatalogue
from models.specs import GeneratorSpec


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GeneratorHandle:
    """A generator in memory with its directions. `open_generator` returns one.

    model       the network, see `latentwalk.Generator`
    directions  its directions by id, in the order of the page's sliders
    encoder     the file of its encoder, which `invert` needs; None where it has none
    """

    model: Generator
    directions: Mapping[str, Direction] = field(default_factory=dict)
    encoder: Path | None = None

    @property
    def spec(self) -> GeneratorSpec:
        """Its description: name, resolution in px, channels, latent spaces, classes, fingerprint, card."""
        return self.model.spec

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes; empty for a generator without classes."""
        return self.spec.classes

    def edit(
        self, seed: int = 0, *, classes: Mapping[str, float] | None = None, truncation: float = 1.0, **amounts: float
    ) -> Edit:
        """An edit of this generator: a seed (0 to 2**32 - 1) and amounts by direction id, in each direction's unit.

        `classes` are weights, normalised to sum 1; None means the generator's default. `truncation` is 0 to 2. For
        anything else construct an `Edit`. Raises Invalid where a value is out of range.
        """
        data = {"generator": self.spec.name, "base": {"seed": seed}, "truncation": truncation, "amounts": amounts}
        return parse({**data, "classes": dict(classes or {})})

    def render(self, edit: Edit | Mapping[str, Any] | None = None, *, size: int | None = None) -> Image.Image:
        """The exact image of an edit (or of its JSON data; None is seed 0), its longer side at most `size` px.

        Equal edits give equal pixels. Raises Invalid where the edit is not valid or this generator cannot make it,
        ModelFailed where the network fails.
        """
        data = edit.model_dump(exclude_defaults=True) if isinstance(edit, Edit) else edit
        chosen = self.edit() if data is None else parse(data)
        if chosen.generator != self.spec.name:
            raise Invalid(f"The edit is for {chosen.generator}, not for {self.spec.name}.", "Open its generator.")
        return to_image(draw(chosen, self.loaded()), size)

    def with_directions(self, *directions: Direction) -> GeneratorHandle:
        """A handle of the same network with more directions; one with the id of an existing one replaces it.

        Raises Invalid for a direction that was made for other weights.
        """
        for direction in directions:
            check_usable(direction, self.spec)
        every = {**self.directions, **{direction.id: direction for direction in directions}}
        return replace(self, directions=in_slider_order(every.values(), list(transforms())))

    def loaded(self) -> LoadedGenerator:
        """The form that the renderer takes."""
        return LoadedGenerator(self.model, self.model, lambda: self.directions)

    def __repr__(self) -> str:
        spec = self.spec
        return (
            f"<{spec.title}: {spec.resolution} px, {len(spec.classes)} classes, {len(self.directions)} directions, "
            f"{self.model.device}>"
        )


AnyGenerator = str | Path | Generator | GeneratorHandle


def open_generator(generator: AnyGenerator, *, device: str = "auto", home: str | Path | None = None) -> GeneratorHandle:
    """Load a generator and return its handle.

    generator  the name of a bundled, pinned or plugin generator, or of one in `home`; or the path of a generator's
               folder (with generator.json) or of a checkpoint file, which is opened in a sandbox; or an object that
               follows the `Generator` protocol; or a handle, which is returned as it is
    device     "auto", "cpu", "mps", "cuda" or "cuda:N"; has no effect on an object or a handle
    home       a LATENTWALK_HOME: its generators can be opened by name, and the files in its folder
               directions/NAME are among the directions. Directions that were learned on the page are in the home's
               database; write them as files with `latentwalk sliders export`

    Raises NotFound for an unknown name, ModelFailed where the weights cannot be read or run, Invalid for a device
    that this machine does not have.
    """
    if isinstance(generator, GeneratorHandle):
        return generator
    folders = [] if home is None else [Path(home) / "directions"]
    if not isinstance(generator, str | Path):
        return _handle(_checked(generator), folders)
    target = pick_device(device)
    path = Path(generator)
    if path.is_dir():
        folder = path.absolute()
        model = local.load(local.read_entry(folder), target)
        return _handle(model, [folder.parent, *folders], folder / local.ENCODER)
    if path.is_file():
        return _handle(_open_checkpoint(path, target), folders)
    catalogue = GeneratorCatalogue(None if home is None else Path(home) / "generators")
    name = str(generator)
    return _handle(catalogue.load(name, target), [catalogue.bundled, *folders], catalogue.encoder(name))


def _handle(model: Generator, folders: list[Path], encoder: Path | None = None) -> GeneratorHandle:
    # Directions of later folders replace those of earlier ones.
    spec = model.spec
    directions = {direction.id: direction for direction in exact_directions(spec)}
    for folder in folders:
        directions |= read_folder(folder / spec.name, spec)
    usable = encoder if encoder is not None and encoder.is_file() else None
    return GeneratorHandle(model, in_slider_order(directions.values(), list(transforms())), usable)


def _checked(model: Generator) -> Generator:
    if not isinstance(model, Generator):
        raise Invalid(
            f"{type(model).__name__} is not a generator.",
            "Give it what latentwalk.Generator lists: spec, device, precision, sample, map, synthesize and the rest.",
        )
    return model


def _open_checkpoint(path: Path, device: torch.device) -> Generator:
    from models.importing.open_checkpoint import open_checkpoint, try_generator

    opened = open_checkpoint(path)
    stem = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_")
    name = stem if stem[:1].isalpha() else f"checkpoint_{stem}"
    spec = opened.spec(name[:40].strip("_"), datetime.date.today().year, path.stem)
    return try_generator(opened, spec, device)[0]
