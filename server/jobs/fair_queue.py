"""A queue in which people take turns, however much each of them has put in."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First come, first served among a person's own items; round and round among people. Not safe between threads."""

    def __init__(self) -> None:
        self._people: OrderedDict[str, deque[T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(items) for items in self._people.values())

    def put(self, person: str, item: T) -> None:
        """Queue an item; somebody new comes after everybody who waits."""
        self._people.setdefault(person, deque()).append(item)

    def take(self) -> T:
        """The item whose turn it is; its person's next one waits until everybody else had theirs."""
        person, items = next(iter(self._people.items()))
        item = items.popleft()
        if items:
            self._people.move_to_end(person)
        else:
            del self._people[person]
        return item

    def had(self, person: str) -> None:
        """Whoever this is had a turn: everybody else's next one comes first."""
        if person in self._people:
            self._people.move_to_end(person)

    def sift(self, waits: Callable[[T], bool]) -> None:
        """Let go of what does not wait any more, without its being anybody's turn."""
        for person, items in list(self._people.items()):
            left = deque(item for item in items if waits(item))
            if left:
                self._people[person] = left
            else:
                del self._people[person]

    def heads(self) -> Iterator[T]:
        """Everybody's oldest item."""
        return (items[0] for items in self._people.values())

    def clear(self) -> list[T]:
        """Empty the queue; what was in it."""
        left = [item for items in self._people.values() for item in items]
        self._people.clear()
        return left
