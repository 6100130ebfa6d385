"""Timeline: a walk as a JSON value, with its keyframes, how they are interpolated, and how its film is written.

A timeline's canonical JSON is the recipe of a film: the same recipe gives the same frames. A keyframe holds a whole
edit or some of its properties (amounts, classes, truncation); each property is interpolated through the keyframes that
set it.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from latentwalk.edit import Edit, FrozenModel, Name, Number, Seed, Weight, parse, shortest_numbers
from latentwalk.errors import Invalid, LatentwalkError, first_problem
from models.external_text import SingleLine

LONGEST, MOST_FRAMES = 1200.0, 36_000
FASTEST_GIF = 25
Format = Literal["mp4", "webm", "av1", "gif", "apng", "webp", "zip"]
Quality = Literal["small", "good", "best"]
Easing = Literal["linear", "smooth", "in", "out", "hold"]

Seconds = Annotated[Number, Field(ge=0, le=LONGEST)]


def fps_for(format: Format, fps: int) -> int:
    """The highest frame rate, at most `fps`, that a format supports."""
    return min(fps, FASTEST_GIF) if format == "gif" else fps


class Keyframe(FrozenModel):
    """The values of some or all properties at one time.

    at          seconds from the start of the walk
    edit        a whole edit; it sets every direction that the timeline moves, those it does not name to neutral
    amounts, classes, truncation
                the properties to set, where there is no whole edit
    easing      how the properties leave for the next keyframe
    hold        seconds for which they stay before they leave
    """

    at: Seconds
    edit: Edit | None = None
    amounts: Annotated[dict[Name, Number], Field(max_length=256)] = {}  # noqa: RUF012 - pydantic copies it
    classes: Annotated[dict[Name, Weight], Field(max_length=4096)] = {}  # noqa: RUF012
    truncation: Annotated[Number, Field(ge=0, le=2)] | None = None
    easing: Easing = "smooth"
    hold: Seconds = 0.0

    @model_validator(mode="before")
    @classmethod
    def _parse_edit(cls, values: Any) -> Any:
        # `parse` checks more than the types of the fields.
        if isinstance(values, dict) and isinstance(values.get("edit"), dict):
            try:
                return {**values, "edit": parse(values["edit"])}
            except LatentwalkError as error:
                raise ValueError(str(error)) from None
        return values

    def directions(self) -> tuple[str, ...]:
        """The ids of the directions whose amounts it sets."""
        return (*self.amounts, *(self.edit.amounts if self.edit is not None else ()))

    @model_validator(mode="after")
    def _check_properties(self) -> Self:
        partial = bool(self.amounts or self.classes or self.truncation is not None)
        if (self.edit is None) != partial:
            raise ValueError("A keyframe holds a whole edit, or some amounts, classes or truncation")
        if self.classes and not sum(self.classes.values()) > 0:
            raise ValueError("The class weights of a keyframe are all zero")
        return self


class Grid(FrozenModel):
    """Several seeds side by side under the same amounts. The seeds replace the bases of the edits."""

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=36)]
    columns: Annotated[int, Field(strict=True, ge=1, le=12)] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Columns and rows; nearly square where `columns` is not set."""
        count = len(self.seeds)
        columns = self.columns or next(side for side in range(1, 13) if side * side >= count)
        columns = min(columns, count)
        return columns, -(-count // columns)


class Audio(FrozenModel):
    """An uploaded sound file, by its digest; the first `offset` seconds are skipped."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[SingleLine, Field(max_length=200)] = ""
    offset: Seconds = 0.0


class Output(FrozenModel):
    """How the film is written. `size` is the longer side of one image in px; None keeps the generator's."""

    format: Format = "mp4"
    fps: Annotated[int, Field(strict=True, ge=1, le=60)] = 30
    size: Annotated[int, Field(strict=True, ge=32, le=2048)] | None = None
    quality: Quality = "good"

    @model_validator(mode="after")
    def _check_fps(self) -> Self:
        if self.fps > fps_for(self.format, self.fps):
            raise ValueError(f"A GIF has at most {FASTEST_GIF} frames per second; browsers slow down faster ones")
        return self


class Timeline(FrozenModel):
    """A walk and its film.

    seconds  length of one pass; None ends with the last keyframe
    play     "loop" returns from the last keyframe to the first in the remaining time, of which there must be some;
             "pingpong" plays forwards, then backwards, and lasts twice as long
    curve    straight lines between the keyframes, or a spline through them
    speed    "even" makes the image change at a constant rate while it moves; holds keep their length
    beats    marks, in seconds, that the page's editor snaps to; they change no frame
    """

    version: Literal[2] = 2
    generator: Name
    keyframes: Annotated[tuple[Keyframe, ...], Field(min_length=2, max_length=256)]
    seconds: Annotated[Number, Field(gt=0, le=LONGEST)] | None = None
    play: Literal["once", "loop", "pingpong"] = "loop"
    curve: Literal["straight", "spline"] = "straight"
    speed: Literal["timed", "even"] = "timed"
    grid: Grid | None = None
    title: Annotated[SingleLine, Field(max_length=120)] = ""
    caption: bool = False
    mark: bool = False
    audio: Audio | None = None
    beats: Annotated[tuple[Seconds, ...], Field(max_length=4096)] = ()
    output: Output = Output()

    @model_validator(mode="after")
    def _check(self) -> Self:
        first, last = self.keyframes[0], self.keyframes[-1]
        if first.edit is None or first.at != 0:
            raise ValueError("The first keyframe is at 0 seconds and holds a whole edit")
        if any(key.edit is not None and key.edit.generator != self.generator for key in self.keyframes):
            raise ValueError("A walk shows one generator; every keyframe's must be the timeline's")
        for before, after in pairwise(self.keyframes):
            if not before.at + before.hold < after.at:
                raise ValueError(f"The keyframe at {after.at:g} seconds must come after the one before and its hold")
        if self.length < last.at + last.hold or self.length <= 0:
            raise ValueError(f"The last keyframe, with its hold, ends at {last.at + last.hold:g}, after the walk")
        if self.play == "loop" and self.length <= last.at + last.hold:
            raise ValueError("A loop needs time to come back: make it longer than its last keyframe")
        if self.duration > LONGEST:
            raise ValueError(f"A film lasts at most {LONGEST:.0f} seconds")
        if self.frames > MOST_FRAMES:
            raise ValueError(f"A film has at most {MOST_FRAMES} frames; this one would have {self.frames}")
        return self

    @property
    def length(self) -> float:
        """Seconds of one pass."""
        last = self.keyframes[-1]
        return last.at + last.hold if self.seconds is None else self.seconds

    @property
    def duration(self) -> float:
        """Seconds of the film."""
        return self.length * (2 if self.play == "pingpong" else 1)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return max(2, round(self.duration * self.output.fps))

    def time_of(self, frame: int) -> float:
        """The time in the walk, in seconds, that a frame shows.

        Frame i of a film that loops is at i/N of its duration, so that the first frame is not repeated. The N frames
        of a film that plays once span it from end to end.
        """
        if self.play == "once":
            return self.length * (frame / (self.frames - 1))
        at = self.duration * (frame / self.frames)
        return at if at <= self.length else self.duration - at

    def directions(self) -> tuple[str, ...]:
        """The ids of all directions that some keyframe sets, sorted."""
        return tuple(sorted({name for key in self.keyframes for name in key.directions()}))

    def plain(self) -> dict[str, Any]:
        """JSON data without defaults, but with the version."""
        data: dict[str, Any] = shortest_numbers(self.model_dump(mode="json", exclude_defaults=True))
        return {"version": self.version, **data}


def canonical(timeline: Timeline) -> str:
    """The canonical JSON of a timeline, which exported files carry: sorted keys, no spaces, defaults omitted."""
    return json.dumps(timeline.plain(), sort_keys=True, separators=(",", ":"))


def read(data: object) -> Timeline:
    """A timeline from decoded JSON. Raises Invalid, with a message that names the field, for anything else."""
    try:
        return Timeline.model_validate(data)
    except ValidationError as error:
        field, reason = first_problem(error.errors(include_url=False, include_input=False))
        message = f"The recipe's {field} is wrong: {reason}." if field else f"{reason[:1].upper()}{reason[1:]}."
        hint = "A recipe has a generator and keyframes, each with its time `at` and an edit."
        raise Invalid(message, hint) from None
