"""Regressors: list them, their cards, uploads and ratings, scores of edits, and directions learned from scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from latentwalk import edit as edits
from latentwalk.edit import LARGEST_SEED
from latentwalk.errors import Invalid
from latentwalk.steering.scores.ratings import Rating
from latentwalk.steering.scores.ratings_table import read_csv
from latentwalk.steering.scores.settings import ScoreSettings
from models.external_text import SeveralLines, SingleLine
from server.api import regressor_schemas, schemas
from server.api.dependencies import ServicesDep
from server.api.middleware.body_limits import RAW
from server.api.permissions import PersonDep, needs
from server.auth.roles import Role
from server.services.regressors import uploads
from server.services.regressors.ratings import ratings_from_json
from server.storage.regressors import LONGEST

router = APIRouter(prefix="/api/regressors")

Name = Annotated[SingleLine, Field(max_length=64)]
Text = Annotated[SeveralLines, Field(max_length=LONGEST)]
Part = Literal["measures", "data", "source", "licence", "limits"]
Score = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Weights = Annotated[dict[Name, Annotated[float, Field(ge=0, le=1e6)]], Field(max_length=64)]
TitleText = Annotated[SingleLine | None, Query(max_length=80)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RatedImage(_Strict):
    """An image that was rated: a seed and class weights, none for the generator's default."""

    seed: Seed
    classes: Weights = {}


class RatingRow(RatedImage):
    """An image and its rating."""

    score: Score


class Pick(_Strict):
    """The better and the worse of two images."""

    better: RatedImage
    worse: RatedImage


class Description(_Strict):
    """Changes to a regressor's title, card and reason; omitted fields stay as they are."""

    title: Annotated[SingleLine, Field(max_length=80)] | None = None
    card: dict[Part, Text] = {}
    reason: Text | None = None


class RatingsBody(Description):
    """Ratings of a generator's images as rows, picks or a CSV table, and the name of the regressor to fit to them."""

    name: Name
    generator: Name
    ratings: Annotated[list[RatingRow], Field(max_length=20_000)] = []
    picks: Annotated[list[Pick], Field(max_length=20_000)] = []
    csv: Annotated[str, Field(max_length=2**18)] | None = None

    def parsed(self) -> Sequence[Rating]:
        """The ratings, whichever way they were given; Invalid unless it is exactly one."""
        if self.csv is None:
            rows, picks = ([row.model_dump() for row in many] for many in (self.ratings, self.picks))
            return ratings_from_json(rows, picks)
        if self.ratings or self.picks:
            raise Invalid("Give a table, ratings or picks, only one of them.", "Send one of the three.")
        return read_csv(self.csv.encode())


class PlanBody(_Strict):
    """Changes to the input plan of an uploaded model, and the generator whose images it is tried on."""

    generator: Name
    plan: dict[Name, Any] = {}


class ScoreBody(_Strict):
    """An edit to score."""

    edit: dict[str, Any]


class LearnBody(_Strict):
    """A direction to learn from a regressor's score; `judge` names a second regressor that re-scores it."""

    generator: Name
    id: Annotated[str, Field(max_length=40)] | None = None
    per_class: bool = False
    reach: Annotated[float, Field(gt=0, lt=1e9)] | None = None
    seed: Seed = 0
    steps: Annotated[int, Field(ge=1, le=20_000)] = 150
    samples: Annotated[int, Field(ge=64, le=100_000)] = 1536
    hold: Annotated[list[Name], Field(max_length=16)] = []
    judge: Name | None = None


@router.get("")
def list_regressors(services: ServicesDep) -> dict[str, Any]:
    """Every regressor: built in, downloaded, uploaded and fitted to ratings, and the stored ones that are damaged."""
    entries, damaged = services.regressors.all_and_damaged()
    return {
        "regressors": [regressor_schemas.regressor(entry) for entry in entries.values()],
        "damaged": schemas.damaged(damaged),
    }


