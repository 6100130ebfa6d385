"""Generators saved in folders of their own: generator.json describes each, weights.safetensors holds its weights."""

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

from models.atomic_files import sync
from models.base import Generator
from models.errors import Invalid, LatentwalkError, ModelFailed, first_problem, os_reason
from models.external_text import check_json
from models.generators.registry import build
from models.specs import CatalogueEntry, GeneratorSpec, WeightsOrigin

DESCRIPTION = "generator.json"
WEIGHTS = "weights.safetensors"
ENCODER = "encoder.safetensors"  # maps an image to a latent of this generator
DATA_COVERAGE = "mirror.json"  # how far each class can be steered, beside how much its training images vary
LARGEST_DESCRIPTION = 2**20  # bytes

log = logging.getLogger(__name__)
_spec = TypeAdapter(GeneratorSpec)


def entries(folder: Path) -> tuple[dict[str, CatalogueEntry], dict[str, str]]:
    """Every generator saved in a subfolder of `folder`, and why others are damaged (logged), by folder name."""
    found, faults = {}, {}
    for path in sorted(folder.glob(f"[!.]*/{DESCRIPTION}")):
        try:
            entry = read_entry(path.parent)
        except LatentwalkError as error:
            faults[path.parent.name] = str(error)
            log.warning("%s", error)
            continue
        found[entry.spec.name] = entry
    return found, faults


def read_entry(folder: Path) -> CatalogueEntry:
    """The entry of the generator saved in `folder`; its weights are not read. ModelFailed if it is damaged."""
    path = folder / DESCRIPTION
    try:
        if path.stat().st_size > LARGEST_DESCRIPTION:
            raise ModelFailed(f"{path} is too large to describe a generator.", "Remove the folder.")
        spec = _spec.validate_json(path.read_bytes())
        check_json(asdict(spec))
        size = (folder / WEIGHTS).stat().st_size
    except OSError as error:
        raise ModelFailed(
            f"The generator in {folder} cannot be read: {os_reason(error)}.", "Import or train it again."
        ) from error
    except ValidationError as error:
        place, reason = first_problem(error.errors(include_url=False, include_input=False))
        raise ModelFailed(
            f"{path} is wrong at {place or 'its start'}: {reason}.", "Import or train it again."
        ) from error
    except ValueError as error:
        raise ModelFailed(f"{path} cannot be used: {error}.", "Import or train it again.") from error
    if spec.name != folder.name:
        raise ModelFailed(f"{path} describes {spec.name[:60]}, not {folder.name}.", "Rename the folder.")
    return CatalogueEntry(spec, WeightsOrigin("folder", "", "", str(folder), "", size))


def load(entry: CatalogueEntry, device: torch.device | str = "cpu") -> Generator:
    """The generator on a device. ModelFailed if its weights are damaged or differ from the fingerprint of its spec."""
    path = Path(entry.origin.member) / WEIGHTS
    try:
        state = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise ModelFailed(
            f"The weights of {entry.spec.name} cannot be read: {error}.", "Import or train it again."
        ) from error
    return build(entry.spec, state, device, "Train, import or install it again.")


def save(folder: Path, spec: GeneratorSpec, state: Mapping[str, Tensor]) -> Path:
    """Save a generator in `folder`/NAME and return the path of its weights; other files in that folder stay.

    Each of the two files is replaced atomically. A crash between them leaves weights that do not match the old
    fingerprint, which `load` refuses. OSError if the disk refuses, Invalid for a text that is not fit to be shown.
    """
    try:
        check_json(asdict(spec))
    except ValueError as error:
        raise Invalid(f"The generator cannot be kept: {error}.", "Choose other titles and class names.") from None
    target = folder / spec.name
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{spec.name}-", dir=folder))
    try:
        # Serialised first and written here, because errors of safetensors' own writer do not say that a disk is full.
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
        data = safetensors.torch.save(contiguous, metadata={"fingerprint": spec.fingerprint})
        (scratch / WEIGHTS).write_bytes(data)
        (scratch / DESCRIPTION).write_text(json.dumps(asdict(spec), indent=2, ensure_ascii=False) + "\n")
        sync(scratch / WEIGHTS, scratch / DESCRIPTION)
        target.mkdir(exist_ok=True)
        (scratch / WEIGHTS).replace(target / WEIGHTS)
        (scratch / DESCRIPTION).replace(target / DESCRIPTION)
        sync(target, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target / WEIGHTS
