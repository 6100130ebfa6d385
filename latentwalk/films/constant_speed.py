"""Constant perceptual speed: a walk is re-timed by arc length in image distance, so that its motion is even."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentwalk.edit import Edit
from latentwalk.films.route import Route
from latentwalk.progress import Progress, Work
from latentwalk.rendering.image_codec import Pixels, flatten_alpha, to_image

SIDE = 64  # px of the longer side at which images are compared
COARSE, FINE = 12, 24  # times measured for each keyframe, in the first pass and in the second
FEWEST, MOST = 64, 600
Draw = Callable[[Edit], Pixels]
Thumbnails = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pace:
    """A piecewise linear map from the film's clock to the time in the walk that it shows, both in seconds."""

    clock: tuple[float, ...]
    moments: tuple[float, ...]

    def moment(self, seconds: float) -> float:
        """The time in the walk that is shown after `seconds` on the clock."""
        right = min(max(bisect.bisect_right(self.clock, seconds), 1), len(self.clock) - 1)
        begin, end = self.clock[right - 1], self.clock[right]
        share = (seconds - begin) / (end - begin) if end > begin else 0.0
        share = min(max(share, 0.0), 1.0)
        return self.moments[right - 1] + share * (self.moments[right] - self.moments[right - 1])


def identity_pace(length: float) -> Pace:
    """The pace of a walk that is shown as its keyframes time it."""
    return Pace((0.0, length), (0.0, length))


def measure_pace(route: Route, draw: Draw) -> Work[Pace]:
    """The pace at which equal times give equal changes of the image; holds keep their length.

    The distance is the root mean square difference of thumbnails. There are two passes: times spread evenly over the
    walk show where it is fast, times spread evenly over the distance then measure how fast.
    """
    length = route.timeline.length
    if route.timeline.speed == "timed":
        return identity_pace(length)
    keys = len(route.timeline.keyframes)
    pace = identity_pace(length)
    counts = [min(max(FEWEST, each * keys), MOST) for each in (COARSE, FINE)]
    measured = 0
    for count in counts:
        times = {pace.moment(length * index / count) for index in range(count + 1)}
        stops = {moment for key in route.timeline.keyframes for moment in (key.at, key.at + key.hold)}
        moments = sorted(moment for moment in times | stops if moment <= length)
        rests, steps = [], []
        last: tuple[Thumbnails, tuple[Edit, ...]] | None = None
        for moment in moments:
            edits = route.edits_at(moment)
            if last is not None and edits == last[1]:
                current = (last[0], edits)
            else:
                current = (downscale([draw(edit) for edit in edits]), edits)
            if last is not None:
                rests.append(edits == last[1])
                steps.append(distance(last[0], current[0]))
            last = current
            measured += 1
            yield Progress(min(measured / (sum(counts) + 4 * keys), 1.0), "Measuring the pace")
        pace = even_pace(moments, steps, rests, length)
    return pace


def even_pace(moments: Sequence[float], steps: Sequence[float], rests: Sequence[bool], length: float) -> Pace:
    """The pace for image distances `steps` between moments; steps that are `rests` keep their time."""
    spans = [after - before for before, after in itertools.pairwise(moments)]
    resting = sum(span for span, rest in zip(spans, rests, strict=True) if rest)
    distance_moved = sum(step for step, rest in zip(steps, rests, strict=True) if not rest)
    if distance_moved <= 0:  # the image never changes
        return identity_pace(length)
    rate = (length - resting) / distance_moved
    spans = [span if rest else step * rate for span, step, rest in zip(spans, steps, rests, strict=True)]
    clock = [0.0, *itertools.accumulate(spans)]
    return Pace(tuple(at * length / clock[-1] for at in clock), tuple(moments))


def downscale(images: Sequence[Pixels]) -> Thumbnails:
    """Thumbnails [N, H, W, 3] in [0, 1] of the images of one moment."""
    return np.stack([np.asarray(flatten_alpha(to_image(one, SIDE)), dtype=np.float32) / 255 for one in images])


def distance(first: Thumbnails, second: Thumbnails) -> float:
    """The root mean square difference of two moments, 0 to 1."""
    return float(np.sqrt(np.square(first - second).mean()))
