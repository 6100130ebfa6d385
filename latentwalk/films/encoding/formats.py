"""The formats of films by name: writer, file extension and media type."""

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
    """A film format. `credential_type` is the media type for content credentials, None where it cannot carry them."""

    writer: type[Writer]
    extension: str
    media_type: str
    credential_type: str | None
    has_audio: bool = False


def containers() -> Mapping[Format, Container]:
    """Every format by name."""
    return {
        "mp4": Container(Mp4, "mp4", "video/mp4", "video/mp4", has_audio=True),
        "webm": Container(Webm, "webm", "video/webm", None, has_audio=True),
        "av1": Container(Av1, "mp4", "video/mp4", "video/mp4", has_audio=True),
        "gif": Container(Gif, "gif", "image/gif", "image/gif"),
        "apng": Container(Apng, "png", "image/apng", "image/png"),
        "webp": Container(Webp, "webp", "image/webp", "image/webp"),
        "zip": Container(Zip, "zip", "application/zip", None),
    }


def format_for(path: Path, preferred: Format | None = None) -> Format:
    """The format for a file name: the preferred one where the extension fits it, else the first that has it.

    Raises Invalid where no format has the extension.
    """
    extension = path.suffix.lower().removeprefix(".")
    if preferred is not None and extension in (containers()[preferred].extension, preferred):
        return preferred
    for format in get_args(Format):
        if extension in (containers()[format].extension, format):
            chosen: Format = format
            return chosen
    extensions = sorted({container.extension for container in containers().values()})
    raise Invalid(f"“{path.name}” has no known file extension.", f"Use one of .{', .'.join(extensions)}.")
