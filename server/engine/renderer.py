"""Many people, one device of this process: every picture asked for goes through here, and every caller is answered.

There is no batching timer. While the device works, wishes pile up, and the pile is the next batch; an idle device
therefore adds no waiting.
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
    """Previews in batches, stills one by one; pictures are computed on the lane and encoded beside it."""

    def __init__(self, lane: InferenceThread, *, max_batch: int = 16, max_waiting: int = 256) -> None:
        self._lane = lane
        self._max_batch = max_batch
        self._pile: PreviewQueue[LoadedGenerator] = PreviewQueue(max_waiting)
        self._stills = StillQuota(max_waiting)
        self._lock = threading.Lock()
        self._turn_is_booked = False
        self._closed = False
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="encode")

    async def preview(
        self, slot: ClientSlot, wish: PreviewRequest, ready: LoadedGenerator
    ) -> tuple[PreviewRequest, Answer]:
        """A quick JPEG of `wish`, or of a newer one that its slot holds when the turn comes; or why not."""
        request = QueuedPreview(slot, wish, ready, asyncio.get_running_loop().create_future())
        with self._lock:
            if self._closed or not self._pile.put(request):
                return wish, queue_full()
            self._book()
        return await request.future

    async def still(
        self,
        edit: Edit,
        ready: LoadedGenerator,
        format: Format = "png",
        *,
        longest: int | None = None,
        priority: Priority = Priority.STILL,
        person: str = "",
    ) -> Frame:
        """The exact picture of an edit: float32 and alone in its batch, so that the same edit is the same pixels."""
        with self._stills.one(person):
            begin = time.perf_counter()
            array, started, ended = await self._lane.run(priority, lambda: draw_timed(edit, ready), person)
            return await asyncio.get_running_loop().run_in_executor(
                self._encoder,
                lambda: draw.still_frame(edit, array, format, longest, started - begin, ended - started),
            )

    def waiting(self) -> int:
        """How many previews wait for their turn, and stills for theirs."""
        return len(self._pile) + len(self._stills)

    def close(self) -> None:
        """Answer everybody who waits, and stop."""
        with self._lock:
            self._closed = True
        for request in self._pile.clear():
            request.answer(server_stopping())
        self._encoder.shutdown()

    def _book(self) -> None:
        # With the lock held. One turn at a time: the next is booked when this one has taken its batch.
        if self._pile and not self._turn_is_booked:
            self._turn_is_booked = True
            self._lane.submit(Priority.PREVIEW, self._turn)

    def _gather(self) -> list[QueuedPreview[LoadedGenerator]]:
        with self._lock:
            self._turn_is_booked = False
            batch = self._pile.gather(self._max_batch)
            self._book()
            return batch

    def _turn(self) -> None:
        # On the lane.
        batch = self._gather()
        handed_on = False
        try:
            if not batch:
                return
            made = draw.draw_previews([request.wish.edit for request in batch], batch[0].key)
            if len(batch) == 1 and not self._pile:
                _encode(batch, made)  # nobody waits for the device: changing threads would take longer
            else:
                self._encoder.submit(_encode, batch, made)
            handed_on = True
        except Exception as error:  # a model may raise anything; it fails this batch and nothing else
            log.exception("A batch of %d previews failed", len(batch))
            reason = error if isinstance(error, LatentwalkError) else draw.model_failure(error)
            for request in batch:
                request.answer(reason)
        finally:
            if not handed_on:  # no answer yet, or one already, which then stands
                for request in batch:
                    request.answer(ModelFailed("The picture was not finished.", "Try again."))


def draw_timed(edit: Edit, ready: LoadedGenerator) -> tuple[Pixels, float, float]:
    """The exact pixels of an edit, when the device began and when it was done."""
    begin = time.perf_counter()
    array = draw.draw(edit, ready)
    return array, begin, time.perf_counter()


def _encode(batch: list[QueuedPreview[LoadedGenerator]], made: PreviewBatch) -> None:
    # On the encoder's thread, or on the lane's.
    for request, picture in zip(batch, made.pictures, strict=True):
        if isinstance(picture, LatentwalkError):
            request.answer(picture)
        else:
            request.answer(draw.preview_frame(picture, request.wish.size, made, request.wish.at))
