"""The judges that need no upload: which there are by name, whether they are here, and how one is loaded."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from models.catalogue.local import WEIGHTS
from models.errors import ModelFailed, NotFound
from models.hashing import fingerprint
from models.regressors.image_measures import MEASURES
from models.regressors.protocol import Regressor, RegressorCard, RegressorSpec
from models.regressors.resmem import ResMem
from models.specs import WeightsOrigin


@dataclass(frozen=True, slots=True)
class PullableRegressor:
    """A judge whose weights must be fetched: its description, their pinned place, and the terms to be accepted."""

    spec: RegressorSpec
    origin: WeightsOrigin
    terms: str


def entries() -> dict[str, RegressorSpec]:
    """Every judge there is code for, by name: the measures, then those to be fetched."""
    fetched = {name: judge.spec for name, judge in pullable().items()}
    return {name: measure.spec for name, measure in MEASURES.items()} | fetched


@cache
def pullable() -> Mapping[str, PullableRegressor]:
    """Every entry of catalogue.toml by name."""
    here = Path(__file__)
    with here.with_suffix(".toml").open("rb") as file:
        rows = tomllib.load(file)
    return {name: _judge(name, row, here.with_name("licences")) for name, row in rows.items()}


def is_installed(name: str, folder: Path) -> bool:
    """Whether the judge can be loaded now; `folder` is where fetched ones are kept."""
    return name in MEASURES or (name in pullable() and (folder / name / WEIGHTS).is_file())


def load(name: str, folder: Path, device: torch.device | str = "cpu") -> Regressor:
    """The regressor, ready. NotFound if it is unknown or not fetched yet, ModelFailed if its weights differ."""
    if name in MEASURES:
        found: Regressor = MEASURES[name]
        return found
    if name not in pullable():
        raise NotFound(f"There is no judge “{name[:60]}”.", f"There are {', '.join(entries())}.")
    judge, path = pullable()[name], folder / name / WEIGHTS
    if not path.is_file():
        raise NotFound(f"{judge.spec.title} ({name}) has not been fetched yet.", f"Run: latentwalk pull {name}")
    try:
        state = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise ModelFailed(f"The weights of {name} cannot be read: {error}.", f"Run: latentwalk pull {name}") from error
    if fingerprint(state) != judge.spec.fingerprint:
        raise ModelFailed(f"The weights of {name} are not the ones described.", f"Run: latentwalk pull {name}")
    return ResMem(judge.spec, state, device)


def _judge(name: str, row: Mapping[str, Any], licences: Path) -> PullableRegressor:
    spec = RegressorSpec(
        name=name,
        title=row["title"],
        kind=row["kind"],
        differentiable=row["differentiable"],
        span=(row["span"][0], row["span"][1]),
        unit=row["unit"],
        fingerprint=row["fingerprint"],
        card=RegressorCard(**row["card"]),
    )
    return PullableRegressor(
        spec, WeightsOrigin(**row["origin"]), (licences / row["licence_text"]).read_text(encoding="utf-8").strip()
    )
