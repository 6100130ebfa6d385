"""Turns: round and round among people, first come first served within what one of them put in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.jobs.fair_queue import FairQueue


def filled(*puts: tuple[str, int]) -> FairQueue[tuple[str, int]]:
    turns: FairQueue[tuple[str, int]] = FairQueue()
    for person, item in puts:
        turns.put(person, (person, item))
    return turns


def test_everybody_has_one_before_anybody_has_a_second() -> None:
    turns = filled(("a", 1), ("a", 2), ("a", 3), ("b", 1), ("c", 1), ("c", 2))
    assert [turns.pop() for _ in range(len(turns))] == [
        ("a", 1), ("b", 1), ("c", 1), ("a", 2), ("c", 2), ("a", 3),
    ]  # fmt: skip
    assert len(turns) == 0


def test_clearing_gives_back_everything() -> None:
    turns = filled(("a", 1), ("b", 1), ("a", 2))
    assert {item for _, item in turns.heads()} == {1}
    assert sorted(turns.clear()) == [("a", 1), ("a", 2), ("b", 1)]
    assert len(turns) == 0


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_nobody_waits_for_more_than_one_item_of_each_other_person(people: list[str]) -> None:
    turns = filled(*((person, n) for n, person in enumerate(people)))
    taken = [turns.pop() for _ in range(len(turns))]
    assert sorted(taken) == sorted((person, n) for n, person in enumerate(people))
    for person in set(people):
        mine = [place for place, (who, _) in enumerate(taken) if who == person]
        assert [taken[place][1] for place in mine] == sorted(taken[place][1] for place in mine)
        for before, after in zip([-1, *mine], mine, strict=False):
            between = [who for who, _ in taken[before + 1 : after]]
            assert all(between.count(other) <= 1 for other in set(between))


def test_whoever_had_a_turn_comes_after_everybody_who_waits() -> None:
    turns = filled(("a", 1), ("b", 1), ("c", 1))
    turns.move_to_back("a")
    turns.move_to_back("nobody")
    assert [turns.pop() for _ in range(3)] == [("b", 1), ("c", 1), ("a", 1)]


def test_what_is_sifted_out_is_nobodys_turn() -> None:
    turns = filled(("a", 1), ("a", 2), ("b", 1), ("c", 1))
    turns.retain(lambda item: item not in [("a", 1), ("b", 1)])
    assert [turns.pop() for _ in range(len(turns))] == [("a", 2), ("c", 1)]
