"""Rate limits: a token bucket for each person and each kind of use."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_BUCKETS = 4096  # the least recently used are dropped, and start full again


class TokenBucket:
    """A token bucket that holds `burst` tokens and gains `rate` a second, by the monotonic clock it is given."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._at = burst, clock()

    def take(self, cost: float = 1.0) -> float:
        """Take `cost` even into debt; the seconds until the debt is paid. A negative cost is a refund."""
        self._fill()
        self._tokens -= cost
        return max(0.0, -self._tokens / self._rate)

    def ask(self, cost: float = 1.0) -> float:
        """Take `cost` if the bucket holds it and return 0, else take nothing and return the seconds until it does."""
        self._fill()
        if self._tokens < min(cost, self._burst):
            return (min(cost, self._burst) - self._tokens) / self._rate
        self._tokens -= cost
        return 0.0

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now


@dataclass(frozen=True, slots=True)
class Share:
    """A person's limit for one kind of use: `rate` a second, and `burst` at once."""

    rate: float
    burst: float


@dataclass(frozen=True, slots=True)
class Shares:
    """Every limit of a person."""

    messages: Share = Share(480, 960)  # on live sockets, one per 4 KiB or part of it; enough for four dragging tabs
    requests: Share = Share(200, 2000)  # opening the page alone takes a hundred
    jobs: Share = Share(1 / 10, 40)
    bytes: Share = Share(8e6, 1e9)  # of request bodies
    guesses: Share = Share(1 / 5, 10)  # wrong tokens from one address
    lines: Share = Share(1, 60)  # audit lines about requests refused to one address


@dataclass(slots=True)
class RateLimits:
    """The buckets of everyone."""

    shares: Shares = field(default_factory=Shares)
    _buckets: OrderedDict[tuple[str, str], TokenBucket] = field(default_factory=OrderedDict)

    def of(self, person: str, use: str) -> TokenBucket:
        """The bucket of a person for one field of `Shares`, created full on first use."""
        key = (person, use)
        if key not in self._buckets:
            share: Share = getattr(self.shares, use)
            self._buckets[key] = TokenBucket(share.rate, share.burst)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return self._buckets[key]
