"""How much one person may ask for: token buckets of messages, requests, jobs and bytes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_PEOPLE = 4096  # whose buckets are remembered; those unheard of for longest are forgotten, and start full


class TokenBucket:
    """A token bucket: `burst` at once, `rate` a second after that. Knows only the time it is told."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._at = burst, clock()

    def take(self, cost: float = 1.0) -> float:
        """Take `cost` in any case; the seconds after which that is paid for, 0 where it is already."""
        self._fill()
        self._tokens -= cost
        return max(0.0, -self._tokens / self._rate)

    def ask(self, cost: float = 1.0) -> float:
        """Take `cost` where it is there; else take nothing and return the seconds until it would be."""
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
    """What one person may use: `rate` a second, and `burst` at once after a rest."""

    rate: float
    burst: float


@dataclass(frozen=True, slots=True)
class Shares:
    """Every limit a person has."""

    messages: Share = Share(480, 960)  # on live sockets, one for each 4 KiB begun; four dragging tabs
    requests: Share = Share(200, 2000)  # opening the page alone takes a hundred
    jobs: Share = Share(1 / 10, 40)
    bytes: Share = Share(8e6, 1e9)  # of request bodies
    guesses: Share = Share(1 / 5, 10)  # wrong tokens from one address
    lines: Share = Share(1, 60)  # of the audit log, about what was refused to one address


@dataclass(slots=True)
class RateLimits:
    """Everybody's buckets."""

    shares: Shares = field(default_factory=Shares)
    _buckets: OrderedDict[tuple[str, str], TokenBucket] = field(default_factory=OrderedDict)

    def of(self, person: str, what: str) -> TokenBucket:
        """The bucket of a person for one of the shares, made full at the first need."""
        key = (person, what)
        if key not in self._buckets:
            share: Share = getattr(self.shares, what)
            self._buckets[key] = TokenBucket(share.rate, share.burst)
            if len(self._buckets) > MOST_PEOPLE:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return self._buckets[key]
