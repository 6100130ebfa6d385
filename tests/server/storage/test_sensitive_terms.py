"""Scores about people: which texts name a category, which reasons are accepted, and what the warning says."""

from __future__ import annotations

import pytest

from latentwalk.errors import Invalid
from server.storage.sensitive_terms import LEXICON, categories_in, checked_reason, warning

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
def test_words_that_classify_people_are_found(text: str, category: str) -> None:
    assert category in categories_in([text])


@pytest.mark.parametrize(
    "text",
    [
        "memorability", "image quality", "average brightness", "trace of paint", "embrace of colour",
        "a shot of a page",
        "photograph", "manual labels", "many stages", "entropy", "father's studio photo", "bold contrast", "mention",
        "sharpness of the foreground", "gold tones", "usage", "package", "tracery", "boyscout-like badge",
    ],
)  # fmt: skip
def test_ordinary_words_for_pictures_are_not(text: str) -> None:
    assert categories_in([text]) == ()


def test_each_category_is_listed_once_and_in_order() -> None:
    assert categories_in(["age and gender", "gender", "woman"]) == ("gender or sex", "age")
    assert set(categories_in([stem for stems in LEXICON.values() for stem in stems])) == set(LEXICON)


@pytest.mark.parametrize("reason", [None, "", "because", "x" * 400, "please " * 40, " " * 100])
def test_a_reason_without_content_is_refused(reason: str | None) -> None:
    with pytest.raises(Invalid, match="names age"):
        checked_reason(["age"], reason)


def test_a_reason_is_required_only_for_sensitive_categories() -> None:
    assert checked_reason(["age"], f"  {REASON}\n") == REASON
    assert checked_reason([], None) is None
    with pytest.raises(Invalid, match="too long"):
        checked_reason(["age"], REASON * 100)


def test_the_warning_says_that_the_score_is_a_guess() -> None:
    assert warning([], "Entropy") == ""
    text = warning(["gender or sex", "age"], "Who")
    assert "guess from pixels about gender or sex and age" in text
    assert "not a fact about a person" in text
