"""The regressors that need no upload: the built-in measures, and those whose weights can be downloaded."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from models.catalogue.hashing import fingerprint
from models.catalogue.local import WEIGHTS
from models.errors import ModelFailed, NotFound
from models.regressors.image_measures import MEASURES
from models.regressors.protocol import Regressor, RegressorCard, RegressorSpec
from models.regressors.resmem import ResMem
from models.specs import WeightsOrigin


@dataclass(frozen=True, slots=True)
class PullableRegressor:
    """A regressor whose weights can be downloaded; `terms` is the licence text that must be accepted first."""

    spec: RegressorSpec
    origin: WeightsOrigin
    terms: str


def entries() -> dict[str, RegressorSpec]:
    """The spec of every regressor by name: the measures, then the downloadable ones."""
    downloadable = {name: regressor.spec for name, regressor in pullable().items()}
    return {name: measure.spec for name, measure in MEASURES.items()} | downloadable


@cache
def pullable() -> Mapping[str, PullableRegressor]:
    """Every entry of catalogue.toml by name."""
    here = Path(__file__)
    with here.with_suffix(".toml").open("rb") as file:
        rows = tomllib.load(file)
    return {name: _entry(name, row, here.with_name("licences")) for name, row in rows.items()}


def is_installed(name: str, folder: Path) -> bool:
    """True if the regressor can be loaded now; `folder` holds the downloaded ones."""
    return name in MEASURES or (name in pullable() and (folder / name / WEIGHTS).is_file())


def load(name: str, folder: Path, device: torch.device | str = "cpu") -> Regressor:
    """The regressor on a device.

    NotFound if it is unknown or not downloaded yet, ModelFailed if its weights are damaged or not the pinned ones.
    """
    if name in MEASURES:
        measure: Regressor = MEASURES[name]
        return measure
    if name not in pullable():
        raise NotFound(f"There is no regressor “{name[:60]}”.", f"There are {', '.join(entries())}.")
    regressor, path = pullable()[name], folder / name / WEIGHTS
    command = f"Run: latentwalk pull {name}"
    if not path.is_file():
        raise NotFound(f"{regressor.spec.title} ({name}) is not downloaded yet.", command)
    try:
        state = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise ModelFailed(f"The weights of {name} cannot be read: {error}.", command) from error
    if fingerprint(state) != regressor.spec.fingerprint:
        raise ModelFailed(f"The weights of {name} are not the ones described.", command)
    return ResMem(regressor.spec, state, device)


def _entry(name: str, row: Mapping[str, Any], licences: Path) -> PullableRegressor:
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
