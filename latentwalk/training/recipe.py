"""A recipe: everything a training run depends on, as one frozen value read from a JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from latentwalk.errors import Invalid, first_problem
from latentwalk.training.data.augmentation import Change

Text = Annotated[str, Field(min_length=1, max_length=2000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Stage(_Frozen):
    """A stretch of training at one side; the first `fade` pictures mix the new resolution in.

    `gamma` takes the place of the recipe's: a smaller side wants a weaker penalty.
    """

    side: Annotated[int, Field(ge=8, le=256)]
    pictures: Annotated[int, Field(ge=1)]
    fade: Annotated[int, Field(ge=0)] = 0
    batch: Annotated[int, Field(ge=2, le=256)] = 32
    gamma: Annotated[float, Field(ge=0)] | None = None


class About(_Frozen):
    """What the finished generator's card says of it: what was learned from, whose it is, and what it shows badly."""

    title: Annotated[str, Field(max_length=60)] = ""
    summary: Text = "Trained here."
    source: Text = "Trained with Latentwalk."
    licence: Text = "Not stated."
    data: Text = "Not described."
    data_licence: Text = "Not stated."
    shows_badly: Text = "Not looked into."


class Recipe(_Frozen):
    """What to train on, how large and how long; sides are powers of two that only grow.

    `pictures` is "folder:PATH", whose subfolders are classes where it has them, or "avatars:PATH", drawings that are
    composed while training; paths start at the recipe's own folder. `mirror` shows a folder's pictures both ways,
    `critic` is the critic's widths where they are not the generator's own, `encoder` how many steps the encoder is
    trained for, 0 for none. `stable_rank` normalises the critic's weights: 1 is their spectral norm alone, less also
    bounds their stable rank by that share of the full one. `augment` alters what the critic sees. `start` is the folder
    of a generator to begin with; its critic is not known, so a new one may look at the first `alone` pictures alone.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    pictures: Annotated[str, Field(pattern=r"^(avatars|folder):.")]
    widths: Annotated[tuple[int, ...], Field(min_length=2, max_length=8)]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=8)]
    critic: tuple[Annotated[int, Field(ge=1)], ...] = ()
    z: Annotated[int, Field(ge=8, le=512)] = 128
    w: Annotated[int, Field(ge=8, le=512)] = 128
    mapping: Annotated[int, Field(ge=1, le=8)] = 4
    rate: Annotated[float, Field(gt=0, le=0.1)] = 2.5e-3
    gamma: Annotated[float, Field(ge=0)] = 2.0
    lazy: Annotated[int, Field(ge=1)] = 16
    memory: Annotated[int, Field(ge=1)] = 10_000
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    stable_rank: Annotated[float, Field(gt=0, le=1)] | None = None
    mirror: bool = False
    start: str = ""
    alone: Annotated[int, Field(ge=0)] = 0
    encoder: Annotated[int, Field(ge=0, le=200_000)] = 4000
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    default_class: str = ""
    about: About = About()
    augment: tuple[Change, ...] = ()

    @property
    def side(self) -> int:
        return self.stages[-1].side

    @property
    def length(self) -> int:
        """Pictures in all."""
        return sum(stage.pictures for stage in self.stages)

    def reached(self, seen: int) -> int:
        """The side that a run is at after so many pictures, 0 before the first."""
        begun, side = 0, 0
        for stage in self.stages:
            side = stage.side if seen > begun else side
            begun += stage.pictures
        return side


def read(path: Path) -> Recipe:
    """The recipe in a file; Invalid with one sentence for anything else."""
    try:
        recipe = Recipe.model_validate_json(path.read_bytes())
    except OSError as error:
        raise Invalid(f"The recipe {path.name} cannot be read: {error.strerror}.", "Check its path.") from None
    except ValidationError as error:
        field, reason = first_problem(error.errors(include_url=False, include_input=False))
        raise Invalid(
            f"The recipe {path.name} is wrong at {field or 'it'}: {reason}.", "See recipes/avatars.json."
        ) from None
    sides = [stage.side for stage in recipe.stages]
    if sides != sorted(sides) or any(side & (side - 1) for side in sides):
        raise Invalid("The stages' sides must be powers of two that do not shrink.", "Such as 16, 32, 64.")
    if recipe.side != 4 * 2 ** (len(recipe.widths) - 1):
        raise Invalid(
            f"{len(recipe.widths)} widths make no network of {recipe.side} px.", "One width for each of 4, 8 ..."
        )
    if recipe.critic and len(recipe.critic) != len(recipe.widths):
        raise Invalid("The critic has other sides than the generator.", "As many widths in “critic” as in “widths”.")
    return recipe
