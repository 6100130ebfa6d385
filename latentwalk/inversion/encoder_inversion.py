"""Inverting an image into a generator's latent space: the encoder's estimate, refined by gradient descent on pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import ImageOps
from torch import Tensor

from latentwalk.edit import Base
from latentwalk.errors import Invalid, NotFound
from latentwalk.inversion.refinement import refine
from latentwalk.latents.latent_codec import encode_latent
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.training.encoder_files import load_encoder
from latentwalk.training.evaluation.samplers import GeneratorSampler
from models.base import Generator
from models.importing.formats.image_file import load_image
from models.specs import GeneratorSpec

LARGEST_FILE = 16 * 2**20
LARGEST_SIDE = 8192
STEPS = 120


@dataclass(frozen=True, slots=True)
class Inversion:
    """An image as the generator can render it: the base and class weights of an edit.

    `error` is the mean squared difference between the edit's image and the original, in [0, 4].
    """

    generator: str
    base: Base
    classes: Mapping[str, float]
    error: float

    def to_json(self) -> dict[str, Any]:
        """The inversion as a job's result holds it."""
        return {
            "generator": self.generator,
            "base": self.base.model_dump(exclude_none=True, exclude_defaults=True),
            "classes": dict(self.classes),
            "error": self.error,
        }


def open_picture(data: bytes, spec: GeneratorSpec) -> Tensor:
    """An image file as the generator's own images are: [1, channels, R, R] in [-1, 1], cropped to a central square.

    Raises Invalid if the file is too large or is not an image of a known format.
    """
    if len(data) > LARGEST_FILE:
        raise Invalid(f"The image file is larger than {LARGEST_FILE >> 20} MiB.", "Use a smaller file.")
    image = load_image(data, largest_side=LARGEST_SIDE)
    square = ImageOps.fit(image, (spec.resolution, spec.resolution))
    square = square.convert({1: "L", 4: "RGBA"}.get(spec.channels, "RGB"))
    values = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8)
    pixels = values.reshape(spec.resolution, spec.resolution, spec.channels).permute(2, 0, 1)[None]
    return pixels.float() / 127.5 - 1


def invert(generator: Generator, encoder_file: Path | None, image: Tensor) -> Work[Inversion]:
    """The edit whose image is as close to `image` [1, C, R, R] as the generator gets.

    `encoder_file` is the generator's encoder. Raises NotFound if it is None, and Invalid if the file belongs to
    another generator.
    """
    if encoder_file is None:
        raise no_encoder(generator.spec)
    encoder = load_encoder(encoder_file, generator.spec.fingerprint).to(generator.device)
    yield Progress(0.05, "Encoding the picture")
    target = image.to(generator.device)
    work = refine(encoder, GeneratorSampler(generator), target, steps=STEPS)
    latents = yield from scale_progress(work, 0.05, 0.95)
    with torch.no_grad():
        error = float((generator.synthesize(latents, None) - target).square().mean())
    yield Progress(1.0, "Inverted")
    base = Base(latent=encode_latent(latents[0]))
    return Inversion(generator.spec.name, base, nearest_class(generator, latents), round(error, 5))


def no_encoder(spec: GeneratorSpec) -> NotFound:
    """The error for a generator that cannot invert images."""
    return NotFound(
        f"{spec.title} has no encoder, which inverting a picture needs.",
        "Choose a generator that has one, such as avatars.",
    )


def nearest_class(generator: Generator, latents: Tensor) -> dict[str, float]:
    """The class whose mean latent is nearest to the first of `latents` [N, D], as weights; empty without classes."""
    names = generator.spec.classes
    if not names:
        return {}
    one_hot = torch.eye(len(names), device=generator.device)
    zeros = torch.zeros(len(names), *generator.spec.spaces["z"], device=generator.device)
    means = generator.map(zeros, one_hot, 0.0)
    return {names[int((means - latents[:1]).norm(dim=1).argmin())]: 1.0}
