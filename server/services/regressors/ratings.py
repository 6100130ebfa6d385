"""Fit a regressor to ratings: the request, and the task that does it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import safetensors.torch

from latentwalk.directions.direction import check_id
from latentwalk.errors import Invalid
from latentwalk.progress import Work
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.scores.ratings import PairwiseChoice, Rating, bradley_terry, fit_ratings
from models.regressors.protocol import RegressorCard
from models.regressors.ratings_model import RatingsRegressor
from models.sandbox.device_turn import off_device
from models.specs import title_from_name
from server.jobs.task import SHORT, Task, run_in_thread
from server.services.job_request import LearningRequest
from server.storage.db.job import Kind
from server.storage.regressor_entry import PARTS, RegressorEntry
from server.storage.regressors import RATINGS, WEIGHTS, Regressors

UNIT = "points"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingsRequest(LearningRequest):
    """A regressor to fit to ratings of a generator's images, to be kept under `name` with its card.

    `reason` says why a score that names a sensitive trait of people is needed; None where it names none.
    """

    kind: ClassVar[Kind] = "judge"

    name: str
    title: str
    ratings: tuple[Rating, ...]
    card: Mapping[str, str]
    reason: str | None = None

    @classmethod
    def new(
        cls,
        generator: str,
        name: str,
        title: str | None,
        ratings: Sequence[Rating],
        card: Mapping[str, str],
        reason: str | None,
    ) -> RatingsRequest:
        """A checked request; the title is made from the name unless one is given."""
        check_id(name, "regressor")
        return cls(
            generator=generator,
            name=name,
            title=title or title_from_name(name),
            ratings=tuple(ratings),
            card=dict(card),
            reason=reason,
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> RatingsRequest:
        """Read what `to_json` wrote."""
        return cls(**{**stored, "ratings": tuple(Rating(**row) for row in stored["ratings"])})


def task(request: RatingsRequest, loaded: LoadedGenerator, regressors: Regressors) -> Task:
    """Fit the regressor and keep it with its ratings. The result has its name and how well it predicts.

    The work raises Invalid where the ratings are too few, or too noisy to be distinguished from chance.
    """
    generator = loaded.exact

    def make(resume_state: ResumeState) -> Work[Mapping[str, Any]]:
        fit = yield from fit_ratings(generator, request.ratings)
        low, high = fit.interval
        written = {
            "data": f"{fit.n} images of {generator.spec.title}, rated by hand.",
            "limits": (
                f"Held-out correlation with the ratings: {fit.correlation:.2f} (95 % interval {low:.2f} to "
                f"{high:.2f}). It reflects the taste of the people who rated, on images of one generator."
            ),
            **{part: text for part, text in request.card.items() if text.strip()},
        }
        card = RegressorCard(**{part: written.get(part, "") for part in PARTS})
        regressor = RatingsRegressor(request.name, request.title, UNIT, fit.span, card, fit.state)
        trust = {"correlation": fit.correlation, "interval": [low, high], "n": fit.n, "generator": generator.spec.name}
        entry = RegressorEntry(regressor.spec, "ratings", reason=request.reason, trust=trust)
        rows = [asdict(rating) for rating in request.ratings]
        source = json.dumps({"generator": generator.spec.name, "ratings": rows}).encode()
        state = {key: tensor.contiguous() for key, tensor in regressor.state.items()}
        with off_device():
            regressors.keep(entry, {WEIGHTS: safetensors.torch.save(state), RATINGS: source})
        return {"regressor": request.name, **trust}

    return Task(make, run_in_thread, SHORT)


def ratings_from_json(rows: Sequence[Mapping[str, Any]], picks: Sequence[Mapping[str, Any]]) -> list[Rating]:
    """Ratings from JSON: rows of seed, classes and score, or picks of a better and a worse image, not both.

    Picks become scores by the Bradley-Terry model.
    """
    if bool(rows) == bool(picks):
        raise Invalid(
            "Give ratings or picks, not both and not neither.", "Rate images from 1 to 5, or pick the better of two."
        )
    if rows:
        return [Rating(row["seed"], row["score"], row.get("classes") or {}) for row in rows]
    pairs = [[(side["seed"], side.get("classes") or {}) for side in (pick["better"], pick["worse"])] for pick in picks]
    return bradley_terry([PairwiseChoice(better, worse) for better, worse in pairs])
