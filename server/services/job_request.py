"""What a job was asked for, as a typed value that is stored as JSON, so that a later server can start it again."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, TypeVar

from latentwalk.rendering.loaded_generator import LoadedGenerator
from models.base import Generator, Precision
from server.storage.db.job import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRequest:
    """The part that all requests for work on a device share.

    `created` (ISO date) and `precision` are decided once, when the job is started: a job that is resumed on another
    day or on another machine must produce the same bytes.
    """

    kind: ClassVar[Kind]

    generator: str
    created: str = ""
    precision: Precision = "fp32"

    def to_json(self) -> dict[str, Any]:
        """The request as JSON; `from_json` of the same class reads it back."""
        return asdict(self)


Request = TypeVar("Request", bound=LearningRequest)


def stamp(request: Request, precision: Precision) -> Request:
    """`request` with today's date and the precision to learn in."""
    return replace(request, created=datetime.date.today().isoformat(), precision=precision)


def at_precision(loaded: LoadedGenerator, precision: Precision) -> Generator:
    """The generator in the precision that the work was started with; another precision gives other bytes."""
    known = next((one for one in (loaded.quick, loaded.exact) if one.precision == precision), None)
    return known or loaded.exact.at(precision)
