"""A queue that serves accounts in turn, and the people of each in turn, no matter how much each of them has queued."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from server.auth.roles import account_of

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First in, first out among the items of one person; round robin among accounts and within each. Not thread-safe.

    A person is known by their id, whose first part is their account (`account_of`): whoever signs in twice with the
    same token gets no second turn at the expense of others.
    """

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, OrderedDict[str, deque[T]]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(items) for items in self._queues())

    def put(self, person: str, item: T) -> None:
        """Queue an item. An account or person without items joins behind everyone who waits."""
        people = self._accounts.setdefault(account_of(person), OrderedDict())
        people.setdefault(person, deque()).append(item)

    def pop(self) -> T:
        """Remove and return the next item; that person's following item waits until everyone else was served."""
        return self.pop_with_person()[1]

    def pop_with_person(self) -> tuple[str, T]:
        """As `pop`, with the person whose item it is."""
        account, people = next(iter(self._accounts.items()))
        person, items = next(iter(people.items()))
        item = items.popleft()
        if items:
            people.move_to_end(person)
        else:
            del people[person]
        if people:
            self._accounts.move_to_end(account)
        else:
            del self._accounts[account]
        return person, item

    def move_to_back(self, person: str) -> None:
        """Serve every other account and person before this person, if they have items."""
        account = account_of(person)
        if account in self._accounts:
            self._accounts.move_to_end(account)
            if person in self._accounts[account]:
                self._accounts[account].move_to_end(person)

    def retain(self, condition: Callable[[T], bool]) -> None:
        """Remove the items that do not meet `condition`; no person loses their turn by it."""
        for account, people in list(self._accounts.items()):
            for person, items in list(people.items()):
                remaining = deque(item for item in items if condition(item))
                if remaining:
                    people[person] = remaining
                else:
                    del people[person]
            if not people:
                del self._accounts[account]

    def in_order(self) -> list[T]:
        """All items in the order in which they are served if no other joins them."""
        copy: FairQueue[T] = FairQueue()
        for account, people in self._accounts.items():
            copy._accounts[account] = OrderedDict((person, deque(items)) for person, items in people.items())
        return [copy.pop() for _ in range(len(self))]

    def heads(self) -> Iterator[T]:
        """The oldest item of each person."""
        return (items[0] for items in self._queues())

    def clear(self) -> list[T]:
        """Remove and return all items."""
        removed = [item for items in self._queues() for item in items]
        self._accounts.clear()
        return removed

    def _queues(self) -> Iterator[deque[T]]:
        return (items for people in self._accounts.values() for items in people.values())
