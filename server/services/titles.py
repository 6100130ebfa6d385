"""Titles of directions, and the file names that titles become."""

from __future__ import annotations

import re
from pathlib import PurePath

from models.specs import title_from_name


def direction_title(id: str, source: str, source_title: str) -> str:
    """The title of direction `id`, learned for the transform or regressor `source`: "zoom_2" for Zoom is "Zoom 2"."""
    if id == source:
        return source_title
    rest = id.removeprefix(f"{source}_")
    return f"{source_title} {rest.replace('_', ' ')}" if rest != id else title_from_name(id)


def title_from_file(name: str) -> str:
    """The title of something that was read from a file called `name`: "grünes_Lächeln.npy" becomes "Grünes Lächeln"."""
    words = " ".join(PurePath(name).stem.replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:]


def download_name(title: str, otherwise: str, extension: str) -> str:
    """The file name of a download: its title as it is written, without what file systems do not take.

    `otherwise` is the name where nothing of the title is left.
    """
    words = " ".join(re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', " ", title).split())
    return f"{words[:100].strip('. ') or otherwise}.{extension}"
