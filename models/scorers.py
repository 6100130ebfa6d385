"""interim"""

from __future__ import annotations

from pathlib import Path

from models.regressor import Regressor, RegressorSpec


def load(folder: Path, spec: RegressorSpec) -> Regressor:
    """The kept scorer."""
    raise NotImplementedError
