"""Checkpoints of long work on disk: files named by their hash, two per stage, so that one may be damaged."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from pathlib import Path

import safetensors
import safetensors.torch
from safetensors import SafetensorError

from latentwalk.steering.learning.resume_state import ResumeState, SavedStage
from models import atomic_files

GENERATIONS = 2  # files kept of each stage
NAME = re.compile(r"(?P<stage>[a-z_.]{1,40})-(?P<number>\d{8})-(?P<sha256>[0-9a-f]{64})\.safetensors")

log = logging.getLogger(__name__)


class Checkpoint(ResumeState):
    """A resume state stored in `folder`: `put` returns once the stage is on disk, and damaged files are skipped.

    A file is named STAGE-NUMBER-SHA256. Numbers increase over all stages, so that the highest tells how far work came.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        for stage, paths in self._files().items():
            for _, path, sha256 in reversed(paths):
                data = path.read_bytes()
                if hashlib.sha256(data).hexdigest() == sha256 and (saved := _read(path)) is not None:
                    self.stages[stage] = saved
                    self.earlier_seconds = max(self.earlier_seconds, float(saved.facts.get("seconds_so_far", 0.0)))
                    break
                log.warning("%s is damaged; the checkpoint before it is used", path)

    @property
    def job(self) -> str:
        """The id of the job."""
        return self._folder.name

    @property
    def mark(self) -> int:
        """The number of the newest file, 0 if there is none."""
        return max((number for paths in self._files().values() for number, _, _ in paths), default=0)

    def put(self, stage: str, saved: SavedStage) -> None:
        """Save a stage durably, then delete all but its last two files. StorageFailed leaves the existing ones."""
        facts = {**saved.facts, "seconds_so_far": round(self.seconds, 3)}
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in saved.tensors.items()}
        data = safetensors.torch.save(tensors, {"facts": json.dumps(facts)})
        name = f"{stage}-{self.mark + 1:08d}-{hashlib.sha256(data).hexdigest()}.safetensors"
        atomic_files.write(self._folder / name, data)
        self.stages[stage] = saved
        for _, path, _ in self._files()[stage][:-GENERATIONS]:
            atomic_files.remove(path)

    def _files(self) -> dict[str, list[tuple[int, Path, str]]]:
        """Per stage its files in order: number, path and hash."""
        files: dict[str, list[tuple[int, Path, str]]] = {}
        for path in sorted(self._folder.glob("*.safetensors")):
            if match := NAME.fullmatch(path.name):
                files.setdefault(match["stage"], []).append((int(match["number"]), path, match["sha256"]))
        return files


class Checkpoints:
    """The checkpoints of all jobs, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, job: str) -> Checkpoint:
        """The checkpoint of a job, with what an earlier server saved in it."""
        return Checkpoint(self.folder / job)

    def delete(self, job: str) -> None:
        """Delete the checkpoint of a job that ended."""
        shutil.rmtree(self.folder / job, ignore_errors=True)

    def delete_others(self, active: set[str]) -> list[str]:
        """Delete the checkpoints of all jobs but the `active` ones; returns the ids of those deleted."""
        deleted = [path.name for path in sorted(self.folder.glob("*")) if path.name not in active]
        for job in deleted:
            self.delete(job)
        return deleted


def _read(path: Path) -> SavedStage | None:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["facts"])
            return SavedStage({name: file.get_tensor(name) for name in file.keys()}, facts)  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
