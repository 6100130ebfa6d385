"""Generators kept in folders of their own: generator.json says what each is, weights.safetensors lies beside it."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from models.base import Entry, Generator, GeneratorSpec, Origin
from models.catalogue.fsync import settle
from models.errors import LatentwalkError, ModelFailed
from models.generators.registry import build

DESCRIPTION = "generator.json"
WEIGHTS = "weights.safetensors"
LARGEST_DESCRIPTION = 2**20

log = logging.getLogger(__name__)
_spec = TypeAdapter(GeneratorSpec)


def entries(folder: Path) -> dict[str, Entry]:
    """Every generator kept in a folder inside `folder`, by name; those that cannot be read are logged and left out."""
    found = {}
    for path in sorted(folder.glob(f"[!.]*/{DESCRIPTION}")):
        try:
            entry = read(path.parent)
        except LatentwalkError as error:
            log.warning("%s", error)
            continue
        found[entry.spec.name] = entry
    return found


def read(folder: Path) -> Entry:
    """What the folder says of its generator; the weights are not touched."""
    path = folder / DESCRIPTION
    try:
        if path.stat().st_size > LARGEST_DESCRIPTION:
            raise ModelFailed(f"{path} is too large to describe a generator.", "Remove the folder.")
        spec = _spec.validate_json(path.read_bytes())
        size = (folder / WEIGHTS).stat().st_size
    except OSError as error:
        raise ModelFailed(f"The generator in {folder} cannot be read: {error.strerror}.", "Keep it anew.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ModelFailed(f"{path} is wrong at {place or 'its start'}: {first['msg']}.", "Keep it anew.") from error
    if spec.name != folder.name:
        raise ModelFailed(f"{path} describes {spec.name[:60]}, not {folder.name}.", "Rename the folder.")
    return Entry(spec, Origin("folder", "", "", str(folder), "", size))


def load(entry: Entry, device: torch.device | str = "cpu") -> Generator:
    """The generator, its weights checked against its description's fingerprint."""
    path = Path(entry.origin.member) / WEIGHTS
    try:
        state = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise ModelFailed(f"The weights of {entry.spec.name} cannot be read: {error}.", "Keep it anew.") from error
    return build(entry.spec, state, device, "Train, import or install it again.")


def keep(folder: Path, spec: GeneratorSpec, state: Mapping[str, Tensor]) -> Path:
    """Write a generator into `folder`/NAME and return its weights' path; what else lies in that folder stays.

    Stopped between the two files it leaves weights that the old description's fingerprint refuses, never a picture
    of the wrong model. OSError where the disk refuses.
    """
    target = folder / spec.name
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{spec.name}-", dir=folder))
    try:
        # Written by us, not by safetensors, whose errors do not say that a disk is full.
        whole = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
        data = safetensors.torch.save(whole, metadata={"fingerprint": spec.fingerprint})
        (scratch / WEIGHTS).write_bytes(data)
        (scratch / DESCRIPTION).write_text(json.dumps(asdict(spec), indent=2, ensure_ascii=False) + "\n")
        settle(scratch / WEIGHTS, scratch / DESCRIPTION)
        target.mkdir(exist_ok=True)
        (scratch / WEIGHTS).replace(target / WEIGHTS)
        (scratch / DESCRIPTION).replace(target / DESCRIPTION)
        settle(target, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target / WEIGHTS
