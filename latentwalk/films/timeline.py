"""A walk as a value: keyframes in time, how to go between them, and how the film of it is written; pure JSON.

A timeline's canonical JSON is a film's recipe: the same recipe is the same frames. Keyframes hold whole edits or
some of their properties (amounts, classes, truncation); each property runs through the keyframes that name it.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from latentwalk.edit import Edit, Name, Number, Seed, Weight, parse, plain
from latentwalk.errors import Invalid, LatentwalkError

LONGEST, MOST_FRAMES = 1200.0, 36_000
FASTEST_GIF = 25
MOST_PIXELS = 2048 * 2048
Format = Literal["mp4", "webm", "av1", "gif", "apng", "webp", "zip"]
Quality = Literal["small", "good", "best"]
Easing = Literal["linear", "smooth", "in", "out", "hold"]

Seconds = Annotated[Number, Field(ge=0, le=LONGEST)]


def fps_for(format: Format, fps: int) -> int:
    """The frames a second nearest to those wished for that a format can show."""
    return min(fps, FASTEST_GIF) if format == "gif" else fps


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Keyframe(_Frozen):
    """Where some or all properties are at `at` seconds, for `hold` seconds, and how they leave for the next.

    `edit` is a whole edit; without one, `amounts`, `classes` and `truncation` are the properties that are set. A
    whole edit sets the amount of every slider the timeline moves, to neutral where it does not name it.
    """

    at: Seconds
    edit: Edit | None = None
    amounts: Annotated[dict[Name, Number], Field(max_length=256)] = {}
    classes: Annotated[dict[Name, Weight], Field(max_length=4096)] = {}
    truncation: Annotated[Number, Field(ge=0, le=2)] | None = None
    easing: Easing = "smooth"
    hold: Seconds = 0.0

    @model_validator(mode="before")
    @classmethod
    def _parsed(cls, values: Any) -> Any:
        # Edits have rules of their own, which `parse` keeps for sockets and files alike.
        if isinstance(values, dict) and isinstance(values.get("edit"), dict):
            try:
                return {**values, "edit": parse(values["edit"])}
            except LatentwalkError as error:
                raise ValueError(str(error)) from None
        return values

    def sliders(self) -> tuple[str, ...]:
        """The sliders whose amounts it names."""
        return (*self.amounts, *(self.edit.amounts if self.edit is not None else ()))

    @model_validator(mode="after")
    def _sets_something(self) -> Self:
        partly = bool(self.amounts or self.classes or self.truncation is not None)
        if (self.edit is None) != partly:
            raise ValueError("A keyframe holds a whole edit, or some amounts, classes or truncation")
        if self.classes and not sum(self.classes.values()) > 0:
            raise ValueError("The class weights of a keyframe are all zero")
        return self


class Grid(_Frozen):
    """Several seeds side by side under the same moving sliders; the seeds take the place of the edits' bases."""

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=36)]
    columns: Annotated[int, Field(strict=True, ge=1, le=12)] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Columns and rows; as near to a square as whole numbers allow where no columns are given."""
        count = len(self.seeds)
        columns = self.columns or next(side for side in range(1, 13) if side * side >= count)
        columns = min(columns, count)
        return columns, -(-count // columns)


class Audio(_Frozen):
    """A sound file that was handed in, by its digest; `offset` seconds of it are skipped."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[str, Field(max_length=200)] = ""
    offset: Seconds = 0.0


class Output(_Frozen):
    """How the film is written. `size` is one picture's longest side in pixels, none the generator's own."""

    format: Format = "mp4"
    fps: Annotated[int, Field(strict=True, ge=1, le=60)] = 30
    size: Annotated[int, Field(strict=True, ge=32, le=2048)] | None = None
    quality: Quality = "good"

    @model_validator(mode="after")
    def _showable(self) -> Self:
        if self.fps > fps_for(self.format, self.fps):
            raise ValueError(f"A gif runs at {FASTEST_GIF} frames a second at most: browsers slow faster ones down")
        return self


