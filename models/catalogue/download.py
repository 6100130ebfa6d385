"""Downloads the weights of a generator or regressor: pip fetches a wheel, its hash is checked, its code never runs."""

from __future__ import annotations

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

from models.atomic_files import sync
from models.catalogue.hashing import file_sha256, fingerprint
from models.catalogue.local import WEIGHTS
from models.catalogue.pinned import read_state
from models.errors import Conflict, Invalid, ModelFailed
from models.regressors.catalogue import PullableRegressor
from models.specs import CatalogueEntry

LICENCE = "LICENCE.txt"
LARGEST_MEMBER = 2 * 2**30  # bytes of the weights inside a wheel
TIMEOUT = 600  # seconds for one download

Report = Callable[[float, str], None]


def fetch_weights(
    entry: CatalogueEntry | PullableRegressor, folder: Path, report: Report, *, accepted: bool = False
) -> Path:
    """Download the weights of `entry` into `folder`/NAME and return that path. A failed download leaves nothing.

    `report(share, message)` is called between the stages and may raise to stop. `accepted` states that the user read
    and accepted the terms, if there are any. Raises Invalid if they were not accepted, Conflict if the weights come
    with Latentwalk, and ModelFailed if the download fails, its hash differs from the pinned one, or the file holds
    another model.
    """
    origin, name = entry.origin, entry.spec.name
    terms = entry.terms if isinstance(entry, PullableRegressor) else ""
    if terms and not accepted:
        raise Invalid(
            f"{entry.spec.title} comes with terms that must be accepted first: {entry.spec.card.licence}",
            f"Read them, then run: latentwalk pull {name} --accept-licence",
        )
    if origin.kind == "installed":
        raise Conflict(f"{name} comes with Latentwalk.", "There is nothing to download.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as scratch:
        report(0.05, f"Downloading {origin.requirement}, {origin.bytes / 1e6:.0f} MB")
        wheel = download_wheel(origin.requirement, Path(scratch))
        report(0.6, "Checking its hash")
        verify_sha256(wheel, origin.sha256)
        report(0.7, "Extracting the weights")
        weights = Path(scratch) / "weights"
        extract_member(wheel, origin.member, weights)
        state = read_state(weights, origin.state_key)
        if fingerprint(state) != entry.spec.fingerprint:
            raise ModelFailed(
                f"The weights of {name} differ from the catalogue's.", "Report this: the catalogue is wrong."
            )
        report(0.9, "Saving them as safetensors")
        finished = Path(scratch) / "finished"
        finished.mkdir()
        # Serialised first and written here, because errors of safetensors' own writer do not say that a disk is full.
        contiguous = {name: tensor.contiguous() for name, tensor in state.items()}
        data = safetensors.torch.save(contiguous, metadata={"fingerprint": entry.spec.fingerprint})
        (finished / WEIGHTS).write_bytes(data)
        if terms:
            (finished / LICENCE).write_text(terms + "\n", encoding="utf-8")
        (finished / "card.json").write_text(json.dumps(asdict(entry.spec.card), indent=2))
        target = folder / name
        if target.exists():
            shutil.rmtree(target)
        sync(*sorted(finished.iterdir()), finished)
        finished.rename(target)
        sync(folder)
    report(1.0, f"{entry.spec.title} is ready")
    return target


def download_wheel(requirement: str, folder: Path) -> Path:
    """The wheel of an exact requirement, downloaded by pip without its dependencies. None of its code runs."""
    # Only data is read from the wheel, so the Python version of its code does not matter.
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), requirement]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise ModelFailed(f"Downloading {requirement} took over {TIMEOUT // 60} minutes.", "Try again later.") from None
    wheels = list(folder.glob("*.whl"))
    if process.returncode != 0 or not wheels:
        lines = process.stderr.splitlines() or ["pip found no wheel"]
        last = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1])
        reason = last.removeprefix("ERROR: ").rstrip(".")
        raise ModelFailed(f"{requirement} could not be downloaded: {reason}.", "Check the connection and try again.")
    return wheels[0]


def verify_sha256(path: Path, expected: str) -> None:
    """Raise ModelFailed unless the SHA-256 of the file is `expected`."""
    actual = file_sha256(path)
    if actual != expected:
        raise ModelFailed(
            f"{path.name} is not the file that was pinned: its sha256 begins {actual[:8]}, not {expected[:8]}.",
            "It was truncated or changed during the download; try again.",
        )


def extract_member(wheel: Path, member: str, target: Path) -> None:
    """Write one member of a wheel to `target`; the rest of the archive is not unpacked."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(member).file_size > LARGEST_MEMBER:
                raise ModelFailed(
                    f"{member} is larger than {LARGEST_MEMBER >> 30} GiB.", "It is not the file that was pinned."
                )
            with archive.open(member) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelFailed(f"{wheel.name} does not hold {member}.", "It is not the file that was pinned.") from error
