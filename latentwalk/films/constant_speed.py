"""Constant perceptual speed: a walk timed anew by arc length in image distance, so that nothing lurches."""

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

SIDE = 64  # pixels of the longer side in which pictures are compared
COARSE, FINE = 12, 24  # moments measured for each keyframe, in the first pass and in the second
FEWEST, MOST = 64, 600
Draw = Callable[[Edit], Pixels]
Small = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pace:
    """When a walk passes which of its own moments: two rising lists of seconds, joined by straight lines."""

    clock: tuple[float, ...]
    moments: tuple[float, ...]

    def moment(self, seconds: float) -> float:
        """The moment of the walk, in its own seconds, that is shown after so many on the clock."""
        right = min(max(bisect.bisect_right(self.clock, seconds), 1), len(self.clock) - 1)
        begin, end = self.clock[right - 1], self.clock[right]
        share = (seconds - begin) / (end - begin) if end > begin else 0.0
        share = min(max(share, 0.0), 1.0)
        return self.moments[right - 1] + share * (self.moments[right] - self.moments[right - 1])


def as_timed(length: float) -> Pace:
    """The pace of a walk that is shown as it was timed."""
    return Pace((0.0, length), (0.0, length))


def measure_pace(route: Route, draw: Draw) -> Work[Pace]:
    """The pace at which equal times bring equal changes of picture; what rests, rests as long as it was told.

    The distance is the root mean square of small pictures' differences. Two passes: moments evenly spread over the
    walk find where it is fast, moments evenly spread over that find how fast.
    """
    length = route.timeline.length
    if route.timeline.speed == "timed":
        return as_timed(length)
    keys = len(route.timeline.keyframes)
    found = as_timed(length)
    counts = [min(max(FEWEST, each * keys), MOST) for each in (COARSE, FINE)]
    done = 0
    for count in counts:
        times = {found.moment(length * index / count) for index in range(count + 1)}
        stops = {moment for key in route.timeline.keyframes for moment in (key.at, key.at + key.hold)}
        moments = sorted(moment for moment in times | stops if moment <= length)
        still, steps = [], []
        last: tuple[Small, tuple[Edit, ...]] | None = None
        for moment in moments:
            cells = route.cells(moment)
            if last is not None and cells == last[1]:
                this = (last[0], cells)
            else:
                this = (downscale([draw(edit) for edit in cells]), cells)
            if last is not None:
                still.append(cells == last[1])
                steps.append(distance(last[0], this[0]))
            last = this
            done += 1
            yield Progress(min(done / (sum(counts) + 4 * keys), 1.0), "Measuring the pace")
        found = timed(moments, steps, still, length)
    return found


def timed(moments: Sequence[float], steps: Sequence[float], still: Sequence[bool], length: float) -> Pace:
    """The pace for distances `steps` between moments; those that are `still` keep their time."""
    own = [after - before for before, after in itertools.pairwise(moments)]
    resting = sum(span for span, rests in zip(own, still, strict=True) if rests)
    moved = sum(step for step, rests in zip(steps, still, strict=True) if not rests)
    if moved <= 0:  # nothing changes the picture: there is nothing to even out
        return as_timed(length)
    rate = (length - resting) / moved
    spans = [span if rests else step * rate for span, step, rests in zip(own, steps, still, strict=True)]
    clock = [0.0, *itertools.accumulate(spans)]
    return Pace(tuple(at * length / clock[-1] for at in clock), tuple(moments))


def downscale(cells: Sequence[Pixels]) -> Small:
    """The pictures of one moment as one row of small ones, in [0, 1]."""
    rows = [np.asarray(flatten_alpha(to_image(cell, SIDE)), dtype=np.float32) / 255 for cell in cells]
    return np.stack(rows)


def distance(first: Small, second: Small) -> float:
    """Root mean square difference of two moments, 0 to 1."""
    return float(np.sqrt(np.square(first - second).mean()))


def unevenness(frames: Sequence[Small]) -> float:
    """The coefficient of variation of the distances between neighbouring frames, rests included."""
    steps = np.array([distance(before, after) for before, after in itertools.pairwise(frames)])
    return float(steps.std() / steps.mean()) if steps.mean() > 0 else 0.0
