"""Limits: token buckets in a time that the test makes."""

from __future__ import annotations

import pytest

from server.auth import rate_limits
from server.auth.rate_limits import RateLimits, Share, Shares, TokenBucket


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_free_and_what_comes_after_waits_in_turn() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=10, burst=3, clock=clock)
    assert [bucket.take() for _ in range(5)] == pytest.approx([0, 0, 0, 0.1, 0.2])
    clock.now += 0.2
    assert bucket.take() == pytest.approx(0.1)
    clock.now += 1000
    assert [bucket.take() for _ in range(4)] == pytest.approx([0, 0, 0, 0.1])


def test_asking_takes_nothing_where_there_is_not_enough() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=1, burst=2, clock=clock)
    assert (bucket.ask(), bucket.ask()) == (0, 0)
    assert (bucket.ask(), bucket.ask()) == (1, 1)
    clock.now += 1
    assert bucket.ask() == 0


def test_what_is_dearer_than_a_full_bucket_can_still_be_had_once_it_is_full() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=1, burst=2, clock=clock)
    assert bucket.ask(5) == 0
    assert bucket.ask() == pytest.approx(4)


def test_what_was_taken_for_nothing_can_be_given_back_but_no_more_than_fits() -> None:
    bucket = TokenBucket(rate=1, burst=2, clock=Clock())
    bucket.take(2)
    bucket.take(-9)
    assert [bucket.ask(), bucket.ask(), bucket.ask()] == [0, 0, 1]


def test_everybody_has_buckets_of_their_own() -> None:
    one = RateLimits(Shares(jobs=Share(0.001, 1)))
    assert one.of("a", "jobs").ask() == 0
    assert one.of("a", "jobs").ask() > 0
    assert one.of("b", "jobs").ask() == 0
    assert one.of("a", "messages").ask() == 0


def test_only_so_many_people_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MOST_PEOPLE", 10)
    one = RateLimits(Shares(jobs=Share(0.001, 1)))
    one.of("kept", "jobs").take()
    for number in range(40):
        one.of(f"p{number}", "jobs")
        one.of("kept", "jobs")
    assert len(one._buckets) == 10
    assert one.of("kept", "jobs").ask() > 0
