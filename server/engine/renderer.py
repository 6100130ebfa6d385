"""Renders images for many clients on the device of this process: previews in batches, exact images one by one.

There is no batching timer. Requests that arrive while the device is busy form the next batch, so an idle device adds
no latency.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from latentwalk.edit import Edit
from latentwalk.errors import LatentwalkError, ModelFailed
from latentwalk.rendering import draw
from latentwalk.rendering.draw import PreviewBatch
from latentwalk.rendering.frame import Answer, Frame
from latentwalk.rendering.image_codec import Format, Pixels
from latentwalk.rendering.loaded_generator import LoadedGenerator
from server.engine.inference_thread import InferenceThread, Priority, server_stopping
from server.engine.preview_queue import ClientSlot, PreviewQueue, PreviewRequest, QueuedPreview, StillQuota, queue_full

log = logging.getLogger(__name__)


class Renderer:
    """Renders on the inference thread and encodes on a thread of its own. Every caller gets an answer."""

    def __init__(self, inference_thread: InferenceThread, *, max_batch: int = 16, max_waiting: int = 256) -> None:
        self._inference_thread = inference_thread
        self._max_batch = max_batch
        self._queue: PreviewQueue[LoadedGenerator] = PreviewQueue(max_waiting)
        self._stills = StillQuota(max_waiting)
        self._lock = threading.Lock()
        self._batch_scheduled = False
        self._closed = False
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="encode")

    async def preview(
        self, slot: ClientSlot, request: PreviewRequest, generator: LoadedGenerator
    ) -> tuple[PreviewRequest, Answer]:
        """A JPEG preview of `request`, or of a newer one that its slot holds by then; or the error instead."""
        preview = QueuedPreview(slot, request, generator, asyncio.get_running_loop().create_future())
        with self._lock:
            if self._closed or not self._queue.put(preview):
                return request, queue_full()
            self._schedule_batch()
        return await preview.future

    async def still(
        self,
        edit: Edit,
        generator: LoadedGenerator,
        format: Format = "png",
        *,
        longest: int | None = None,
        priority: Priority = Priority.STILL,
        person: str = "",
    ) -> Frame:
        """The exact image of an edit: float32 and a batch of one, so that equal edits give equal pixels.

        Overloaded if too many images wait.
        """
        with self._stills.reserve(person):
            begin = time.perf_counter()
            array, started, ended = await self._inference_thread.run(
                priority, lambda: draw_timed(edit, generator), person
            )
            return await asyncio.get_running_loop().run_in_executor(
                self._encoder,
                lambda: draw.still_frame(edit, array, format, longest, started - begin, ended - started),
            )

    def waiting(self) -> int:
        """The number of waiting previews and exact images."""
        return len(self._queue) + len(self._stills)

    def close(self) -> None:
        """Answer everyone who waits with an error, and stop."""
        with self._lock:
            self._closed = True
        for preview in self._queue.clear():
            preview.answer(server_stopping())
        self._encoder.shutdown()

    def _schedule_batch(self) -> None:
        # With the lock held. One batch at a time: the next is scheduled when this one has left the queue.
        if self._queue and not self._batch_scheduled:
            self._batch_scheduled = True
            self._inference_thread.submit(Priority.PREVIEW, self._render_batch)

    def _next_batch(self) -> list[QueuedPreview[LoadedGenerator]]:
        with self._lock:
            self._batch_scheduled = False
            batch = self._queue.next_batch(self._max_batch)
            self._schedule_batch()
            return batch

    def _render_batch(self) -> None:
        # On the inference thread.
        batch = self._next_batch()
        handed_on = False
        try:
            if not batch:
                return
            images = draw.draw_preview_sheets([preview.request.edits for preview in batch], batch[0].key)
            if len(batch) == 1 and not self._queue:
                _encode(batch, images)  # no call waits for the device, and switching threads would take longer
            else:
                self._encoder.submit(_encode, batch, images)
            handed_on = True
        except Exception as error:  # a model may raise anything; it fails this batch only
            log.exception("A batch of %d previews failed", len(batch))
            failure = error if isinstance(error, LatentwalkError) else draw.model_failure(error)
            for preview in batch:
                preview.answer(failure)
        finally:
            if not handed_on:  # for previews without an answer; a first answer is final
                for preview in batch:
                    preview.answer(ModelFailed("The preview was not finished.", "Try again."))


def draw_timed(edit: Edit, generator: LoadedGenerator) -> tuple[Pixels, float, float]:
    """The exact pixels of an edit, and the times at which the device began and ended."""
    begin = time.perf_counter()
    array = draw.draw(edit, generator)
    return array, begin, time.perf_counter()


def _encode(batch: list[QueuedPreview[LoadedGenerator]], images: PreviewBatch) -> None:
    # On the encoder's thread, or on the inference thread.
    for preview, image in zip(batch, images.pictures, strict=True):
        if isinstance(image, LatentwalkError):
            preview.answer(image)
        else:
            preview.answer(draw.preview_frame(image, preview.request.size, images, preview.request.at))
