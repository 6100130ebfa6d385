"""The gate in front of scores about people: what it finds, what it lets through, and what it asks."""

from __future__ import annotations

import pytest

from latentwalk.errors import Invalid
from server.storage.sensitive_terms import LEXICON, checked_reason, named, warning

REASON = "We test whether our museum's portrait filter favours one group of sitters over another."


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("gender classifier", "gender or sex"), ("isMale", "gender or sex"), ("Women in paintings", "gender or sex"),
        ("femininity", "gender or sex"), ("race", "race, ethnicity or skin"), ("skin_tone", "race, ethnicity or skin"),
        ("FitzpatrickScale", "race, ethnicity or skin"), ("perceived age", "age"), ("how old", "age"),
        ("attractiveness", "attractiveness"), ("BeautyNet", "attractiveness"), ("hot or not", "attractiveness"),
        ("religion", "religion"), ("criminality", "character or crime"), ("trustworthiness", "character or crime"),
        ("sexual orientation", "sexuality"), ("BMI from faces", "body"), ("nationality", "nationality or origin"),
        ("depression", "health or disability"), ("political leaning", "politics"), ("Émotion", "emotion as a state"),
    ],
)  # fmt: skip
def test_words_for_what_people_are_are_found(text: str, category: str) -> None:
    assert category in named([text])


@pytest.mark.parametrize(
    "text",
    [
        "memorability", "image quality", "average brightness", "trace of paint", "embrace of colour",
        "a shot of a page",
        "photograph", "manual labels", "many stages", "entropy", "father's studio photo", "bold contrast", "mention",
        "sharpness of the foreground", "gold tones", "usage", "package", "tracery", "boyscout-like badge",
    ],
)  # fmt: skip
def test_everyday_words_of_pictures_are_not(text: str) -> None:
    assert named([text]) == ()


def test_what_is_named_is_told_once_and_in_order() -> None:
    assert named(["age and gender", "gender", "woman"]) == ("gender or sex", "age")
    assert set(named([stem for stems in LEXICON.values() for stem in stems])) == set(LEXICON)


@pytest.mark.parametrize("reason", [None, "", "because", "x" * 400, "please " * 40, " " * 100])
def test_a_reason_that_says_nothing_is_refused(reason: str | None) -> None:
    with pytest.raises(Invalid, match="names age"):
        checked_reason(["age"], reason)


def test_a_reason_is_kept_as_written_and_none_is_asked_where_nothing_is_named() -> None:
    assert checked_reason(["age"], f"  {REASON}\n") == REASON
    assert checked_reason([], None) is None
    with pytest.raises(Invalid, match="too long"):
        checked_reason(["age"], REASON * 100)


def test_the_warning_is_plain_about_what_the_number_is() -> None:
    assert warning([], "Entropy") == ""
    said = warning(["gender or sex", "age"], "Who")
    assert "guess from pixels about gender or sex and age" in said
    assert "not a fact about a person" in said