@router.get("/{name}")
def one_regressor(services: ServicesDep, name: str) -> dict[str, Any]:
    """One regressor with its card and, where its score names what people are, the written reason."""
    return regressor_schemas.regressor(services.regressors.find(name), whole=True)


@router.patch("/{name}", dependencies=[needs(Role.EDITOR)])
def describe(services: ServicesDep, name: str, body: Description) -> dict[str, Any]:
    """Fill in or change a regressor's card."""
    entry = services.regressors.describe(name, body.title, _text_by_part(body.card), body.reason)
    return regressor_schemas.regressor(entry, whole=True)


@router.delete("/{name}", status_code=204, dependencies=[needs(Role.ADMIN)])
def remove(services: ServicesDep, name: str) -> None:
    """Remove a regressor that was uploaded or fitted to ratings; directions learned from it stay."""
    services.regressors.remove(name)


@router.post("", openapi_extra=RAW, status_code=201, dependencies=[needs(Role.EDITOR)])
async def upload(
    services: ServicesDep, request: Request, name: Annotated[str, Query(max_length=64)], title: TitleText = None
) -> dict[str, Any]:
    """Keep an ONNX model (the body) as a draft, with a guessed input plan and the list of fields left to confirm."""
    data = await request.body()
    entry = await run_in_threadpool(uploads.keep_draft, services.regressors, data, name, title, {}, None)
    return regressor_schemas.regressor(entry, whole=True)


@router.put("/{name}/plan", dependencies=[needs(Role.EDITOR)])
async def plan(services: ServicesDep, person: PersonDep, name: str, body: PlanBody) -> dict[str, Any]:
    """Confirm or correct the input plan of an uploaded model; it is tried on images, and rejected if that fails."""
    entry = await services.regressor_trials.confirm_plan(name, body.plan, body.generator, person=person.id)
    return regressor_schemas.regressor(entry, whole=True)


@router.post("/{name}/resume", dependencies=[needs(Role.EDITOR)])
def resume(services: ServicesDep, name: str) -> dict[str, Any]:
    """Let a regressor score again that was suspended because its scores took too long."""
    return regressor_schemas.regressor(services.regressors.resume(name), whole=True)


@router.post("/ratings", status_code=202, dependencies=[needs(Role.EDITOR, job=True)])
async def rate(services: ServicesDep, person: PersonDep, body: RatingsBody) -> dict[str, Any]:
    """Fit a regressor to ratings, as a background job; the job fails where they are too few or too noisy."""
    card = _text_by_part(body.card)
    job = await services.learning_jobs.fit_ratings(
        body.generator, body.name, body.title, body.parsed(), card, body.reason, person=person.id
    )
    return schemas.job(job)


@router.post("/{name}/score", dependencies=[needs(Role.VIEWER, quiet=True)])
async def score(services: ServicesDep, person: PersonDep, name: str, body: ScoreBody) -> dict[str, Any]:
    """The regressor's score of an edit's image."""
    score = await services.regressor_trials.score(name, edits.parse(body.edit), person=person.id)
    return {
        "regressor": name,
        "score": score.value,
        "span": list(score.entry.spec.span),
        "warning": score.entry.warning,
    }


@router.post("/{name}/learn", status_code=202, dependencies=[needs(Role.EDITOR, job=True)])
async def learn(services: ServicesDep, person: PersonDep, name: str, body: LearnBody) -> dict[str, Any]:
    """Learn a direction from a regressor's score, as a background job."""
    settings = ScoreSettings(
        name, body.per_class, body.reach, body.steps, seed=body.seed, samples=body.samples, hold=tuple(body.hold)
    )
    job = await services.learning_jobs.learn_from_regressor(
        body.generator, settings, body.judge, body.id, person=person.id
    )
    return schemas.job(job)


def _text_by_part(card: Mapping[Part, str]) -> dict[str, str]:
    return {str(part): text for part, text in card.items()}
