"""Checkpoints of learning on disk: named by their hash, two of each stage, so that one may be damaged."""

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

from latentwalk.steering.learning.resume_state import ResumeState, Saved
from models import atomic_files

GENERATIONS = 2
NAME = re.compile(r"(?P<stage>[a-z_.]{1,40})-(?P<number>\d{8})-(?P<sha256>[0-9a-f]{64})\.safetensors")

log = logging.getLogger(__name__)


class Checkpoint(ResumeState):
    """A memory in `folder`. What `put` was given is on disk when it returns; a file that is not whole is passed over.

    A file is named STAGE-NUMBER-SHA256: numbers rise over all stages, so the highest is a mark of how far work came.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        for stage, paths in self._files().items():
            for _, path, sha256 in reversed(paths):
                data = path.read_bytes()
                if hashlib.sha256(data).hexdigest() == sha256 and (saved := _read(path)) is not None:
                    self.stages[stage] = saved
                    self.before = max(self.before, float(saved.facts.get("seconds_so_far", 0.0)))
                    break
                log.warning("%s is damaged; the checkpoint before it is used", path)

    @property
    def job(self) -> str:
        """Whose memory it is."""
        return self._folder.name

    @property
    def mark(self) -> int:
        """The number of the newest checkpoint, 0 where there is none."""
        return max((number for paths in self._files().values() for number, _, _ in paths), default=0)

    def put(self, stage: str, saved: Saved) -> None:
        """Keep a stage durably, then let go of all but the last two of it; StorageFailed keeps those."""
        facts = {**saved.facts, "seconds_so_far": round(self.seconds, 3)}
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in saved.tensors.items()}
        data = safetensors.torch.save(tensors, {"facts": json.dumps(facts)})
        name = f"{stage}-{self.mark + 1:08d}-{hashlib.sha256(data).hexdigest()}.safetensors"
        atomic_files.write(self._folder / name, data)
        self.stages[stage] = saved
        for _, path, _ in self._files()[stage][:-GENERATIONS]:
            atomic_files.remove(path)

    def _files(self) -> dict[str, list[tuple[int, Path, str]]]:
        found: dict[str, list[tuple[int, Path, str]]] = {}
        for path in sorted(self._folder.glob("*.safetensors")):
            if match := NAME.fullmatch(path.name):
                found.setdefault(match["stage"], []).append((int(match["number"]), path, match["sha256"]))
        return found


class Checkpoints:
    """The memories of all jobs, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, job: str) -> Checkpoint:
        """The memory of a job, with what an earlier server left in it."""
        return Checkpoint(self.folder / job)

    def clear(self, job: str) -> None:
        """Forget a job that came to its end."""
        shutil.rmtree(self.folder / job, ignore_errors=True)

    def sweep(self, under_way: set[str]) -> list[str]:
        """Forget every job but these; the ids of those forgotten."""
        gone = [path.name for path in sorted(self.folder.glob("*")) if path.name not in under_way]
        for job in gone:
            self.clear(job)
        return gone


def _read(path: Path) -> Saved | None:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["facts"])
            return Saved({name: file.get_tensor(name) for name in file.keys()}, facts)  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
