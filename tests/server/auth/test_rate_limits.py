"""Rate limits: token buckets, with a clock that the test advances."""

from __future__ import annotations

import pytest

from server.auth import rate_limits
from server.auth.rate_limits import RateLimits, Share, Shares, TokenBucket


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_free_and_later_requests_wait() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=10, burst=3, clock=clock)
    assert [bucket.take() for _ in range(5)] == pytest.approx([0, 0, 0, 0.1, 0.2])
    clock.now += 0.2
    assert bucket.take() == pytest.approx(0.1)
    clock.now += 1000
    assert [bucket.take() for _ in range(4)] == pytest.approx([0, 0, 0, 0.1])


def test_asking_takes_nothing_from_a_bucket_that_holds_too_little() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=1, burst=2, clock=clock)
    assert (bucket.ask(), bucket.ask()) == (0, 0)
    assert (bucket.ask(), bucket.ask()) == (1, 1)
    clock.now += 1
    assert bucket.ask() == 0


def test_a_cost_above_the_burst_is_granted_by_a_full_bucket() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=1, burst=2, clock=clock)
    assert bucket.ask(5) == 0
    assert bucket.ask() == pytest.approx(4)


def test_a_refund_never_exceeds_the_burst() -> None:
    bucket = TokenBucket(rate=1, burst=2, clock=Clock())
    bucket.take(2)
    bucket.take(-9)
    assert [bucket.ask(), bucket.ask(), bucket.ask()] == [0, 0, 1]


def test_each_person_and_each_kind_of_use_has_its_own_bucket() -> None:
    limits = RateLimits(Shares(jobs=Share(0.001, 1)))
    assert limits.of("a", "jobs").ask() == 0
    assert limits.of("a", "jobs").ask() > 0
    assert limits.of("b", "jobs").ask() == 0
    assert limits.of("a", "messages").ask() == 0


def test_the_least_recently_used_buckets_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MAX_BUCKETS", 10)
    limits = RateLimits(Shares(jobs=Share(0.001, 1)))
    limits.of("active", "jobs").take()
    for number in range(40):
        limits.of(f"p{number}", "jobs")
        limits.of("active", "jobs")
    assert len(limits._buckets) == 10
    assert limits.of("active", "jobs").ask() > 0
