"""Learning a walk that makes a generator imitate a transform, as work cut into small chunks.

The objective is that of "On the steerability of GANs" (Jahanian, Chai, Isola 2020, section 3.1): G(z + alpha w)
should equal edit(G(z), alpha). Differences from the authors' release, each for a reason: w starts at zero, so that
nothing of a random start is left in it; alpha is drawn per picture; the mask is fractional; the rate follows a
cosine; latents are new at every step and a watched, held-out set chooses the walk that is kept.
"""

from __future__ import annotations

import datetime
import functools
from dataclasses import asdict, dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import Kind, LinearWalk, PathWalk, Walk
from latentwalk.errors import Invalid, ModelFailed
from latentwalk.progress import Work, scale_progress
from latentwalk.steering import transforms
from latentwalk.steering.closed_form import closed_form_walk
from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from latentwalk.steering.learning.optimizer import CosineAdam
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.learning.validation import CHUNK, Validation, progress, walked
from latentwalk.steering.loss import multiscale_error
from latentwalk.steering.measuring.calibration import calibrate
from latentwalk.steering.measuring.report_card import measure
from latentwalk.steering.opaque_generator import as_opaque
from latentwalk.steering.transforms import Transform
from models.base import Generator

EVERY = 20  # steps between looks at the watched set
PATIENCE = 5  # looks without a gain before stopping
GAIN = 0.998
LINE_RATE, PATH_RATE = 0.04, 1e-3  # Adam's, in latent units; quicker ones leave noise in weak walks
PATH_STEPS = 2  # steps of a path per asked limit


@dataclass(frozen=True, slots=True)
class LearnSettings:
    """What to learn and how long. A path starts from a line learned in half as many steps.

    `warm_start` is "zero" or "closed_form"; `twin` learns a second walk from the next seed and reports the cosine
    between the two, which doubles the time. `layers` are those that the walk acts on, [first, stop): "all", or "auto",
    which is the earlier half of a style-based generator's for geometry and the later half for colour.
    """

    transform: str
    walk: Kind = "linear"
    steps: int = 400
    batch: int = 16
    seed: int = 0
    warm_start: str = "zero"
    twin: bool = False
    layers: Literal["all", "auto"] | tuple[int, int] = "all"

    def __post_init__(self) -> None:
        if self.walk not in ("linear", "path"):
            raise Invalid(f"“{self.walk}” is not a kind of walk.", "Choose linear or path.")
        if self.warm_start not in ("zero", "closed_form"):
            raise Invalid(f"“{self.warm_start}” is not a start.", "Choose zero or closed_form.")
        if not 1 <= self.steps <= 20_000:
            raise Invalid(f"{self.steps} steps cannot be learned.", "Ask for 1 to 20000; 400 is usual.")
        if not 1 <= self.batch <= 256:
            raise Invalid(f"A batch of {self.batch} cannot be used.", "Ask for 1 to 256; 16 is usual.")
        if not 0 <= self.seed < 2**32:
            raise Invalid(f"{self.seed} is not a seed.", "Seeds run from 0 to 4294967295.")


