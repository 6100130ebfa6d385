"""Every format a film can be written in, by name: its writer, its ending, its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from latentwalk.errors import Invalid
from latentwalk.films.encoding.image_writers import Apng, Gif, Webp, Zip
from latentwalk.films.encoding.video_writers import Av1, Mp4, Webm
from latentwalk.films.encoding.writer import Writer
from latentwalk.films.timeline import Format


@dataclass(frozen=True, slots=True)
class Container:
    """How a format is written and called; `signed` is what content credentials are put in it as, if at all."""

    writer: type[Writer]
    ending: str
    media_type: str
    signed: str | None
    sounds: bool = False


def containers() -> Mapping[Format, Container]:
    """Every format."""
    return {
        "mp4": Container(Mp4, "mp4", "video/mp4", "video/mp4", sounds=True),
        "webm": Container(Webm, "webm", "video/webm", None, sounds=True),
        "av1": Container(Av1, "mp4", "video/mp4", "video/mp4", sounds=True),
        "gif": Container(Gif, "gif", "image/gif", "image/gif"),
        "apng": Container(Apng, "png", "image/apng", "image/png"),
        "webp": Container(Webp, "webp", "image/webp", "image/webp"),
        "zip": Container(Zip, "zip", "application/zip", None),
    }


def format_for(path: Path, wished: Format | None = None) -> Format:
    """The format of a film's name: what was wished for where the ending fits it, else the first that has it."""
    ending = path.suffix.lower().removeprefix(".")
    if wished is not None and ending in (containers()[wished].ending, wished):
        return wished
    for format in get_args(Format):
        if ending in (containers()[format].ending, format):
            found: Format = format
            return found
    endings = sorted({container.ending for container in containers().values()})
    raise Invalid(f"“{path.name}” does not end in a format.", f"End it in .{', .'.join(endings)}.")
