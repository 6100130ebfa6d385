"""Titles for people, made from the ids that they chose."""

from __future__ import annotations


def title_from_name(name: str) -> str:
    """A title from an identifier: "near_far" becomes "Near far"."""
    return name.replace("_", " ").capitalize()


def direction_title(id: str, source: str, source_title: str) -> str:
    """The title of direction `id`, learned for the transform or regressor `source`: "zoom_2" for Zoom is "Zoom 2"."""
    if id == source:
        return source_title
    rest = id.removeprefix(f"{source}_")
    return f"{source_title} {rest.replace('_', ' ')}" if rest != id else title_from_name(id)