def learn(
    generator: Generator, settings: LearnSettings, id: str | None = None, name: str | None = None,
    memory: ResumeState | None = None, created: str = "",
) -> Work[Direction]:  # fmt: skip
    """Learn, calibrate and measure one direction; `generator` may be the fast twin.

    With a `memory` that another sitting filled it goes on from there, to the same direction; `created` is its date.
    """
    generator, transform = as_opaque(generator), transforms.find(settings.transform)
    layers = layers_of(generator, transform, settings)
    memory = ResumeState() if memory is None else memory
    walk = yield from scale_progress(fit(generator, transform, settings, memory), 0.0, 0.4 if settings.twin else 0.8)
    seconds = memory.seconds
    cosine = None
    if settings.twin:
        other = replace(settings, seed=(settings.seed + 1) % 2**32)
        second = yield from scale_progress(fit(generator, transform, other, memory, "twin_"), 0.4, 0.8)
        cosine = likeness(generator, walk, second)
    full = PATH_STEPS if walk.kind == "path" else 1.0
    if isinstance(walk, LinearWalk):  # direction and length are kept apart: a unit vector, and steps in latent units
        full = float(walk.vector.norm())
        if full == 0:
            raise ModelFailed(f"{transform.title} taught the walk nothing.", "Ask for more steps.")
        walk = LinearWalk(walk.vector / full)
    measured = yield from scale_progress(calibrate(generator, transform, walk, full, layers), 0.8, 0.88)
    direction = Direction(
        id=id or transform.name,
        name=name or transform.title,
        group=transform.group,
        generator=generator.spec.name,
        fingerprint=generator.spec.fingerprint,
        space=generator.spec.space,
        unit=transform.unit,
        walk=walk,
        curve=measured.curve,
        range=measured.range,
        track=measured.track,
        requested_range=transform.limits(generator.spec.resolution),
        method="walk",
        layers=layers,
        seed=settings.seed,
        created=created or datetime.date.today().isoformat(),
        verdict=measured.verdict,
        note=measured.note,
        licence=generator.spec.card.licence,
        settings={
            **asdict(settings),
            "full_step": full,
            "norm": norm_of(walk),
            "objective": "masked multi-scale L2",
            "precision": generator.precision,
            "raw": measured.raw,
            "seconds": round(seconds, 1),
            "seeds_cosine": cosine,
            "stopped_by": list(measured.stopped_by),
        },
    )
    card = yield from scale_progress(measure(generator, direction), 0.88, 1.0)
    return replace(direction, card=card)


