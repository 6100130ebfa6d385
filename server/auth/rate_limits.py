"""Rate limits: a token bucket for each person and each kind of use."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from server.auth.roles import account_of

MAX_BUCKETS = 4096  # the least recently used are dropped, and start full again


class TokenBucket:
    """A token bucket that holds `burst` tokens and gains `rate` a second, by the monotonic clock it is given.

    What is taken from it is also taken from `shared`, a bucket that it has in common with others, if there is one.
    """

    def __init__(
        self,
        rate: float,
        burst: float,
        clock: Callable[[], float] = time.monotonic,
        shared: TokenBucket | None = None,
    ) -> None:
        self._rate, self._burst, self._clock, self._shared = rate, burst, clock, shared
        self._tokens, self._at = burst, clock()

    def take(self, cost: float = 1.0) -> float:
        """Take `cost` even into debt; the seconds until the debt is paid. A negative cost is a refund."""
        self._fill()
        self._tokens -= cost
        shared_wait = self._shared.take(cost) if self._shared else 0.0
        return max(0.0, -self._tokens / self._rate, shared_wait)

    def ask(self, cost: float = 1.0) -> float:
        """Take `cost` if the bucket holds it and return 0, else take nothing and return the seconds until it does."""
        self._fill()
        if self._tokens < min(cost, self._burst):
            return (min(cost, self._burst) - self._tokens) / self._rate
        if self._shared and (wait := self._shared.ask(cost)):
            return wait
        self._tokens -= cost
        return 0.0

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now


@dataclass(frozen=True, slots=True)
class Share:
    """A person's limit for one kind of use: `rate` a second, and `burst` at once.

    An account, everybody who signed in with one token, together has `people` times as much.
    """

    rate: float
    burst: float
    people: float = 1


@dataclass(frozen=True, slots=True)
class Shares:
    """Every limit of a person."""

    messages: Share = Share(480, 960, 8)  # on live sockets, one per 4 KiB or part of it; enough for four dragging tabs
    requests: Share = Share(200, 2000, 8)  # opening the page alone takes a hundred
    jobs: Share = Share(1 / 10, 40)
    bytes: Share = Share(8e6, 1e9, 2)  # of request bodies
    guesses: Share = Share(1 / 5, 10)  # wrong tokens from one address
    lines: Share = Share(1, 60)  # audit lines about requests refused to one address


@dataclass(slots=True)
class RateLimits:
    """The buckets of everyone."""

    shares: Shares = field(default_factory=Shares)
    _buckets: OrderedDict[tuple[str, str], TokenBucket] = field(default_factory=OrderedDict)

    def of(self, person: str, use: str) -> TokenBucket:
        """The bucket of a person for one field of `Shares`, created full on first use; see `account_of`."""
        key = (person, use)
        if key not in self._buckets:
            share: Share = getattr(self.shares, use)
            account = account_of(person)
            if account != person:
                self._buckets[key] = TokenBucket(share.rate, share.burst, shared=self.of(account, use))
            else:
                self._buckets[key] = TokenBucket(share.rate * share.people, share.burst * share.people)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return self._buckets[key]
