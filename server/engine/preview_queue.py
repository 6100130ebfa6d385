"""Queues previews for a device: a slot per client, which holds only its newest request, served in turn by person."""

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
from server.auth.roles import account_of

K = TypeVar("K")

LARGEST_SHEET = 16  # images of one preview
ACCOUNT_SHARE = 4  # one account may queue one in so many of the stills that may wait
MOST_REMEMBERED = 4096  # people whose last turn is remembered


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """A requested preview: its edit, the client's revision number, the longest side in pixels, and the request time.

    With `others`, edits of the same generator, it is a sheet of several images.
    """

    rev: int
    edit: Edit
    size: int | None = None
    at: float = field(default_factory=time.perf_counter)
    others: tuple[Edit, ...] = ()

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All edits of the preview."""
        return (self.edit, *self.others)


class ClientSlot:
    """The newest request of one client; a newer one replaces it. Filled on the event loop, read on any thread.

    `person` is the client's user; each anonymous slot counts as a person of its own.
    """

    def __init__(self, person: str = "") -> None:
        self.person = person or f"slot-{id(self)}"
        self.newest: PreviewRequest | None = None  # remains after it was taken
        self._waiting: PreviewRequest | None = None
        self._lock = threading.Lock()
        self._filled = asyncio.Event()

    def put(self, request: PreviewRequest) -> None:
        """Replace the waiting request."""
        with self._lock:
            self.newest = self._waiting = request
        self._filled.set()

    async def take(self) -> PreviewRequest:
        """Wait for a request and remove it from the slot."""
        while True:
            with self._lock:
                request, self._waiting = self._waiting, None
                if request is not None:
                    return request
                self._filled.clear()
            await self._filled.wait()

    def newer(self, request: PreviewRequest) -> PreviewRequest:
        """Remove and return a newer request for the same generator if one arrived, otherwise return `request`."""
        with self._lock:
            if self._waiting is None or self._waiting.edit.generator != request.edit.generator:
                return request
            request, self._waiting = self._waiting, None
            return request


@dataclass(slots=True, eq=False)
class QueuedPreview(Generic[K]):
    """A preview in the queue. Those of one `key` can share a batch; `tries` counts the workers lost with it."""

    slot: ClientSlot
    request: PreviewRequest
    key: K
    future: asyncio.Future[tuple[PreviewRequest, Answer]]
    tries: int = 0

    def answer(self, answer: Answer) -> None:
        """Resolve the future, from any thread. The caller, and its event loop, may be gone."""
        loop = self.future.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._resolve, answer)

    def _resolve(self, answer: Answer) -> None:
        if not self.future.done():
            self.future.set_result((self.request, answer))


class PreviewQueue(Generic[K]):
    """The waiting previews, and the next batch of them. Thread-safe.

    The person served longest ago goes first, and no person is in a batch twice while others wait, so that one person
    with many clients cannot delay the others. Nor can an account with many people: each account that waits has one
    preview in the batch before any has a second, and none fills more than half of it while others wait.
    """

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = capacity
        self._waiting: list[QueuedPreview[K]] = []
        self._last_turn: dict[str, int] = {}  # per person the turn in which they were last in a batch
        self._turn = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, preview: QueuedPreview[K]) -> bool:
        """Queue a preview; False if the queue is full."""
        with self._lock:
            if len(self._waiting) >= self._capacity:
                return False
            self._waiting.append(preview)
            return True

    def waiting_keys(self) -> list[K]:
        """The keys of the waiting previews, the longest waiting first."""
        with self._lock:
            return list(dict.fromkeys(preview.key for preview in self._waiting if not preview.future.done()))

    def next_batch(self, most: int, accepts: Callable[[K], bool] = lambda key: True) -> list[QueuedPreview[K]]:
        """Remove and return the next batch of up to `most` images with one accepted key; empty if there is none.

        Each preview is updated to the newest request of its slot.
        """
        with self._lock:
            self._waiting = [preview for preview in self._waiting if not preview.future.done()]
            candidates = [preview for preview in self._waiting if accepts(preview.key)]
            people = {preview.slot.person for preview in candidates}
            several = len({account_of(person) for person in people}) > 1
            if len(self._last_turn) > MOST_REMEMBERED:
                waiting = {preview.slot.person for preview in self._waiting}
                self._last_turn = {person: turn for person, turn in self._last_turn.items() if person in waiting}
            self._turn += 1
            batch: list[QueuedPreview[K]] = []
            images = 0
            in_turn = sorted(candidates, key=lambda preview: self._last_turn.get(preview.slot.person, 0))
            for rank, preview in _ranked_by_account(in_turn):
                person = preview.slot.person
                in_batch = len(people) > 1 and self._last_turn.get(person) == self._turn
                too_many = several and rank >= max(1, most // 2)
                fits = not batch or preview.key == batch[0].key
                images += len(preview.request.edits)
                if (images <= most or not batch) and fits and not in_batch and not too_many:
                    self._last_turn[person] = self._turn
                    batch.append(preview)
                else:
                    images -= len(preview.request.edits)
            for preview in batch:
                self._waiting.remove(preview)
                preview.request = preview.slot.newer(preview.request)
            return batch

    def clear(self) -> list[QueuedPreview[K]]:
        """Remove and return all waiting previews."""
        with self._lock:
            removed, self._waiting = self._waiting, []
            return removed


def _ranked_by_account(previews: list[QueuedPreview[K]]) -> list[tuple[int, QueuedPreview[K]]]:
    # The first preview of every account, then the second of every account, and so on; each with its rank from 0.
    ranks: Counter[str] = Counter()
    ranked = []
    for preview in previews:
        account = account_of(preview.slot.person)
        ranked.append((ranks[account], preview))
        ranks[account] += 1
    return sorted(ranked, key=lambda pair: pair[0])


class StillQuota:
    """Limits how many exact images may wait, in all and per account; requests beyond a limit are refused at once."""

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = capacity
        self._waiting: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._waiting.total()

    @contextmanager
    def reserve(self, person: str) -> Iterator[None]:
        """Count one image of `person`'s account for the duration of the block. Overloaded if a limit is reached."""
        account = account_of(person)
        if len(self) >= self._capacity or self._waiting[account] >= self._capacity // ACCOUNT_SHARE:
            raise Overloaded("Too many images are waiting.", "Try again in a moment.")
        self._waiting[account] += 1
        try:
            yield
        finally:
            self._waiting -= Counter((account,))  # this kind of subtraction also removes counts of zero


def queue_full() -> Overloaded:
    """The error for a preview that finds the queue full."""
    return Overloaded("Too many previews are waiting.", "Try again in a moment.")
