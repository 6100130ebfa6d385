"""Edit: the frozen value that describes one image completely, with its validation and its canonical JSON form."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from latentwalk.errors import Invalid, first_problem
from models.base import Mean
from models.external_text import SingleLine

LARGEST_SEED = 2**32 - 1
MOST_SEEDS = 16
MOST_LAYERS = 256
LONGEST_LATENT = 64 * 1024  # characters; a latent of 18 layers of 512 numbers needs 24,576
EXACT_INTEGERS = 2**53  # below this a float holds every integer exactly

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Seed = Annotated[int, Field(strict=True, ge=0, le=LARGEST_SEED)]
Weight = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e6)]
SignedWeight = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e6, le=1e6)]
SeedText = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,9})$")]
Name = Annotated[SingleLine, Field(min_length=1, max_length=64)]


class FrozenModel(BaseModel):
    """Base of the JSON values: immutable, unknown keys are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Base(FrozenModel):
    """The point an edit starts from: one seed, a weighted mix of seeds, or a stored latent.

    A mix in `space` "z" needs weights of zero or more and keeps the variance of the prior. A mix in "w", after the
    mapping network, is the weighted mean, and its weights may be negative, as those of a spline are. `latent` is the
    output of `latents.latent_codec.encode_latent`, in the generator's editing space.
    """

    seed: Seed | None = None
    seeds: Annotated[dict[SeedText, SignedWeight], Field(max_length=MOST_SEEDS)] | None = None
    space: Literal["z", "w"] = "z"
    latent: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{2,}$", max_length=LONGEST_LATENT)] | None = None

    def weights(self) -> dict[int, float]:
        """Weight by seed, in the order of the seeds. A single seed has weight 1; a stored latent has no seeds."""
        if self.latent is not None:
            return {}
        if self.seeds is not None:
            return {int(seed): weight for seed, weight in sorted(self.seeds.items(), key=lambda pair: int(pair[0]))}
        return {self.seed or 0: 1.0}


class Edit(FrozenModel):
    """The recipe of one image. The same edit of the same generator always gives the same image.

    generator   name of the generator
    base        where in latent space the image starts
    classes     weight by class, normalised to sum 1; empty means the generator's default
    truncation  0 to 2: latent = mean + truncation * (latent - mean)
    amounts     amount by direction id, in the direction's own unit; a missing direction is neutral
    layers      layer range [start, stop) by direction id, which limits where the direction acts
    hold        direction ids whose axes are projected out of all other directions' displacements
    cutoff      truncate only the layers before this one
    mean        truncate towards the weights' mean ("own"), the classes' means, or one mean over all classes
    styles      layer range [start, stop) by seed: those layers take the latent of that seed (style mixing)
    """

    generator: Name
    base: Base
    classes: Annotated[dict[Name, Weight], Field(max_length=4096)] = {}
    truncation: Annotated[Number, Field(ge=0, le=2)] = 1.0
    amounts: Annotated[dict[Name, Number], Field(max_length=256)] = {}
    layers: Annotated[dict[Name, tuple[int, int]], Field(max_length=256)] = {}
    hold: Annotated[tuple[Name, ...], Field(max_length=32)] = ()
    cutoff: Annotated[int, Field(strict=True, ge=1, le=MOST_LAYERS)] | None = None
    mean: Mean = "own"
    styles: Annotated[dict[SeedText, tuple[int, int]], Field(max_length=MOST_SEEDS)] = {}

    def directions(self) -> tuple[str, ...]:
        """The ids of all directions that influence the image, sorted."""
        return tuple(sorted({*self.amounts, *self.hold, *self.layers}))


def parse(data: object) -> Edit:
    """An Edit from decoded JSON. Raises Invalid, with a message that names the field, for anything else."""
    try:
        edit = Edit.model_validate(data)
    except ValidationError as error:
        raise Invalid(_message(error), 'An edit needs a generator and a base such as {"seed": 7}.') from None
    _check_base(edit)
    if edit.classes and not sum(edit.classes.values()) > 0:
        raise Invalid("The class weights are all zero.", "Give at least one class a weight above zero.")
    return edit


def parse_text(text: str | bytes) -> Edit:
    """An Edit from JSON text. Raises Invalid where the text is not JSON or not an edit."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("The edit is not JSON.", "Send a JSON object with generator and base.") from None
    return parse(data)


def canonical(edit: Edit) -> str:
    """The canonical JSON of an edit: sorted keys, no spaces, defaults omitted, integral numbers without a point."""
    data = shortest_numbers(edit.model_dump(exclude_defaults=True))
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def share_code(edit: Edit) -> str:
    """The fragment of a share link: base64url of the canonical JSON, without padding."""
    return base64.urlsafe_b64encode(canonical(edit).encode()).decode().rstrip("=")


def shortest_numbers(value: Any) -> Any:
    """JSON data with integral floats as integers, so that 1 and 1.0 have one spelling."""
    if isinstance(value, dict):
        return {name: shortest_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [shortest_numbers(inner) for inner in value]
    integral = isinstance(value, float) and value.is_integer() and abs(value) < EXACT_INTEGERS
    return int(value) if integral else value


def _check_base(edit: Edit) -> None:
    # What the types of the fields cannot express.
    base, weights = edit.base, edit.base.weights()
    if sum(start is not None for start in (base.seed, base.seeds, base.latent)) != 1:
        message = "An edit's base is one seed, or seeds with weights, or a latent, and just one of these."
        raise Invalid(message, 'Write {"seed": 7}.')
    if max([*weights, *map(int, edit.styles)], default=0) > LARGEST_SEED:
        raise Invalid(f"Seeds run from 0 to {LARGEST_SEED}.", "Choose a smaller seed.")
    negative = next((seed for seed, weight in weights.items() if weight < 0 and base.space == "z"), None)
    if negative is not None:
        message = f"The edit's base.seeds.{negative} is wrong: its weight is below zero."
        raise Invalid(message, 'Negative weights are only valid in a mix with "space": "w".')
    if base.latent is None and not sum(weights.values()) > 0:
        raise Invalid("The weights of the seeds are all zero.", "Give at least one seed a weight above zero.")


def _message(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field, reason = first_problem([{**first, "loc": [part for part in first["loc"] if part != "[key]"]}])
    if first["type"] == "extra_forbidden":
        return f"An edit has no field “{field[:60]}”."
    if first["type"] == "missing":
        return f"The edit has no {field}."
    if not field:
        return "The edit is not a JSON object."
    return f"The edit's {field[:60]} is wrong: {reason}."
