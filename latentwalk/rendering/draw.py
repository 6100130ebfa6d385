"""From edits to pictures: exact ones alone, previews in batches; all on the thread that calls."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from latentwalk.edit import Edit, canonical, resolve
from latentwalk.errors import LatentwalkError, ModelFailed
from latentwalk.latents.latent_codec import stack_latents
from latentwalk.rendering import image_codec
from latentwalk.rendering.frame import Answer, Frame
from latentwalk.rendering.image_codec import Format, Pixels
from latentwalk.rendering.loaded_generator import LoadedGenerator

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class PreviewBatch:
    """Pictures that were drawn together, in the order of their edits, or why one was not.

    `begin` is when the device began, `taken` the seconds it took.
    """

    pictures: Sequence[Pixels | LatentwalkError]
    begin: float
    taken: float

    @property
    def size(self) -> int:
        return sum(not isinstance(picture, LatentwalkError) for picture in self.pictures)


def draw_previews(edits: Sequence[Edit], ready: LoadedGenerator) -> PreviewBatch:
    """Quick pictures, uint8 [H, W, C], of edits of one generator; an edit that makes no sense leaves the others be.

    Raises whatever the model raises.
    """
    answers: dict[int, Pixels | LatentwalkError] = {}
    places, latents, classes = [], [], []
    with torch.inference_mode():
        for place, edit in enumerate(edits):
            try:
                latent, weights = resolve(edit, ready.preview, ready.directions())
            except LatentwalkError as error:
                answers[place] = error
                continue
            places.append(place)
            latents.append(latent)
            classes.append(weights)
        begin = time.perf_counter()
        if not latents:
            return PreviewBatch(list(answers.values()), begin, 0.0)
        together = None if classes[0] is None else torch.cat([row for row in classes if row is not None])
        arrays = image_codec.to_pixels(ready.preview.synthesize(stack_latents(latents), together))
    taken = time.perf_counter() - begin
    if len(arrays) != len(latents):
        raise ModelFailed("The model lost some of the pictures.", "Try again.")
    answers |= dict(zip(places, arrays, strict=True))
    return PreviewBatch([answers[place] for place in range(len(edits))], begin, taken)


def draw(edit: Edit, ready: LoadedGenerator) -> Pixels:
    """uint8 [H, W, C] of an edit, exactly: float32 and alone, so that the same edit is the same pixels."""
    try:
        with torch.inference_mode():
            latent, classes = resolve(edit, ready.exact, ready.directions())
            array: Pixels = image_codec.to_pixels(ready.exact.synthesize(latent, classes))[0]
            return array
    except LatentwalkError:
        raise
    except Exception as error:  # a model may raise anything; people get one sentence, the log all of it
        log.exception("A picture of %s failed", edit.generator)
        raise model_failure(error) from error


def model_failure(error: Exception) -> ModelFailed:
    """Whatever a model raised, as a sentence."""
    if isinstance(error, torch.OutOfMemoryError):
        return ModelFailed("The device has no memory left for this picture.", "Try --device cpu.")
    return ModelFailed("The model could not make this picture.", "The server's log says why.")


def preview_frame(array: Pixels, longest: int | None, batch: PreviewBatch, at: float) -> Answer:
    """A preview of `batch` as JPEG, asked for at the time `at`; or why it cannot be one."""
    try:
        waited = max(0.0, batch.begin - at)
        return frame(array, "jpg", longest, None, size=batch.size, waited=waited, rendered=batch.taken)
    except Exception as error:  # one picture that cannot be encoded must not leave the others waiting
        log.exception("A preview could not be encoded")
        return model_failure(error)


def still_frame(
    edit: Edit, array: Pixels, format: Format, longest: int | None, waited: float, rendered: float
) -> Frame:
    """An exact picture as a file that carries its edit."""
    return frame(array, format, longest, canonical(edit), waited=waited, rendered=rendered)


def frame(
    array: Pixels, format: Format, longest: int | None, edit: str | None,
    *, size: int = 1, waited: float, rendered: float,
) -> Frame:  # fmt: skip
    """Pixels as a file, at most `longest` on a side."""
    begin = time.perf_counter()
    data = image_codec.encode(made := image_codec.to_image(array, longest), format, edit=edit)
    encoded = time.perf_counter() - begin
    return Frame(data, format, made.width, made.height, size, waited, rendered, encoded)
