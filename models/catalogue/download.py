"""Fetching a generator or a judge: a wheel by pip, checked against its pinned hash, weights kept as safetensors."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import safetensors.torch

from models.base import Entry, fingerprint
from models.catalogue.fsync import settle
from models.catalogue.local import WEIGHTS
from models.catalogue.pinned import read_state
from models.errors import Conflict, Invalid, ModelFailed
from models.regressors.catalogue import PullableRegressor

LICENCE = "LICENCE.txt"
LARGEST_MEMBER = 2 * 2**30
PATIENCE = 600  # seconds for one download


def pull(
    entry: Entry | PullableRegressor, folder: Path, report: Callable[[float, str], None], *, accepted: bool = False
) -> Path:
    """Fetch the entry's weights into `folder`/NAME and return that path; nothing half done is left visible.

    `report(share, message)` is called between the stages and may raise to stop; `accepted` says that somebody read
    and accepted the terms, where there are any. ModelFailed when they were not, when the download fails, its hash
    differs from the pinned one, or what is inside is not the model described.
    """
    origin, name = entry.origin, entry.spec.name
    terms = entry.terms if isinstance(entry, PullableRegressor) else ""
    if terms and not accepted:
        raise Invalid(
            f"{entry.spec.title} comes with terms that must be accepted first: {entry.spec.card.licence}",
            f"Read them, then run: latentwalk pull {name} --accept-licence",
        )
    if origin.kind == "installed":
        raise Conflict(f"{name} comes with Latentwalk.", "There is nothing to fetch.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as scratch:
        report(0.05, f"Fetching {origin.requirement}, {origin.bytes / 1e6:.0f} MB")
        wheel = download(origin.requirement, Path(scratch))
        report(0.6, "Checking its hash")
        verify(wheel, origin.sha256)
        report(0.7, "Taking out the weights")
        weights = Path(scratch) / "weights"
        take(wheel, origin.member, weights)
        state = read_state(weights, origin.state_key)
        if fingerprint(state) != entry.spec.fingerprint:
            raise ModelFailed(f"The weights of {name} are not the zoo's.", "Tell us: the zoo is wrong.")
        report(0.9, "Keeping them as safetensors")
        finished = Path(scratch) / "finished"
        finished.mkdir()
        # Written by us, not by safetensors, whose errors do not say that a disk is full.
        whole = {name: tensor.contiguous() for name, tensor in state.items()}
        stored = safetensors.torch.save(whole, metadata={"fingerprint": entry.spec.fingerprint})
        (finished / WEIGHTS).write_bytes(stored)
        if terms:
            (finished / LICENCE).write_text(terms + "\n", encoding="utf-8")
        (finished / "card.json").write_text(json.dumps(asdict(entry.spec.card), indent=2))
        target = folder / name
        if target.exists():
            shutil.rmtree(target)
        settle(*sorted(finished.iterdir()), finished)
        finished.rename(target)
        settle(folder)
    report(1.0, f"{entry.spec.title} is ready")
    return target


def download(requirement: str, folder: Path) -> Path:
    """The wheel of an exact requirement, by pip, without what it depends on and without running any of it."""
    # Only data is taken from the wheel, so which Python its code was written for does not matter.
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise ModelFailed(f"Fetching {requirement} took over {PATIENCE // 60} minutes.", "Try again later.") from None
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        lines = done.stderr.splitlines() or ["pip found no wheel"]
        last = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1])
        reason = last.removeprefix("ERROR: ").rstrip(".")
        raise ModelFailed(f"{requirement} could not be fetched: {reason}.", "Check the connection and try again.")
    return wheels[0]


def verify(path: Path, sha256: str) -> None:
    """Refuse a file whose sha256 is not the pinned one."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ModelFailed(
            f"{path.name} is not the file that was pinned: its sha256 begins {found[:8]}, not {sha256[:8]}.",
            "It was cut off or changed on the way; try again.",
        )


def take(wheel: Path, member: str, target: Path) -> None:
    """One member of a wheel to a file of our own naming; the rest of the archive is not unpacked."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(member).file_size > LARGEST_MEMBER:
                raise ModelFailed(f"{member} is larger than {LARGEST_MEMBER >> 30} GiB.", "It is not what was pinned.")
            with archive.open(member) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelFailed(f"{wheel.name} does not hold {member}.", "It is not the file that was pinned.") from error
