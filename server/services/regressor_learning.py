"""What people ask of judges: a score now, judges from ratings and uploads, and sliders learned from their scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import safetensors.torch
import torch

from latentwalk.directions.direction import Direction, check_id
from latentwalk.edit import Edit
from latentwalk.errors import Invalid
from latentwalk.latents.resolve import resolve
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.preview_strips import preview_strip
from latentwalk.steering.scores.learn import learn
from latentwalk.steering.scores.ratings import PairwiseChoice, Rating, bradley_terry, fit_ratings
from latentwalk.steering.scores.report_card import RegressorSet
from latentwalk.steering.scores.scoring import scores
from latentwalk.steering.scores.settings import ScoreSettings
from latentwalk.steering.transforms import transforms
from models.base import Generator
from models.regressors.protocol import Regressor, RegressorCard
from models.regressors.ratings_model import RatingsRegressor
from server.storage.library import Library
from server.storage.regressors import RATINGS, WEIGHTS, RegressorEntry, Regressors


def regressor_set(regressors: Regressors, name: str, second: str | None = None) -> RegressorSet:
    """The judge of that name beside every measure, and a second judge if one is named. Refuses a judge without a
    full card, and one that would judge itself."""
    regressors.usable(name)
    if second == name:
        raise Invalid("A judge cannot check itself.", "Name another regressor as the second judge.")
    other = regressors.load(second) if second else None
    return RegressorSet(regressors.load(name), regressors.measures(), other)


def held_directions(directions: Mapping[str, Direction], names: Sequence[str], generator: str) -> list[Direction]:
    """The directions to be kept off; Invalid for those that are not there or have no one axis."""
    found = []
    for name in names:
        if name not in directions:
            raise Invalid(f"{generator} has no direction “{name[:60]}” to hold.", "Pick some of its sliders.")
        if directions[name].walk.kind == "path":
            raise Invalid(
                f"{directions[name].name} is a path and cannot be held.", "Hold a straight direction instead."
            )
        found.append(directions[name])
    return found


def slider_name(entry: RegressorEntry, id: str | None) -> tuple[str, str]:
    """The id and the name of a slider. One that names people is called by what it is: a judge's guess."""
    # A transform of that name has a slider already, and the two are not the same.
    chosen = id or (f"{entry.spec.name}_score" if entry.spec.name in transforms() else entry.spec.name)
    check_id(chosen)
    if entry.sensitive:
        return chosen, f"Towards what “{entry.spec.title}” scores high"
    rest = chosen.removeprefix(f"{entry.spec.name}_")
    if chosen == entry.spec.name:
        return chosen, entry.spec.title
    return chosen, f"{entry.spec.title} {rest.replace('_', ' ')}" if rest != chosen else chosen.replace(
        "_", " "
    ).capitalize()


def learn_score_direction(
    library: Library, ready: LoadedGenerator, generator: Generator, jury: RegressorSet, entry: RegressorEntry,
    settings: ScoreSettings,
    id: str | None, keep: Callable[[Direction, Any], None], memory: ResumeState | None = None, created: str = "",
) -> Work[Mapping[str, Any]]:  # fmt: skip
    """Learn a slider by score and keep it with its strip."""
    chosen, name = slider_name(entry, id)
    off = held_directions(library.directions(generator.spec.name), settings.hold, generator.spec.name)
    work = learn(generator, jury, settings, chosen, name, off, entry.about(), memory, created)
    direction = yield from scale_progress(work, 0.0, 0.99)
    picture = preview_strip(ready.exact, direction)
    keep(direction, picture)
    yield Progress(1.0, "Kept", strip=picture)
    return {"generator": direction.generator, "direction": direction.id, "card": dict(direction.card or {})}


def fit_ratings_regressor(
    regressors: Regressors, generator: Generator, name: str, title: str, ratings: Sequence[Rating],
    card: Mapping[str, str], reason: str | None, unit: str = "points",
) -> Work[Mapping[str, Any]]:  # fmt: skip
    """Make a judge of ratings and keep it; refused where they are too few or too noisy."""
    found = yield from fit_ratings(generator, ratings)
    low, high = found.interval
    said = {
        "data": f"{found.n} pictures of {generator.spec.title}, rated by hand.",
        "limits": (
            f"Predicted for pictures held out, its scores correlate with the ratings by {found.correlation:.2f} "
            f"(95 % interval {low:.2f} to {high:.2f}). It knows one rater's taste on one generator's pictures."
        ),
        **{part: text for part, text in card.items() if text.strip()},
    }
    whole = RegressorCard(**{part: said.get(part, "") for part in ("measures", "data", "source", "licence", "limits")})
    judge = RatingsRegressor(name, title, unit, found.span, whole, found.state)
    trust = {"correlation": found.correlation, "interval": [low, high], "n": found.n, "generator": generator.spec.name}
    entry = RegressorEntry(judge.spec, "ratings", reason=reason, trust=trust)
    told = json.dumps({"generator": generator.spec.name, "ratings": [asdict(one) for one in ratings]}).encode()
    state = {key: tensor.contiguous() for key, tensor in judge.state.items()}
    regressors.keep(entry, {WEIGHTS: safetensors.torch.save(state), RATINGS: told})
    return {"regressor": name, **trust}


def ratings_of(rows: Sequence[Mapping[str, Any]], picks: Sequence[Mapping[str, Any]]) -> list[Rating]:
    """Ratings from what the page collects: rows of seed, classes and score, or picks of better and worse."""
    if bool(rows) == bool(picks):
        raise Invalid("Give ratings or picks, not both or neither.", "Rate pictures 1 to 5, or pick the better of two.")
    if rows:
        return [Rating(row["seed"], row["score"], row.get("classes") or {}) for row in rows]
    ends = [[(side["seed"], side.get("classes") or {}) for side in (one["better"], one["worse"])] for one in picks]
    return bradley_terry([PairwiseChoice(better, worse) for better, worse in ends])


def score_of(judge: Regressor, edit: Edit, ready: LoadedGenerator) -> float:
    """The score of an edit's exact picture."""
    latent, classes = resolve(edit, ready.exact, ready.directions())
    with torch.inference_mode():
        image = ready.exact.synthesize(latent, classes)
        return float(scores(judge, image)[0])
