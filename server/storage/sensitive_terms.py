"""Finds scores that classify people by their wording, requires a written reason for them, and words the warning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from latentwalk.errors import Invalid

SHORTEST_REASON = 40  # characters: about one sentence
LONGEST_REASON = 2000

# Stems, matched at the start of each word of a name, title or card. Words that are common in descriptions of pictures
# ("white" balance) are left out in their ambiguous forms; a false positive costs the owner one sentence.
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
)  # fmt: skip  # stems too short or too common to match longer words


def categories_in(texts: Sequence[str]) -> tuple[str, ...]:
    """The protected or social categories that texts name, in the order of the lexicon."""
    words = set()
    for text in texts:
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        # Split "isMale", "skin_tone" and "SkinTone2" into words.
        plain = re.sub(r"([a-z])([A-Z])", r"\1 \2", plain)
        words |= set(re.findall(r"[a-z]+(?:-[a-z]+)?", plain.lower()))
        words |= set(re.findall(r"[a-z]+", plain.lower()))
    return tuple(
        category for category, stems in LEXICON.items() if any(_matches(word, stem) for word in words for stem in stems)
    )


def _matches(word: str, stem: str) -> bool:
    return word in (stem, f"{stem}s") if stem in WHOLE else word.startswith(stem)


def checked_reason(categories: Sequence[str], reason: str | None) -> str | None:
    """The owner's reason with normalised whitespace, None when there are no categories.

    Raises Invalid when a reason is required but too short, too repetitive or too long.
    """
    if not categories:
        return None
    text = " ".join((reason or "").split())
    if len(text) < SHORTEST_REASON or len(set(text.lower().split())) < 6:
        raise Invalid(
            f"This score names {_listed(categories)}. Say why you need it, in a sentence of your own.",
            "The reason is stored with the regressor and with every slider learned from it.",
        )
    if len(text) > LONGEST_REASON:
        raise Invalid(f"A reason of {len(text)} characters is too long.", f"Use at most {LONGEST_REASON}.")
    return text


def warning(categories: Sequence[str], title: str) -> str:
    """The warning shown beside the score and its sliders, "" when there are no categories."""
    if not categories:
        return ""
    return (
        f"“{title}” is a model’s guess from pixels about {_listed(categories)}. It is not a fact about a person, and "
        "it repeats what its data and its labels believed."
    )


def _listed(categories: Sequence[str]) -> str:
    *most, last = categories
    return f"{', '.join(most)} and {last}" if most else last
