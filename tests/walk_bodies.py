"""Timelines as JSON, as the page sends them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def sweep_body(
    edit: Mapping[str, Any], direction: str, *, seconds: float = 0.2, fps: int = 5, format: str = "gif",
    size: int | None = None, amount: float = 5.0,
) -> dict[str, Any]:  # fmt: skip
    """A walk along one direction of `edit`, from minus `amount` to `amount` and back."""
    first = {**edit, "amounts": {**edit.get("amounts", {}), direction: -amount}}
    return {
        "version": 2,
        "generator": edit["generator"],
        "keyframes": [{"at": 0, "edit": first}, {"at": seconds / 2, "amounts": {direction: amount}}],
        "seconds": seconds,
        "output": {"format": format, "fps": fps, "size": size},
    }
