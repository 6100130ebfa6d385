"""Edits -> images: exact ones one at a time, previews in batches. Everything runs on the calling thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from latentwalk.edit import Edit, canonical
from latentwalk.errors import LatentwalkError, ModelFailed
from latentwalk.latents.latent_codec import stack_latents
from latentwalk.latents.resolve import resolve
from latentwalk.rendering import image_codec
from latentwalk.rendering.frame import Answer, Frame
from latentwalk.rendering.image_codec import Format, Pixels
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.rendering.sheet import tiled

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class PreviewBatch:
    """Images that were synthesised together, in the order of their edits; an error where an edit was invalid.

    `begin` is the `time.perf_counter` at which synthesis began, `seconds` how long it took, and `size` the number of
    images, which is larger than that of `pictures` where some of these are sheets.
    """

    pictures: Sequence[Pixels | LatentwalkError]
    begin: float
    seconds: float
    size: int


def draw_previews(edits: Sequence[Edit], generator: LoadedGenerator) -> PreviewBatch:
    """Preview images, uint8 [H, W, C], of edits of one generator. An invalid edit does not affect the others.

    Errors of the network are passed on.
    """
    results: dict[int, Pixels | LatentwalkError] = {}
    positions, latents, classes = [], [], []
    with torch.inference_mode():
        for position, edit in enumerate(edits):
            try:
                latent, weights = resolve(edit, generator.preview, generator.directions())
            except LatentwalkError as error:
                results[position] = error
                continue
            positions.append(position)
            latents.append(latent)
            classes.append(weights)
        begin = time.perf_counter()
        if not latents:
            return PreviewBatch(list(results.values()), begin, 0.0, 0)
        weights = None if classes[0] is None else torch.cat([row for row in classes if row is not None])
        arrays = image_codec.to_pixels(generator.preview.synthesize(stack_latents(latents), weights))
    seconds = time.perf_counter() - begin
    if len(arrays) != len(latents):
        raise ModelFailed("The model returned too few images.", "Try again.")
    results |= dict(zip(positions, arrays, strict=True))
    return PreviewBatch([results[position] for position in range(len(edits))], begin, seconds, len(arrays))


def draw_preview_sheets(groups: Sequence[Sequence[Edit]], generator: LoadedGenerator) -> PreviewBatch:
    """A preview for each group of edits: the image of its only edit, or a sheet; an error where an edit is invalid."""
    batch = draw_previews([edit for group in groups for edit in group], generator)
    pictures = iter(batch.pictures)
    joined = [_joined([next(pictures) for _ in group]) for group in groups]
    return PreviewBatch(joined, batch.begin, batch.seconds, batch.size)


def draw(edit: Edit, generator: LoadedGenerator) -> Pixels:
    """The exact image of an edit, uint8 [H, W, C]: float32 and a batch of one, so that equal edits give equal pixels.

    Raises Invalid where the generator cannot make the edit, ModelFailed where the network fails.
    """
    try:
        with torch.inference_mode():
            latent, classes = resolve(edit, generator.exact, generator.directions())
            array: Pixels = image_codec.to_pixels(generator.exact.synthesize(latent, classes))[0]
            return array
    except LatentwalkError:
        raise
    except Exception as error:  # a network may raise anything; people get a short message, the log gets the traceback
        log.exception("An image of %s failed", edit.generator)
        raise model_failure(error) from error


def model_failure(error: Exception) -> ModelFailed:
    """An error that a network raised, as one for people."""
    if isinstance(error, torch.OutOfMemoryError):
        return ModelFailed("The device has too little memory for this image.", "Try --device cpu.")
    return ModelFailed("The model could not make this image.", "See the log for the reason.")


def preview_frame(array: Pixels, longest: int | None, batch: PreviewBatch, at: float) -> Answer:
    """An image of `batch` as JPEG, requested at the time `at`; the error where it cannot be encoded."""
    try:
        waited = max(0.0, batch.begin - at)
        return frame(array, "jpg", longest, None, size=batch.size, waited=waited, rendered=batch.seconds)
    except Exception as error:  # one image that cannot be encoded must not leave the others without an answer
        log.exception("A preview could not be encoded")
        return model_failure(error)


def still_frame(
    edit: Edit, array: Pixels, format: Format, longest: int | None, waited: float, rendered: float
) -> Frame:
    """An exact image as a file; a PNG carries its edit."""
    return frame(array, format, longest, canonical(edit), waited=waited, rendered=rendered)


def frame(
    array: Pixels, format: Format, longest: int | None, edit: str | None,
    *, size: int = 1, waited: float, rendered: float,
) -> Frame:  # fmt: skip
    """Pixels as a file whose longer side is at most `longest` px."""
    begin = time.perf_counter()
    image = image_codec.to_image(array, longest)
    data = image_codec.encode(image, format, edit=edit)
    encoded = time.perf_counter() - begin
    return Frame(data, format, image.width, image.height, size, waited, rendered, encoded)


def _joined(pictures: Sequence[Pixels | LatentwalkError]) -> Pixels | LatentwalkError:
    images: list[Pixels] = []
    for picture in pictures:
        if isinstance(picture, LatentwalkError):
            return picture
        images.append(picture)
    return images[0] if len(images) == 1 else tiled(images)
