"""Many people, one device: every picture asked for goes through here, and every caller is answered.

There is no batching timer. While the device works, wishes pile up, and the pile is the next batch; an idle device
therefore adds no waiting. A person has one slot in the pile, which always holds their newest wish.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import torch

from server import codecs
from server.codecs import Format, Pixels
from server.edits import Edit, canonical, latent_for
from server.errors import AppError, ModelFailed, Overloaded
from server.inference import Lane, Priority, stopping
from server.latents import stacked
from server.shelf import Ready

log = logging.getLogger(__name__)

CROWDING, MOST_REMEMBERED = 4, 4096  # a person's part of the stills that may wait; people whose last turn is known


@dataclass(frozen=True, slots=True)
class Wish:
    """A picture somebody wants: its edit, the number they know it by, its longest side, and when they asked."""

    rev: int
    edit: Edit
    size: int | None = None
    at: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True, slots=True)
class Frame:
    """An encoded picture, and where its time went, in seconds."""

    data: bytes
    format: Format
    width: int
    height: int
    batch: int = 1
    waited: float = 0.0
    rendered: float = 0.0
    encoded: float = 0.0


Answer = Frame | AppError


class Slot:
    """One tab's newest wish; a newer one takes its place. Filled on the event loop, emptied on any thread.

    `person` is whose tab it is; slots of nobody in particular are each their own person's.
    """

    def __init__(self, person: str = "") -> None:
        self.person = person or f"slot-{id(self)}"
        self.newest: Wish | None = None  # stays after it was taken
        self._waiting: Wish | None = None
        self._lock = threading.Lock()
        self._filled = asyncio.Event()

    def put(self, wish: Wish) -> None:
        with self._lock:
            self.newest = self._waiting = wish
        self._filled.set()

    async def take(self) -> Wish:
        """The waiting wish, once there is one."""
        while True:
            with self._lock:
                wish, self._waiting = self._waiting, None
                if wish is not None:
                    return wish
                self._filled.clear()
            await self._filled.wait()

    def newer(self, wish: Wish) -> Wish:
        """A newer wish of the same generator where one came in meanwhile, else the same again."""
        with self._lock:
            if self._waiting is None or self._waiting.edit.generator != wish.edit.generator:
                return wish
            wish, self._waiting = self._waiting, None
            return wish


@dataclass(slots=True, eq=False)
class _Request:
    slot: Slot
    wish: Wish
    ready: Ready
    future: asyncio.Future[tuple[Wish, Answer]]

    def answer(self, answer: Answer) -> None:
        # From any thread; the caller may have gone, and their loop with them.
        loop = self.future.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._settle, answer)

    def _settle(self, answer: Answer) -> None:
        if not self.future.done():
            self.future.set_result((self.wish, answer))


class Renderer:
    """Previews in batches, stills one by one; pictures are computed on the lane and encoded beside it."""

    def __init__(self, lane: Lane, *, max_batch: int = 16, max_waiting: int = 256) -> None:
        self._lane = lane
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._pile: list[_Request] = []
        self._stills: Counter[str] = Counter()
        self._served: dict[str, int] = {}  # in which turn each person was last in a batch
        self._turns = 0
        self._lock = threading.Lock()
        self._turn_is_booked = False
        self._closed = False
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="encode")

    async def preview(self, slot: Slot, wish: Wish, ready: Ready) -> tuple[Wish, Answer]:
        """A quick JPEG of `wish`, or of a newer one that its slot holds when the turn comes; or why not.

        Those whose last turn is longest ago go first, each person at most once a batch while others wait, so that
        nobody can crowd others out.
        """
        request = _Request(slot, wish, ready, asyncio.get_running_loop().create_future())
        with self._lock:
            if self._closed or len(self._pile) >= self._max_waiting:
                return wish, Overloaded("Too many people are waiting for a picture.", "Try again in a moment.")
            self._pile.append(request)
            self._book()
        return await request.future

    async def still(
        self,
        edit: Edit,
        ready: Ready,
        format: Format = "png",
        *,
        longest: int | None = None,
        priority: Priority = Priority.STILL,
        person: str = "",
    ) -> Frame:
        """The exact picture of an edit: float32 and alone in its batch, so that the same edit is the same pixels."""
        if self._stills.total() >= self._max_waiting or self._stills[person] >= self._max_waiting // CROWDING:
            raise Overloaded("Too many pictures are waiting.", "Try again in a moment.")
        self._stills[person] += 1
        try:
            begin = time.perf_counter()
            array, started, ended = await self._lane.run(priority, lambda: timed(lambda: draw(edit, ready)), person)
            encode = asyncio.get_running_loop().run_in_executor(
                self._encoder, lambda: _frame(array, format, longest, canonical(edit))
            )
            data, width, height, encoded = await encode
            return Frame(data, format, width, height, 1, started - begin, ended - started, encoded)
        finally:
            self._stills -= Counter((person,))  # subtracting this way also forgets those who have none left

    def waiting(self) -> int:
        """How many previews wait for their turn, and stills for theirs."""
        return len(self._pile) + self._stills.total()

    def close(self) -> None:
        """Answer everybody who waits, and stop."""
        with self._lock:
            self._closed = True
            waiting = list(self._pile)
            self._pile.clear()
        for request in waiting:
            request.answer(stopping())
        self._encoder.shutdown()

    def _book(self) -> None:
        # With the lock held. One turn at a time: the next is booked when this one has taken its batch.
        if self._pile and not self._turn_is_booked:
            self._turn_is_booked = True
            self._lane.submit(Priority.PREVIEW, self._turn)

    def _gather(self) -> list[_Request]:
        with self._lock:
            self._turn_is_booked = False
            self._pile = [request for request in self._pile if not request.future.done()]
            waiting = {request.slot.person for request in self._pile}
            if len(self._served) > MOST_REMEMBERED:
                self._served = {person: turn for person, turn in self._served.items() if person in waiting}
            self._turns += 1
            batch: list[_Request] = []
            for request in sorted(self._pile, key=lambda request: self._served.get(request.slot.person, 0)):
                person = request.slot.person
                again = len(waiting) > 1 and self._served.get(person) == self._turns
                if len(batch) < self._max_batch and not again and (not batch or request.ready is batch[0].ready):
                    self._served[person] = self._turns
                    batch.append(request)
            for request in batch:
                self._pile.remove(request)
                request.wish = request.slot.newer(request.wish)
            self._book()
            return batch

    def _turn(self) -> None:
        # On the lane.
        batch = self._gather()
        handed_on: list[_Request] = []
        try:
            good, latents, classes = self._prepare(batch)
            if not good:
                return
            begin = time.perf_counter()
            with torch.inference_mode():
                weights = None if classes[0] is None else torch.cat([row for row in classes if row is not None])
                images = good[0].ready.preview.synthesize(stacked(latents), weights)
                arrays = codecs.pixels(images)
            taken = time.perf_counter() - begin
            if len(arrays) != len(good):
                raise ModelFailed("The model lost some of the pictures.", "Try again.")
            if len(batch) == 1 and not self._pile:
                _encode(good, arrays, begin, taken)  # nobody waits for the device: changing threads would take longer
            else:
                self._encoder.submit(_encode, good, arrays, begin, taken)
            handed_on = good
        except Exception as error:  # a model may raise anything; it fails this batch and nothing else
            log.exception("A batch of %d previews failed", len(batch))
            reason = error if isinstance(error, AppError) else failed(error)
            for request in batch:
                request.answer(reason)
        finally:
            for request in batch:
                if request not in handed_on:  # no answer yet, or one already, which then stands
                    request.answer(ModelFailed("The picture was not finished.", "Try again."))

    def _prepare(self, batch: list[_Request]) -> tuple[list[_Request], list[torch.Tensor], list[torch.Tensor | None]]:
        good, latents, classes = [], [], []
        for request in batch:
            try:
                with torch.inference_mode():
                    latent, weights = latent_for(request.wish.edit, request.ready.preview, request.ready.directions())
            except AppError as error:
                request.answer(error)
                continue
            good.append(request)
            latents.append(latent)
            classes.append(weights)
        return good, latents, classes


def draw(edit: Edit, ready: Ready) -> Pixels:
    """uint8 [H, W, C] of an edit, exactly. Runs on the calling thread: go through the lane in a server."""
    try:
        with torch.inference_mode():
            latent, classes = latent_for(edit, ready.exact, ready.directions())
            array: Pixels = codecs.pixels(ready.exact.synthesize(latent, classes))[0]
            return array
    except AppError:
        raise
    except Exception as error:  # a model may raise anything; people get one sentence, the log all of it
        log.exception("A picture of %s failed", edit.generator)
        raise failed(error) from error


def failed(error: Exception) -> ModelFailed:
    """Whatever a model raised, as a sentence."""
    if isinstance(error, torch.OutOfMemoryError):
        return ModelFailed("The device has no memory left for this picture.", "Try --device cpu.")
    return ModelFailed("The model could not make this picture.", "The server's log says why.")


def timed(function: Callable[[], Pixels]) -> tuple[Pixels, float, float]:
    """What `function` returns, when it began and when it ended."""
    begin = time.perf_counter()
    result = function()
    return result, begin, time.perf_counter()


def _encode(batch: list[_Request], arrays: Pixels, begin: float, taken: float) -> None:
    # On the encoder's thread.
    for request, array in zip(batch, arrays, strict=True):
        try:
            data, width, height, encoded = _frame(array, "jpg", request.wish.size, None)
            waited = max(0.0, begin - request.wish.at)
            request.answer(Frame(data, "jpg", width, height, len(batch), waited, taken, encoded))
        except Exception as error:  # one picture that cannot be encoded must not leave the others waiting
            log.exception("A preview could not be encoded")
            request.answer(failed(error))


def _frame(array: Pixels, format: Format, longest: int | None, edit: str | None) -> tuple[bytes, int, int, float]:
    begin = time.perf_counter()
    data = codecs.encode(made := codecs.picture(array, longest), format, edit=edit)
    return data, made.width, made.height, time.perf_counter() - begin
