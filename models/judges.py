"""The judges that need no upload: which there are by name, whether they are here, and how one is loaded."""

from __future__ import annotations

from pathlib import Path

import torch

from models.base import ModelError
from models.measures import MEASURES
from models.regressor import Regressor, RegressorSpec


def entries() -> dict[str, RegressorSpec]:
    """Every judge there is code for, by name."""
    return {name: measure.spec for name, measure in MEASURES.items()}


def is_installed(name: str, folder: Path) -> bool:
    """Whether the judge can be loaded now; `folder` is where fetched ones are kept."""
    return name in MEASURES


def load(name: str, folder: Path, device: torch.device | str = "cpu") -> Regressor:
    """The judge, ready to score."""
    if name not in MEASURES:
        raise ModelError(f"There is no judge “{name[:60]}”.", f"There are {', '.join(MEASURES)}.")
    found: Regressor = MEASURES[name]
    return found
