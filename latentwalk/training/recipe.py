"""The recipe of a training run: everything that it depends on, read from a JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from latentwalk.errors import Invalid, first_problem, os_reason
from latentwalk.rendering.scenes.latents import DIMENSIONS
from latentwalk.training.data.augmentation import Change
from models.external_text import SeveralLines, SingleLine

Text = Annotated[SeveralLines, Field(min_length=1, max_length=2000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Stage(_Frozen):
    """A part of training at one image side, in pixels, for `pictures` images.

    `loss` is "taught" for pictures whose latents are known ("scenes:PATH"), which the generator is to reconstruct.
    During the first `fade` images of an adversarial stage the new resolution is blended in. `gamma` replaces the
    recipe's: a smaller side needs a weaker penalty.
    """

    side: Annotated[int, Field(ge=8, le=256)]
    loss: Literal["adversarial", "taught"] = "adversarial"
    pictures: Annotated[int, Field(ge=1)]
    fade: Annotated[int, Field(ge=0)] = 0
    batch: Annotated[int, Field(ge=2, le=256)] = 32
    gamma: Annotated[float, Field(ge=0)] | None = None


class About(_Frozen):
    """What the model card says about the finished generator: its data, its licence and its limits."""

    title: Annotated[SingleLine, Field(max_length=60)] = ""
    summary: Text = "Trained here."
    source: Text = "Trained with Latentwalk."
    licence: Text = "Not stated."
    data: Text = "Not described."
    data_licence: Text = "Not stated."
    shows_badly: Text = "Not looked into."


class Recipe(_Frozen):
    """What to train on, how large a network and how long; sides are powers of two that never shrink.

    `pictures` is "folder:PATH", a folder of images whose subfolders, if any, are classes; "avatars:PATH", drawings
    that are composed during training; or "scenes:PATH", a data set that `latentwalk scenes` rendered. Paths are
    relative to the recipe's folder. `mirror` also shows the images of a folder flipped. `critic` is the discriminator's
    widths if they differ from the generator's. `encoder` is the number of steps that the encoder is trained for, 0 for
    no encoder. `stable_rank` normalises the discriminator's weights: 1 bounds their spectral norm alone, less also
    bounds their stable rank by that share of the full one. `augment` is the augmentation of what the discriminator
    sees. `memory` is the half-life of the weight average, in images.
    `mapping_rate` multiplies the learning rate in the mapping network, `momentum` is Adam's first beta: adversarial
    training wants little of both, teaching more. `lazy` is the number of steps between R1 penalties. `start` is the
    folder of a generator to start from; its discriminator is unknown, so `alone` trains only the discriminator for the
    first N images.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    pictures: Annotated[str, Field(pattern=r"^(avatars|folder|scenes):.")]
    widths: Annotated[tuple[int, ...], Field(min_length=2, max_length=8)]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=8)]
    critic: tuple[Annotated[int, Field(ge=1)], ...] = ()
    z: Annotated[int, Field(ge=8, le=512)] = 128
    w: Annotated[int, Field(ge=8, le=512)] = 128
    mapping: Annotated[int, Field(ge=1, le=8)] = 4
    mapping_rate: Annotated[float, Field(gt=0, le=1)] = 0.01
    rate: Annotated[float, Field(gt=0, le=0.1)] = 2.5e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
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
        """The final image side, in pixels."""
        return self.stages[-1].side

    @property
    def length(self) -> int:
        """The number of images over all stages."""
        return sum(stage.pictures for stage in self.stages)

    @property
    def discriminator_widths(self) -> tuple[int, ...]:
        """The discriminator's channels at each resolution."""
        return self.critic or self.widths

    def side_after(self, images: int) -> int:
        """The side that a run has trained at after that many images; 0 before the first."""
        start, side = 0, 0
        for stage in self.stages:
            side = stage.side if images > start else side
            start += stage.pictures
        return side


def read(path: Path) -> Recipe:
    """The recipe in a file. Raises Invalid for a file that cannot be read or holds no valid recipe."""
    try:
        recipe = Recipe.model_validate_json(path.read_bytes())
    except OSError as error:
        raise Invalid(f"The recipe {path.name} cannot be read: {os_reason(error)}.", "Check its path.") from None
    except ValidationError as error:
        field, reason = first_problem(error.errors(include_url=False, include_input=False))
        raise Invalid(
            f"The recipe {path.name} is invalid at {field or 'its start'}: {reason}.", "See recipes/avatars.json."
        ) from None
    sides = [stage.side for stage in recipe.stages]
    if sides != sorted(sides) or any(side & (side - 1) for side in sides):
        raise Invalid("The stages' sides must be powers of two that never shrink.", "Use sides such as 16, 32, 64.")
    taught = any(stage.loss == "taught" for stage in recipe.stages)
    if taught and (not recipe.pictures.startswith("scenes:") or recipe.z != DIMENSIONS):
        raise Invalid(
            "Only rendered scenes have latents to teach with.",
            f"Use “pictures”: “scenes:PATH” and “z”: {DIMENSIONS}, or leave out “loss”.",
        )
    if recipe.side != 4 * 2 ** (len(recipe.widths) - 1):
        raise Invalid(
            f"{len(recipe.widths)} widths do not make a network of {recipe.side} px.",
            "Use one width for each resolution: 4, 8, 16 ... px.",
        )
    if recipe.critic and len(recipe.critic) != len(recipe.widths):
        raise Invalid(
            f"The discriminator has {len(recipe.critic)} widths, the generator {len(recipe.widths)}.",
            "Use as many widths in “critic” as in “widths”.",
        )
    return recipe