def fit(
    generator: Generator,
    transform: Transform,
    settings: LearnSettings,
    memory: ResumeState | None = None,
    stage: str = "",
) -> Work[Walk]:
    """The walk alone: steps of 1 (line) or `PATH_STEPS` (path) stand for the transform's limit.

    How far it came is remembered under `stage`line and `stage`path.
    """
    memory = ResumeState() if memory is None else memory
    if not generator.differentiable:
        raise Invalid(
            f"No walk can be learned on {generator.spec.title}: it runs in a jail and has no gradient to follow.",
            "Learn from a score, which needs none (--regressor), or look for pca directions.",
        )
    width = generator.spec.width
    source = torch.Generator().manual_seed(settings.seed)
    line = LinearWalk.blank(width)
    if settings.warm_start == "closed_form":
        line = _warm(generator, transform)
    if settings.walk == "linear":
        goal = _Goal(transform, settings, 1.0, settings.steps, LINE_RATE, source)
        return (yield from _descend(generator, line, goal, memory, f"{stage}line"))
    half = max(settings.steps // 2, 1)
    goal = _Goal(transform, settings, 1.0, half, LINE_RATE, source)
    first = _descend(generator, line, goal, memory, f"{stage}line")
    found = yield from scale_progress(first, 0.0, 0.3)
    assert isinstance(found, LinearWalk)
    path = PathWalk.blank(width, settings.seed)
    path.weights["up.outer_bias"].copy_(found.vector / PATH_STEPS)
    path.weights["down.outer_bias"].copy_(-found.vector / PATH_STEPS)
    goal = _Goal(transform, settings, PATH_STEPS, settings.steps, PATH_RATE, source)
    return (yield from scale_progress(_descend(generator, path, goal, memory, f"{stage}path"), 0.3, 1.0))


def layers_of(generator: Generator, transform: Transform, settings: LearnSettings) -> tuple[int, int] | None:
    """The layers that a walk acts on; None for all of them.

    Early layers of a style-based generator hold pose and shape, late ones colour (Karras et al. 2019, section 3.1).
    """
    count = generator.spec.layers
    if isinstance(settings.layers, tuple):
        first, stop = settings.layers
        if not 0 <= first < stop <= count:
            raise Invalid(
                f"A walk cannot act on layers {first} to {stop}: {generator.spec.name} has {count}.",
                f"Use a range inside 0 to {count}.",
            )
        return settings.layers if stop - first < count else None
    halves = {"geometry": (0, -(-count // 2)), "colour": (count // 2, count)}
    return halves.get(transform.group) if settings.layers == "auto" and count > 1 else None


def likeness(generator: Generator, first: Walk, second: Walk) -> float:
    """The cosine between two walks: of their vectors, or for paths of where they take held-out latents by half."""
    if isinstance(first, LinearWalk) and isinstance(second, LinearWalk):
        return float(cosine_similarity(first.vector, second.vector, dim=0))
    latents = sample_latents(generator, 64, Role.JUDGE).latents
    ends = []
    with torch.no_grad():
        for walk in (first, second):
            for sign in (1, -1):
                ends.append(walk.move(latents, latents.new_full((64,), sign * PATH_STEPS / 2)) - latents)
    return float(torch.cat([cosine_similarity(ends[i], ends[i + 2], dim=1) for i in (0, 1)]).mean())


def norm_of(walk: Walk) -> str:
    """How a walk treats the length of z, in words for its card."""
    return "kept at every step" if walk.kind == "path" else "free"


def _warm(generator: Generator, transform: Transform) -> LinearWalk:
    start = closed_form_walk(generator, transform)
    if start is None:
        raise Invalid(
            f"There is no closed form of {transform.title.lower()} for {generator.spec.name}.",
            "Start from zero, or pick a transform that moves the picture.",
        )
    return LinearWalk(start.cpu().clone())


@dataclass(frozen=True, slots=True, eq=False)
class _Goal:
    # What a walk is to do by step `full`, and how it is taught.
    transform: Transform
    settings: LearnSettings
    full: float
    steps: int
    rate: float
    source: torch.Generator


def _descend(generator: Generator, walk: Walk, goal: _Goal, memory: ResumeState, stage: str) -> Work[Walk]:
    transform, full, steps, batch = goal.transform, goal.full, goal.steps, goal.settings.batch
    limit = transform.unit.coordinate(transform.limits(generator.spec.resolution)[1])
    descent = CosineAdam(walk.tensors(), goal.rate, steps, goal.source)
    watch = Validation(generator, transform, limit, layers_of(generator, transform, goal.settings))
    if (saved := memory.get(stage)) is not None:
        descent.restore(saved)
        yield progress(descent.step, steps, descent.losses)
    while descent.step < steps and not descent.is_over:
        step = descent.step + 1
        drawn = sample_latents(generator, batch, Role.LEARN, goal.source)
        shares = torch.rand(batch, generator=goal.source) * 2 - 1
        descent.clear()
        total = 0.0
        for start, chunk in enumerate(drawn.split(CHUNK)):
            share = shares[start * CHUNK : start * CHUNK + len(chunk)].to(generator.device)
            total += _accumulate(generator, transform, walk, watch.layers, chunk, share, limit, full, batch)
            yield progress(step, steps, descent.losses)
        descent.descend(total)
        if step % EVERY == 0 or step == steps:
            held_out = yield from watch.loss(walk, full, step, steps, descent.losses)
            descent.looked(held_out, GAIN, PATIENCE)
            told = progress(step, steps, descent.losses, strip=watch.strip(walk, full))
            yield replace(told, remember=functools.partial(memory.put, stage, descent.saved()))
    kept = descent.kept
    return LinearWalk(kept["vector"]) if isinstance(walk, LinearWalk) else PathWalk(kept)


def _accumulate(
    generator: Generator, transform: Transform, walk: Walk, layers: tuple[int, int] | None, chunk: LatentBatch,
    share: Tensor, limit: float, full: float, batch: int,
) -> float:  # fmt: skip
    with torch.no_grad():
        target, mask = transform(generator.synthesize(chunk.latents, chunk.classes), share * limit)
    images = walked(generator, walk, layers, chunk, share * full)
    loss = multiscale_error(images, target, mask).sum() / batch
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())
