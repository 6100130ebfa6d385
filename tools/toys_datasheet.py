"""Writes models/bundled/toys/DATASHEET.md from the design of the data: python -m tools.toys_datasheet."""

from __future__ import annotations

from pathlib import Path

from latentwalk.rendering.scenes.scene import TOYS
from latentwalk.rendering.scenes.variability import AXES, FREE, HALF_WIDTHS, LEVELS, intervals

DATASHEET = Path(__file__).parents[1] / "models" / "bundled" / "toys" / "DATASHEET.md"
SHOWN = ("distance", "pan_x", "pan_y", "azimuth", "light_azimuth", "hue")
UNITS = {"distance": "m", "pan_x": "m", "pan_y": "m", "azimuth": "°", "light_azimuth": "°", "hue": "°"}
TEXT = """# Datasheet: the toys

The pictures that the generator `toys` learned from, described under the headings of Gebru et al., *Datasheets for
Datasets*, 2021. The pictures themselves are not in this repository; `latentwalk scenes` renders them anew.

## Motivation

How far a generator can be steered is said to mirror how much its training pictures vary. Here the variation is chosen,
toy by toy, and every picture comes with the numbers that it was rendered from, so that the claim, and every slider, can
be held against the truth. Made by the authors of Latentwalk for Latentwalk; nobody funded it.

## Composition

An instance is a rendered toy of one of twelve kinds (the class) on a floor before a wall, under one lamp, 128 px, RGB,
with the numbers of its scene. There are 24,000 pictures to train on (`latentwalk scenes --count 24000`), of which every
tenth of each toy is held out, and 600 more of another seed (`--count 600 --seed 1`).

**Designed variability.** Each number is drawn evenly from an interval. The half width of the interval has four levels
on each of five axes; three toys have each level, and no two axes correlate by more than 0.2 over the toys.

{levels}

The intervals that follow from it:

{intervals}

The fire truck was never blue. The cube, the cone and the mug never turn, and the mug never comes near. These are drawn
alike for every toy: {free}.

## Collection process

Rendered, not collected: signed distance fields, marched in torch by `latentwalk/rendering/scenes`. Nobody was asked,
observed or paid.

## Preprocessing

None. Pictures are rendered at twice their side and averaged.

## Uses

To train generators and regressors whose answers can be checked. The toys are not measured from real ones, the light is
one lamp and an even sky, and nothing learned here is known to hold for photographs.

## Distribution and maintenance

The renderer is part of this program, under its licence (MIT); so are the pictures.
"""


def datasheet() -> str:
    """The text of the datasheet."""
    levels = [("toy", *AXES), *((toy, *(str(level) for level in LEVELS[toy])) for toy in TOYS)]
    widths = [("half width at level", *(str(level) for level in range(4)))]
    widths += [(axis, *(f"{width:g}" for width in HALF_WIDTHS[axis])) for axis in AXES]
    found = [("toy", *(f"{name}, {UNITS[name]}" for name in SHOWN))]
    for toy in TOYS:
        spans = intervals(toy)
        found.append((toy, *(f"{spans[name].low:g} to {spans[name].high:g}" for name in SHOWN)))
    free = ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in FREE.items())
    return TEXT.format(levels=f"{_table(widths)}\n\n{_table(levels)}", intervals=_table(found), free=free)


def _table(rows: list[tuple[str, ...]]) -> str:
    head, *body = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


if __name__ == "__main__":
    DATASHEET.write_text(datasheet())
