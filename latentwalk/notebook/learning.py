"""Learning and measuring directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from PIL import Image

from latentwalk.directions.direction import Direction, check_id
from latentwalk.errors import Invalid
from latentwalk.notebook.callable_regressor import ScoreFunction, regressor_of
from latentwalk.notebook.generator_handle import AnyGenerator, GeneratorHandle, open_generator
from latentwalk.progress import Progress, finish
from latentwalk.rendering import precision
from latentwalk.steering import transforms
from latentwalk.steering.learning import learn as transform_learning
from latentwalk.steering.learning.settings import LearnSettings
from latentwalk.steering.measuring import report_card as transform_report
from latentwalk.steering.preview_strips import preview_strip
from latentwalk.steering.scores import learn as score_learning
from latentwalk.steering.scores import report_card as score_report
from latentwalk.steering.scores.report_card import RegressorSet
from latentwalk.steering.scores.settings import ScoreSettings
from latentwalk.steering.transforms import Transform
from models.regressors.image_measures import MEASURES
from models.regressors.protocol import Regressor
from models.specs import name_from_title, title_from_name

Report = Callable[[Progress], None]
Score = str | Regressor | ScoreFunction


def learn(
    generator: AnyGenerator,
    transform: str | Transform,
    *,
    steps: int = 400,
    batch: int = 16,
    seed: int = 0,
    walk: Literal["linear", "path"] = "linear",
    layers: Literal["all", "auto"] | tuple[int, int] = "all",
    id: str | None = None,
    name: str | None = None,
    progress: Report | None = None,
) -> Direction:
    """Learn a direction that imitates an image transform, calibrate it and measure it.

    The objective is that of "On the steerability of GANs" (Jahanian, Chai, Isola 2020, section 3.1).

    generator  anything that `open_generator` accepts
    transform  the name of a transform ("zoom", "shift_x", "shift_y", "rotate", "brightness", ...) or one that
               `@latentwalk.transform` made
    steps      optimizer steps, 1 to 20000. 400 is usual; fewer give a rougher direction with a weaker verdict
    batch      images per step, 1 to 256
    seed       of the random latents; equal arguments give equal directions
    walk       "linear", or "path": a small network repeated step by step
    layers     the layers [first, stop) it acts on; "auto" is the earlier half for geometry and the later for colour
    id, name   of the direction; the transform's unless given
    progress   called with a `Progress` after each chunk of work, such as `latentwalk.TextBar()`

    The returned direction carries its report card as `card`. Raises NotFound for an unknown transform, Invalid for
    arguments out of range, ModelFailed where the network fails or nothing is learned.
    """
    handle = open_generator(generator)
    chosen = transform if isinstance(transform, Transform) else transforms.find(transform)
    if transforms.find(chosen.name) is not chosen:
        raise Invalid(f"There are two transforms “{chosen.name}”.", "Give yours another name.")
    settings = LearnSettings(chosen.name, walk, steps, batch, seed, layers=layers)
    quick = precision.choose(handle.model)
    return finish(transform_learning.learn(quick, settings, id=id, name=name), progress or _quiet)


def learn_score(
    generator: AnyGenerator,
    score: Score,
    *,
    name: str | None = None,
    id: str | None = None,
    steps: int = 150,
    batch: int = 16,
    seed: int = 0,
    samples: int = 1536,
    warm: int = 640,
    reach: float | None = None,
    per_class: bool = False,
    hold: Sequence[str] = (),
    differentiable: bool | None = None,
    progress: Report | None = None,
) -> Direction:
    """Learn a direction along which a score rises, calibrate it and measure it.

    The objective is that of "GANalyze" (Goetschalckx et al. 2019, section 3). Where the score has no gradient, a
    student network is fitted to it first.

    generator  anything that `open_generator` accepts
    score      a function from images, float32 [N, 3, H, W] in [-1, 1] on the generator's device, to N numbers (a
               tensor, an array or a list); or the name of a built-in measure such as "brightness" or "colourfulness"
    name, id   of the direction; the function's name unless given
    steps, batch, seed
               as in `learn`; 150 steps are usual
    samples    images that are scored where the score has no gradient, 64 to 100000
    warm       images that are scored to find a start where it has one, 0 or 64 to 100000
    reach      change of the score at the end of the track, in score units; None takes 2.5 standard deviations of the
               scores of the generator's own images
    per_class  learn one vector for each class
    hold       ids of directions that the new one is made orthogonal to
    differentiable
               whether gradients flow from the score to the image; None finds out
    progress   as in `learn`

    The unit of the amounts is the score itself. Raises Invalid where the function fails or scores all images the
    same, ModelFailed where nothing is learned.
    """
    handle = open_generator(generator)
    title = name or (score if isinstance(score, str) else _name_of(score))
    chosen = id or _slug(title)
    check_id(chosen)
    regressors = _regressors(handle, score, title, differentiable)
    settings = ScoreSettings(
        chosen, per_class=per_class, reach=reach, steps=steps, batch=batch, seed=seed, samples=samples, warm=warm,
        hold=tuple(hold),
    )  # fmt: skip
    held = [_held(handle, id) for id in hold]
    quick = precision.choose(handle.model)
    work = score_learning.learn(quick, regressors, settings, chosen, title_from_name(title), held)
    return finish(work, progress or _quiet)


def measure(
    generator: AnyGenerator,
    direction: Direction,
    *,
    score: Score | None = None,
    latents: int | None = None,
    progress: Report | None = None,
) -> dict[str, Any]:
    """The report card of a direction, as JSON data, measured on held-out latents.

    `slope` is the achieved change over the requested change inside the usable range, with the 95 % interval
    `slope_ci`; `reached` is a list of [requested, achieved, low, high] in the unit; `monotone` is the share of latents
    whose achieved amounts rise at every step; `leakage` is what changed besides. A direction that `learn_score` made
    needs its `score` again. `latents` is the number of latents, 128 unless given. Raises Invalid for a direction of
    another generator, or one that was discovered and imitates nothing.
    """
    handle = open_generator(generator)
    if direction.method != score_learning.METHOD:
        return finish(transform_report.measure(handle.model, direction, latents), progress or _quiet)
    if score is None:
        raise Invalid(f"{direction.name} was learned from a score.", "Pass the score as well: measure(..., score=...).")
    regressors = _regressors(handle, score, direction.name, None)
    count = latents or score_report.LATENTS
    return finish(score_report.measure(handle.model, direction, regressors, count), progress or _quiet)


def strip(generator: AnyGenerator, direction: Direction, *, rows: int = 3, columns: int = 7) -> Image.Image:
    """Images of `rows` held-out latents across a direction's usable range, the neutral one in the middle column."""
    handle = open_generator(generator)
    return Image.fromarray(preview_strip(handle.model, direction, rows, columns).numpy())


