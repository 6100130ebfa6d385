"""The values that describe a generator without loading it: its spec, its card and where its weights are stored."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_SPELLED_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "œ": "oe", "ł": "l"}
)


def name_from_title(title: str, most: int = 40, otherwise: str = "") -> str:
    """A name of lower-case letters, digits and underscores for a title: "Grünes Lächeln" becomes "gruenes_laecheln".

    `otherwise` is put before a name that would not begin with a letter.
    """
    composed = unicodedata.normalize("NFC", title).lower().translate(_SPELLED_OUT)
    plain = unicodedata.normalize("NFKD", composed).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return (name if name[:1].isalpha() else f"{otherwise}_{name}")[:most].strip("_")


def title_from_name(name: str) -> str:
    """The title of something that has only a name: "near_far" becomes "Near far"."""
    return name.replace("-", " ").replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Card:
    """A model card: where the model comes from, its licences and its known weaknesses (`shows_badly`)."""

    summary: str
    source: str
    licence: str
    data: str
    data_licence: str
    shows_badly: str
    year: int


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """Everything that callers need to know about a generator before its weights are loaded.

    - `resolution` is the height of the output in pixels, `channels` its number of colour channels.
    - `spaces` maps the name of each latent space to the shape of one latent in it, from z to the image.
    - `layers` counts the layers that a direction can be limited to; 1 if the latent enters once.
    - `default_classes` are the class weights of an edit that names none; they sum to 1.
    - `fingerprint` is that of the weights, by `models.catalogue.hashing`. Directions are tied to it, never to the name.
    - `exact` names the moves of the image (of shift_x, shift_y and rotate) that the network performs exactly,
      independent of training.
    """

    name: str
    title: str
    family: str
    resolution: int
    channels: int
    spaces: Mapping[str, tuple[int, ...]]
    layers: int
    classes: tuple[str, ...]
    default_classes: Mapping[str, float]
    fingerprint: str
    card: Card
    exact: tuple[str, ...] = ()

    @property
    def space(self) -> str:
        """The space in which edits are made: the last one before the image, `w` if there is a mapping network."""
        return list(self.spaces)[-1]

    @property
    def width(self) -> int:
        """The number of values in one latent of `space`."""
        return self.spaces[self.space][-1]


@dataclass(frozen=True, slots=True)
class WeightsOrigin:
    """Where weights are stored: in an installed distribution, in a wheel to download, in a folder, or with a plugin.

    `member` is a path inside the distribution or wheel, the folder, or the name of a plugin's entry point ("adapter").
    `state_key` selects a nested dict of a torch file; `bytes` is the size of the download.
    """

    kind: Literal["installed", "wheel", "folder", "adapter"]
    distribution: str
    version: str
    member: str
    sha256: str
    bytes: int
    state_key: str = ""

    @property
    def requirement(self) -> str:
        """The exact requirement, as pip writes it."""
        return f"{self.distribution}=={self.version}"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A generator that is installed or can be downloaded."""

    spec: GeneratorSpec
    origin: WeightsOrigin