class Timeline(_Frozen):
    """A walk and the film of it.

    `seconds` is the length of one way through; none ends with the last keyframe. A "loop" comes back from the last
    keyframe to the first in the time that is left (it needs some); "pingpong" plays forwards, then backwards, and
    so lasts twice as long. `curve` runs straight from keyframe to keyframe or as a spline through them. `speed`
    "even" gives each moment of movement the same change of picture; what rests, rests as long. `beats` are marks in
    seconds that an editor snaps to; they change no frame.
    """

    version: Literal[2] = 2
    generator: Name
    keyframes: Annotated[tuple[Keyframe, ...], Field(min_length=2, max_length=256)]
    seconds: Annotated[Number, Field(gt=0, le=LONGEST)] | None = None
    play: Literal["once", "loop", "pingpong"] = "loop"
    curve: Literal["straight", "spline"] = "straight"
    speed: Literal["timed", "even"] = "timed"
    grid: Grid | None = None
    title: Annotated[str, Field(max_length=120)] = ""
    caption: bool = False
    mark: bool = False
    audio: Audio | None = None
    beats: Annotated[tuple[Seconds, ...], Field(max_length=4096)] = ()
    output: Output = Output()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
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
        """Seconds of one way through."""
        last = self.keyframes[-1]
        return last.at + last.hold if self.seconds is None else self.seconds

    @property
    def duration(self) -> float:
        """Seconds of the film."""
        return self.length * (2 if self.play == "pingpong" else 1)

    @property
    def frames(self) -> int:
        """Pictures in the film."""
        return max(2, round(self.duration * self.output.fps))

    def time_of(self, frame: int) -> float:
        """The seconds into the walk that a frame shows.

        A film that comes round shows frame i at i/N of its duration, so that the first is not shown twice; one that
        does not spreads N frames from its first moment to its last.
        """
        if self.play == "once":
            return self.length * (frame / (self.frames - 1))
        at = self.duration * (frame / self.frames)
        return at if at <= self.length else self.duration - at

    def sliders(self) -> tuple[str, ...]:
        """Every slider that some keyframe names, in order."""
        return tuple(sorted({name for key in self.keyframes for name in key.sliders()}))

    def plain(self) -> dict[str, Any]:
        """JSON with the defaults left out, but for the version, which says what the rest is."""
        shown: dict[str, Any] = plain(self.model_dump(mode="json", exclude_defaults=True))
        return {"version": self.version, **shown}


def canonical(timeline: Timeline) -> str:
    """The one spelling of a timeline: sorted keys, no spaces, defaults left out. It is what files carry."""
    return json.dumps(timeline.plain(), sort_keys=True, separators=(",", ":"))


def read(data: object) -> Timeline:
    """A timeline from decoded JSON, recipes of the first version among it; Invalid with one sentence for the rest."""
    try:
        return Timeline.model_validate(upgraded(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:80]
        reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
        sentence = f"The recipe's {place} is wrong: {reason[0].lower()}{reason[1:]}." if place else f"{reason}."
        hint = "A recipe has generator and keyframes, each with its time `at` and an edit."
        raise Invalid(sentence, hint) from None


def upgraded(data: object) -> object:
    """A recipe of the first version (seconds from keyframe to keyframe) as one of this; anything else as it is."""
    if not isinstance(data, dict) or "version" in data or not isinstance(data.get("keyframes"), list):
        return data
    if not all(isinstance(key, dict) and isinstance(key.get("seconds"), int | float) for key in data["keyframes"]):
        return data
    rest = {name: value for name, value in data.items() if name not in ("loop", "easing", "fps", "size", "format")}
    loop, easing, at, keyframes = data.get("loop", True), data.get("easing", "smooth"), 0.0, []
    for key in data["keyframes"]:
        others = {name: value for name, value in key.items() if name != "seconds"}
        keyframes.append({**others, "at": at, "easing": easing})
        at += key["seconds"]
    output = {name: data[name] for name in ("fps", "size", "format") if name in data}
    length = {"seconds": at} if loop is True else {}
    return {**rest, **length, "keyframes": keyframes, "play": "loop" if loop is True else "once", "output": output}
