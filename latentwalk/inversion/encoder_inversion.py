"""Bringing a picture into a generator's latent space: its encoder's guess, then the pixels' own descent."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from latentwalk.edit import Base
from latentwalk.errors import Invalid, NotFound
from latentwalk.latents.latent_codec import encode_latent
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.training.encoder_training import load, refine
from latentwalk.training.evaluation import samplers
from models.base import Generator
from models.specs import GeneratorSpec
from server.storage.library import Library

LARGEST_FILE = 16 * 2**20
LARGEST_SIDE = 8192
FORMATS = ("PNG", "JPEG", "WEBP")
STEPS = 120


def open_picture(data: bytes, spec: GeneratorSpec) -> Tensor:
    """A picture file as the generator would have it: [1, channels, R, R] in [-1, 1], cut to a square in its middle."""
    if len(data) > LARGEST_FILE:
        raise Invalid(f"That picture is over {LARGEST_FILE >> 20} MiB.", "Make it smaller.")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if max(image.size) > LARGEST_SIDE:
                raise Invalid(f"That picture is over {LARGEST_SIDE} px wide or high.", "Make it smaller.")
            upright = ImageOps.exif_transpose(image).convert("RGB" if spec.channels == 3 else "L")
            small = ImageOps.fit(upright, (spec.resolution, spec.resolution))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Invalid("That file is not a picture that can be read.", "Use a PNG, JPEG or WebP file.") from None
    flat = torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8)
    grid = flat.reshape(spec.resolution, spec.resolution, spec.channels).permute(2, 0, 1)[None]
    return grid.float() / 127.5 - 1


def invert(library: Library, ready: LoadedGenerator, picture: Tensor) -> Work[Mapping[str, Any]]:
    """The base and class weights of an edit whose picture is as near to `picture` as the generator comes.

    `error` is what remains, the mean squared difference in [0, 4]. NotFound where the generator has no encoder.
    """
    generator = ready.exact
    path = library.encoder(generator.spec.name)
    if path is None:
        raise no_encoder(generator.spec)
    encoder = load(path, generator.spec.fingerprint).to(generator.device)
    yield Progress(0.05, "Looking at the picture")
    target = picture.to(generator.device)
    painter = samplers.GeneratorSampler(generator)
    found = yield from scale_progress(refine(encoder, painter, target, steps=STEPS), 0.05, 0.95)
    with torch.no_grad():
        error = float((generator.synthesize(found, None) - target).square().mean())
    yield Progress(1.0, "Found it")
    return {
        "generator": generator.spec.name,
        "base": Base(latent=encode_latent(found[0])).model_dump(exclude_none=True, exclude_defaults=True),
        "classes": nearest_class(generator, found),
        "error": round(error, 5),
    }


def no_encoder(spec: GeneratorSpec) -> NotFound:
    """The refusal of a generator that cannot take pictures in."""
    sentence = f"{spec.title} has no encoder, which brings pictures into its latent space."
    return NotFound(sentence, "Pick a generator that has one, such as avatars.")


def nearest_class(generator: Generator, latents: Tensor) -> dict[str, float]:
    """The class whose mean latent lies nearest to the first of `latents` [N, D], as weights."""
    names = generator.spec.classes
    if not names:
        return {}
    each = torch.eye(len(names), device=generator.device)
    blank = torch.zeros(len(names), *generator.spec.spaces["z"], device=generator.device)
    means = generator.map(blank, each, 0.0)
    return {names[int((means - latents[:1]).norm(dim=1).argmin())]: 1.0}
