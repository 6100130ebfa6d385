"""A queue that serves people in turn, no matter how many items each of them has queued."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Generic, TypeVar, cast

T = TypeVar("T")
_NOTHING = object()


class FairQueue(Generic[T]):
    """First in, first out among the items of one person; round robin among people. Not thread-safe."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, deque[T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(items) for items in self._items.values())

    def put(self, person: str, item: T) -> None:
        """Queue an item. A person without items joins behind everyone who waits."""
        self._items.setdefault(person, deque()).append(item)

    def pop(self) -> T:
        """Remove and return the next item; that person's following item waits until everyone else was served."""
        return self.pop_with_person()[1]

    def pop_with_person(self) -> tuple[str, T]:
        """As `pop`, with the person whose item it is."""
        person, items = next(iter(self._items.items()))
        item = items.popleft()
        if items:
            self._items.move_to_end(person)
        else:
            del self._items[person]
        return person, item

    def move_to_back(self, person: str) -> None:
        """Serve everyone else before this person, if they have items."""
        if person in self._items:
            self._items.move_to_end(person)

    def retain(self, condition: Callable[[T], bool]) -> None:
        """Remove the items that do not meet `condition`; no person loses their turn by it."""
        for person, items in list(self._items.items()):
            remaining = deque(item for item in items if condition(item))
            if remaining:
                self._items[person] = remaining
            else:
                del self._items[person]

    def in_order(self) -> list[T]:
        """All items in the order in which they are served if no other joins them."""
        rounds = zip_longest(*self._items.values(), fillvalue=_NOTHING)
        return [cast(T, item) for items in rounds for item in items if item is not _NOTHING]

    def heads(self) -> Iterator[T]:
        """The oldest item of each person."""
        return (items[0] for items in self._items.values())

    def clear(self) -> list[T]:
        """Remove and return all items."""
        removed = [item for items in self._items.values() for item in items]
        self._items.clear()
        return removed
