"""The title of a direction, from the id that a person chose and the transform or regressor it was learned for."""

from __future__ import annotations

from models.specs import title_from_name


def direction_title(id: str, source: str, source_title: str) -> str:
    """The title of direction `id`, learned for the transform or regressor `source`: "zoom_2" for Zoom is "Zoom 2"."""
    if id == source:
        return source_title
    rest = id.removeprefix(f"{source}_")
    return f"{source_title} {rest.replace('_', ' ')}" if rest != id else title_from_name(id)
