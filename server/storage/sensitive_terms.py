"""Scores that name what people are: found by their words, gated by a written reason, told as guesses from pixels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from latentwalk.errors import Invalid

SHORTEST_REASON = 40  # characters: one sentence that says something
LONGEST_REASON = 2000

# Stems, each matched at the start of a word of a name, a title or a card. Words with an everyday meaning in pictures
# ("age" of a building, "white" balance) are left to their unmistakable forms; a false alarm costs one sentence.
LEXICON: Mapping[str, tuple[str, ...]] = {
    "gender or sex": (
        "gender", "sex", "male", "female", "man", "men", "woman", "women", "masculin", "feminin", "transgender",
        "nonbinary", "girl", "boy",
    ),
    "race, ethnicity or skin": (
        "race", "racial", "ethnic", "skin", "fitzpatrick", "caucasian", "asian", "african", "hispanic", "latino",
        "latina", "indigenous", "arab",
    ),
    "nationality or origin": ("nationalit", "immigra", "foreign", "citizenship", "caste"),
    "age": (
        "age", "ages", "aged", "aging", "ageing", "old", "older", "young", "younger", "elder", "teen", "child", "adult",
    ),
    "attractiveness": ("attractiv", "beaut", "hot", "hotness", "ugly", "ugliness", "sexy", "pretty", "handsome"),
    "body": ("bmi", "obes", "overweight", "fat", "chubb", "slim", "weight", "body"),
    "health or disability": (
        "disab", "autis", "disease", "illness", "depress", "diagnos", "pregnan", "mental", "health",
    ),
    "religion": ("religio", "muslim", "islam", "christian", "jew", "hindu", "sikh", "buddhis", "hijab"),
    "sexuality": ("sexual", "gay", "lesbian", "homosex", "heterosex", "queer", "orientation"),
    "politics": ("politic", "republican", "democrat", "communis", "left-wing", "right-wing", "extremis"),
    "character or crime": (
        "crimin", "terroris", "trustworth", "dominan", "aggress", "intelligen", "iq", "honest", "employab", "hireab",
        "competen", "likeab", "personality", "creditworth",
    ),
    "emotion as a state": ("emotion", "angry", "anger", "sadness", "happiness", "fear", "disgust", "mood"),
}  # fmt: skip
WHOLE = frozenset(
    (
        "sex", "man", "men", "age", "ages", "aged", "old", "hot", "fat", "iq", "boy", "race", "body", "adult", "child",
        "teen", "gay", "weight", "young", "elder", "fear", "skin",
    )
)  # fmt: skip  # words too short or too common to stand for all that begins with them


def named(texts: Sequence[str]) -> tuple[str, ...]:
    """The protected or social categories that texts name, in the lexicon's order; none for everyday pictures' words."""
    words = set()
    for text in texts:
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        # "isMale", "skin_tone" and "SkinTone2" are several words.
        plain = re.sub(r"([a-z])([A-Z])", r"\1 \2", plain)
        words |= set(re.findall(r"[a-z]+(?:-[a-z]+)?", plain.lower()))
        words |= set(re.findall(r"[a-z]+", plain.lower()))
    found = []
    for category, stems in LEXICON.items():
        if any(_begins(word, stem) for word in words for stem in stems):
            found.append(category)
    return tuple(found)


def _begins(word: str, stem: str) -> bool:
    return word in (stem, f"{stem}s") if stem in WHOLE else word.startswith(stem)


def checked_reason(categories: Sequence[str], reason: str | None) -> str | None:
    """The owner's reason, trimmed, where one is needed; Invalid where it is needed and does not say anything."""
    if not categories:
        return None
    said = " ".join((reason or "").split())
    if len(said) < SHORTEST_REASON or len(set(said.lower().split())) < 6:
        raise Invalid(
            f"This score names {_listed(categories)}. Say why you need it, in a sentence of your own.",
            "The reason is kept with the judge and with every slider made from it.",
        )
    if len(said) > LONGEST_REASON:
        raise Invalid(f"A reason of {len(said)} characters is too long.", f"Use at most {LONGEST_REASON}.")
    return said


def warning(categories: Sequence[str], title: str) -> str:
    """What to say wherever the score or its slider is shown; empty where nothing is named."""
    if not categories:
        return ""
    return (
        f"“{title}” is a model’s guess from pixels about {_listed(categories)}. It is not a fact about a person, and "
        "it repeats what its data and its labels believed."
    )


def _listed(categories: Sequence[str]) -> str:
    *most, last = categories
    return f"{', '.join(most)} and {last}" if most else last