def _regressors(handle: GeneratorHandle, score: Score, title: str, differentiable: bool | None) -> RegressorSet:
    # The score, and the built-in measures, which show what else changes.
    measures: list[Regressor] = list(MEASURES.values())
    if isinstance(score, str):
        if score not in MEASURES:
            raise Invalid(f"There is no measure “{score[:60]}”.", f"There are {', '.join(MEASURES)}.")
        return RegressorSet(MEASURES[score], measures)
    if isinstance(score, Regressor):
        return RegressorSet(score, measures)
    name = _slug(title)
    regressor = regressor_of(score, handle.model, name=name, title=title, differentiable=differentiable)
    return RegressorSet(regressor, measures)


def _held(handle: GeneratorHandle, id: str) -> Direction:
    if id not in handle.directions:
        raise Invalid(f"{handle.spec.name} has no direction “{id[:60]}” to hold.", "Choose one of its directions.")
    return handle.directions[id]


def _name_of(score: Regressor | ScoreFunction) -> str:
    if isinstance(score, Regressor):
        return score.spec.title
    name = getattr(score, "__name__", type(score).__name__)
    return "score" if name == "<lambda>" else str(name)


def _slug(title: str) -> str:
    return name_from_title(title, otherwise="score")


def _quiet(progress: Progress) -> None:
    return
