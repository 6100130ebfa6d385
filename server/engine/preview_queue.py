"""Wishes that wait for a device: one slot a tab, which always holds its newest wish, and turns that go by person."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from latentwalk.edit import Edit
from latentwalk.errors import Overloaded
from latentwalk.rendering.frame import Answer

K = TypeVar("K")

CROWDING, MOST_REMEMBERED = 4, 4096  # a person's part of the stills that may wait; people whose last turn is known


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """A picture somebody wants: its edit, the number they know it by, its longest side, and when they asked."""

    rev: int
    edit: Edit
    size: int | None = None
    at: float = field(default_factory=time.perf_counter)


class ClientSlot:
    """One tab's newest wish; a newer one takes its place. Filled on the event loop, emptied on any thread.

    `person` is whose tab it is; slots of nobody in particular are each their own person's.
    """

    def __init__(self, person: str = "") -> None:
        self.person = person or f"slot-{id(self)}"
        self.newest: PreviewRequest | None = None  # stays after it was taken
        self._waiting: PreviewRequest | None = None
        self._lock = threading.Lock()
        self._filled = asyncio.Event()

    def put(self, wish: PreviewRequest) -> None:
        with self._lock:
            self.newest = self._waiting = wish
        self._filled.set()

    async def take(self) -> PreviewRequest:
        """The waiting wish, once there is one."""
        while True:
            with self._lock:
                wish, self._waiting = self._waiting, None
                if wish is not None:
                    return wish
                self._filled.clear()
            await self._filled.wait()

    def newer(self, wish: PreviewRequest) -> PreviewRequest:
        """A newer wish of the same generator where one came in meanwhile, else the same again."""
        with self._lock:
            if self._waiting is None or self._waiting.edit.generator != wish.edit.generator:
                return wish
            wish, self._waiting = self._waiting, None
            return wish


@dataclass(slots=True, eq=False)
class QueuedPreview(Generic[K]):
    """A preview that waits. Those of one `key` can be drawn together; `tries` counts the devices that failed it."""

    slot: ClientSlot
    wish: PreviewRequest
    key: K
    future: asyncio.Future[tuple[PreviewRequest, Answer]]
    tries: int = 0

    def answer(self, answer: Answer) -> None:
        """Answer from any thread; the caller may have gone, and their loop with them."""
        loop = self.future.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._settle, answer)

    def _settle(self, answer: Answer) -> None:
        if not self.future.done():
            self.future.set_result((self.wish, answer))


class PreviewQueue(Generic[K]):
    """What waits, and the next batch of it. For any thread.

    Those whose last turn is longest ago go first, each person at most once a batch while others wait, so that nobody
    can crowd others out.
    """

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._waiting: list[QueuedPreview[K]] = []
        self._served: dict[str, int] = {}  # in which turn each person was last in a batch
        self._turns = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, request: QueuedPreview[K]) -> bool:
        """Let a request wait; False where too much waits already."""
        with self._lock:
            if len(self._waiting) >= self._most:
                return False
            self._waiting.append(request)
            return True

    def wanted(self) -> list[K]:
        """What kinds of batches are waited for, the longest waiting first."""
        with self._lock:
            return list(dict.fromkeys(request.key for request in self._waiting if not request.future.done()))

    def gather(self, most: int, takes: Callable[[K], bool] = lambda key: True) -> list[QueuedPreview[K]]:
        """The next batch of one key that is taken, each with the newest wish of its slot; none where nothing waits."""
        with self._lock:
            self._waiting = [request for request in self._waiting if not request.future.done()]
            at_hand = [request for request in self._waiting if takes(request.key)]
            people = {request.slot.person for request in at_hand}
            if len(self._served) > MOST_REMEMBERED:
                waiting = {request.slot.person for request in self._waiting}
                self._served = {person: turn for person, turn in self._served.items() if person in waiting}
            self._turns += 1
            batch: list[QueuedPreview[K]] = []
            for request in sorted(at_hand, key=lambda request: self._served.get(request.slot.person, 0)):
                person = request.slot.person
                again = len(people) > 1 and self._served.get(person) == self._turns
                if len(batch) < most and not again and (not batch or request.key == batch[0].key):
                    self._served[person] = self._turns
                    batch.append(request)
            for request in batch:
                self._waiting.remove(request)
                request.wish = request.slot.newer(request.wish)
            return batch

    def clear(self) -> list[QueuedPreview[K]]:
        """Empty it; what was in it."""
        with self._lock:
            left, self._waiting = self._waiting, []
            return left


class StillQuota:
    """How many exact pictures wait, in all and of each person: what is too many is refused at once."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._waiting: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._waiting.total()

    @contextmanager
    def one(self, person: str) -> Iterator[None]:
        """Wait for one as `person`; Overloaded where they, or all together, wait for too many."""
        if len(self) >= self._most or self._waiting[person] >= self._most // CROWDING:
            raise Overloaded("Too many pictures are waiting.", "Try again in a moment.")
        self._waiting[person] += 1
        try:
            yield
        finally:
            self._waiting -= Counter((person,))  # subtracting this way also forgets those who have none left


def queue_full() -> Overloaded:
    """What somebody hears whose preview finds no room."""
    return Overloaded("Too many people are waiting for a picture.", "Try again in a moment.")
