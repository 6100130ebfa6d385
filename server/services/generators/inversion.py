"""Invert an image: find the latent whose image is closest to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from latentwalk.inversion import encoder_inversion
from latentwalk.progress import Work
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering.learning.resume_state import ResumeState
from models.specs import GeneratorSpec
from server.jobs.task import SHORT, Task, run_in_thread
from server.storage.library import Library


def read_target(data: bytes, spec: GeneratorSpec) -> Tensor:
    """An image file as the generator would output it: float32 [1, C, R, R] in [-1, 1]; Invalid if unreadable."""
    return encoder_inversion.open_picture(data, spec)


def check_encoder(library: Library, generator: str) -> Path:
    """The file of the generator's encoder; NotFound where it has none."""
    encoder = library.encoder(generator)
    if encoder is None:
        raise encoder_inversion.no_encoder(library.spec(generator))
    return encoder


def task(library: Library, loaded: LoadedGenerator, target: Tensor) -> Task:
    """Invert `target`. The result has the base and classes of an edit, and the remaining error.

    Raises NotFound where the generator has no encoder to start from.
    """
    encoder = check_encoder(library, loaded.spec.name)

    def make(resume_state: ResumeState) -> Work[Mapping[str, Any]]:
        inversion = yield from encoder_inversion.invert(loaded.exact, encoder, target)
        return inversion.to_json()

    return Task(make, run_in_thread, SHORT)
