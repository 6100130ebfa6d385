"""Regressors: the judges there are, their cards, what they say of a picture, and sliders learned from what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from latentwalk import edit as edits
from latentwalk.edit import LARGEST_SEED
from latentwalk.errors import Invalid
from latentwalk.steering.scores.ratings import read_csv
from latentwalk.steering.scores.settings import ScoreSettings
from server.api import regressor_schemas, schemas
from server.api.dependencies import ServicesDep
from server.api.middleware.body_limits import RAW
from server.api.permissions import PersonDep, needs
from server.auth.roles import Role
from server.services import regressor_learning
from server.storage.regressors import LONGEST

router = APIRouter(prefix="/api/regressors")

Name = Annotated[str, Field(max_length=64)]
Text = Annotated[str, Field(max_length=LONGEST)]
Part = Literal["measures", "data", "source", "licence", "limits"]
Score = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Weights = Annotated[dict[Name, Annotated[float, Field(ge=0, le=1e6)]], Field(max_length=64)]
TitleText = Annotated[str | None, Query(max_length=80)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Shown(_Strict):
    """A picture that was rated."""

    seed: Seed
    classes: Weights = {}


class Rated(Shown):
    """A picture and its rating."""

    score: Score


class Picked(_Strict):
    """Which of two was better."""

    better: Shown
    worse: Shown


class Described(_Strict):
    """What is said of a judge; what is left out stays as it is."""

    title: Annotated[str, Field(max_length=80)] | None = None
    card: dict[Part, Text] = {}
    reason: Text | None = None


class Ratings(Described):
    """Ratings of a generator's pictures, in one of three ways, and what the judge made of them is called."""

    name: Name
    generator: Name
    ratings: Annotated[list[Rated], Field(max_length=20_000)] = []
    picks: Annotated[list[Picked], Field(max_length=20_000)] = []
    csv: Annotated[str, Field(max_length=2**18)] | None = None


class Planned(_Strict):
    """How an uploaded model wants its pictures, as far as it is to change, and whose pictures to try it on."""

    generator: Name
    plan: dict[Name, Any] = {}


class Asked(_Strict):
    """Whose score is wanted."""

    edit: dict[str, Any]


class Learn(_Strict):
    """A slider to learn from a judge's score."""

    generator: Name
    id: Annotated[str, Field(max_length=40)] | None = None
    per_class: bool = False
    reach: Annotated[float, Field(gt=0, lt=1e9)] | None = None
    seed: Seed = 0
    steps: Annotated[int, Field(ge=1, le=20_000)] = 150
    samples: Annotated[int, Field(ge=64, le=100_000)] = 1536
    hold: Annotated[list[Name], Field(max_length=16)] = []
    judge: Name | None = None


def _words(card: Mapping[Part, str]) -> dict[str, str]:
    return {str(part): text for part, text in card.items()}


@router.get("")
def list_regressors(services: ServicesDep) -> dict[str, Any]:
    """Every judge: built in, fetched, uploaded and made from ratings."""
    return {"regressors": [regressor_schemas.regressor(entry) for entry in services.regressors.all().values()]}


@router.get("/{name}")
def one_regressor(services: ServicesDep, name: str) -> dict[str, Any]:
    """One judge with its card and, where it names what people are, the written reason."""
    return regressor_schemas.regressor(services.regressors.find(name), whole=True)


@router.patch("/{name}", dependencies=[needs(Role.EDITOR)])
def describe(services: ServicesDep, name: str, wish: Described) -> dict[str, Any]:
    """Fill in or change a judge's card."""
    entry = services.regressors.describe(name, wish.title, _words(wish.card), wish.reason)
    return regressor_schemas.regressor(entry, whole=True)


@router.delete("/{name}", status_code=204, dependencies=[needs(Role.ADMIN)])
def remove(services: ServicesDep, name: str) -> None:
    """Remove an uploaded judge or one made from ratings; its sliders stay."""
    services.regressors.remove(name)


@router.post("", openapi_extra=RAW, status_code=201, dependencies=[needs(Role.EDITOR)])
async def upload(
    services: ServicesDep, request: Request, name: Annotated[str, Query(max_length=64)], title: TitleText = None
) -> dict[str, Any]:
    """Keep an ONNX file, the request's body, as a draft of a judge. It is opened in a jail, and nowhere else."""
    return regressor_schemas.regressor(await services.studio.upload(await request.body(), name, title), whole=True)


@router.put("/{name}/plan", dependencies=[needs(Role.EDITOR)])
async def plan(services: ServicesDep, name: str, wish: Planned) -> dict[str, Any]:
    """Confirm or correct how an uploaded judge is shown pictures; it is tried on some, and refused if they fail."""
    return regressor_schemas.regressor(await services.studio.plan(name, wish.plan, wish.generator), whole=True)


@router.post("/ratings", status_code=202, dependencies=[needs(Role.EDITOR, job=True)])
async def rate(services: ServicesDep, who: PersonDep, wish: Ratings) -> dict[str, Any]:
    """Make a judge of ratings, in the background; too few or too noisy ones end as a failed job that says so."""
    if wish.csv is not None:
        if wish.ratings or wish.picks:
            raise Invalid("Give a table, ratings or picks, only one of them.", "Send one of the three.")
        found = read_csv(wish.csv.encode())
    else:
        rows, picks = ([one.model_dump() for one in many] for many in (wish.ratings, wish.picks))
        found = regressor_learning.ratings_of(rows, picks)
    title = wish.title or wish.name.replace("_", " ").capitalize()
    card = _words(wish.card)
    job = await services.studio.rate(wish.generator, wish.name, title, found, card, wish.reason, person=who.id)
    return schemas.job(job)


@router.post("/{name}/score", dependencies=[needs(Role.VIEWER, quiet=True)])
async def score(services: ServicesDep, name: str, wish: Asked) -> dict[str, Any]:
    """What a judge says of an edit's exact picture."""
    entry, value = await services.studio.score(name, edits.parse(wish.edit))
    return {"regressor": name, "score": value, "span": list(entry.spec.span), "warning": entry.warning}


@router.post("/{name}/learn", status_code=202, dependencies=[needs(Role.EDITOR, job=True)])
async def learn(services: ServicesDep, who: PersonDep, name: str, wish: Learn) -> dict[str, Any]:
    """Learn a slider from a judge's score, in the background."""
    settings = ScoreSettings(
        name, wish.per_class, wish.reach, wish.steps, seed=wish.seed, samples=wish.samples, hold=tuple(wish.hold)
    )
    job = await services.studio.learn_score(wish.generator, settings, wish.judge, wish.id, person=who.id)
    return schemas.job(job)
