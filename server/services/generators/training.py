"""Train a generator by a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentwalk.errors import Conflict
from latentwalk.progress import Work, map_result
from latentwalk.rendering.device import tune_threads
from latentwalk.training import pipeline, recipe
from latentwalk.training.pipeline import TrainingResult
from server.services.workspace import Workspace


def train(
    workspace: Workspace, path: Path, folder: Path | None = None, *, report: bool = False, minutes: float | None = None
) -> Work[Mapping[str, Any]]:
    """Train the generator of the recipe at `path`, and keep it in the library or in `folder`.

    Stopped work resumes when it is started again: the state lies in the home's folder training/NAME. `report`
    evaluates the result on held-out images; `minutes` stops training early and keeps what was trained.
    Raises Conflict where the name belongs to a generator that was not trained here.
    """
    settings, library = workspace.settings, workspace.library
    request = recipe.read(path)
    if folder is None and request.name in library.entries() and library.entry(request.name).origin.kind != "folder":
        raise Conflict(f"There is a generator {request.name} already.", "Give the recipe another name.")
    tune_threads()
    generators = settings.home / "generators" if folder is None else folder
    run_folder = settings.home / "training" / request.name
    work = pipeline.run_recipe(request, path.parent, run_folder, generators, settings.device, report, minutes)
    return map_result(work, TrainingResult.to_json)
