"""A stranger's checkpoint opened: read in the jail, then tried outside it as the generator that it says it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from models.base import Generator
from models.errors import Invalid
from models.generators.registry import build
from models.importing import onnx_generators
from models.importing.direction_files import VectorFile
from models.importing.formats.detect_format import is_onnx
from models.importing.passport import Passport
from models.importing.spec_from_passport import spec_from_passport
from models.sandbox.client import Sandbox, SandboxError, SandboxTaskFailed, SandboxUnavailable
from models.sandbox.protocol import Message
from models.specs import GeneratorSpec

LARGEST = 2**30  # bytes of a file
MEMORY = 4 * 2**30  # bytes the jail may take: a file arrives in pieces, is put together, and its weights are copied
LARGEST_VECTORS = 64 * 2**20  # bytes of a file of directions
SECONDS = 180.0
WEIGHTS = ("pytorch_model.bin", "model.safetensors", "weights.safetensors")
CONFIGS = ("config.json", "generator.json")  # pytorch-pretrained-biggan's, and ours
LARGEST_CONFIG = 2**20
FLATTEST = 1e-3  # the least deviation of a picture's values that is a picture
_passport = TypeAdapter(Passport)


@dataclass(frozen=True, slots=True, eq=False)
class OpenedCheckpoint:
    """A checkpoint that was read: its passport, its weights in our layout, and its own names for classes, if any."""

    passport: Passport
    state: Mapping[str, Tensor]
    classes: tuple[str, ...] = ()

    def described(self, name: str, year: int, title: str = "") -> GeneratorSpec:
        """The description under which it may be kept."""
        return spec_from_passport(name, self.passport, self.state, year, title, self.classes)


def open_checkpoint(path: Path, *, unlocked: bool = False, memory: int = MEMORY) -> OpenedCheckpoint:
    """Read a checkpoint, or a folder with one and its config.json, in the jail. Nothing in it is run or imported.

    Invalid, with a sentence and a hint, for everything that is not a whole checkpoint of a known kind.
    """
    weights, config = _files(path)
    try:
        if weights.stat().st_size > LARGEST:
            raise Invalid(f"The file is over {LARGEST / 2**30:g} GiB.", "Use a smaller checkpoint.")
        arrays = [np.fromfile(weights, np.uint8)]
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.", "Check the path.") from error
    if config is not None:
        arrays.append(np.frombuffer(config, np.uint8))
    if is_onnx(arrays[0][:16].tobytes()):
        told, graph = onnx_generators.inspect(arrays[0], unlocked=unlocked)
        return OpenedCheckpoint(told, {name: torch.from_numpy(array.copy()) for name, array in graph.items()})
    answer = _asked("read", arrays, {"seconds": SECONDS / 2}, memory, unlocked)
    try:
        passport = _passport.validate_python(answer.body["passport"])
        state = safetensors.torch.load(answer.arrays[0].tobytes())
    except (ValidationError, KeyError, IndexError, safetensors.SafetensorError) as error:
        raise Invalid("What was read of it makes no sense.", "Check where it comes from.") from error
    if passport.sha256 != hashlib.sha256(arrays[0].data).hexdigest():
        raise Invalid("What was read is another file.", "Try again.")
    return OpenedCheckpoint(passport, state, tuple(str(name) for name in answer.body.get("classes", ())))


def open_vectors(data: bytes, *, unlocked: bool = False) -> VectorFile:
    """Read another program's directions, or a latent, in the jail. Invalid, with a sentence, for anything else."""
    if len(data) > LARGEST_VECTORS:
        raise Invalid(f"The file is over {LARGEST_VECTORS >> 20} MiB.", "Keep only the directions in it.")
    answer = _asked("vectors", [np.frombuffer(data, np.uint8)], {}, MEMORY, unlocked)
    try:
        rows, spreads = answer.arrays
        format, kind = str(answer.body["format"])[:80], answer.body["kind"]
        if kind not in ("directions", "latent") or rows.dtype != np.float32 or rows.ndim != 2 or not rows.size:
            raise ValueError
        if spreads.shape != (len(rows),) or not np.isfinite(rows).all() or not np.isfinite(spreads).all():
            raise ValueError
    except (KeyError, ValueError):
        raise Invalid("What was read of it makes no sense.", "Check where it comes from.") from None
    return VectorFile(format, kind, rows, spreads)


def _asked(call: str, arrays: list[np.ndarray], given: dict[str, Any], memory: int, unlocked: bool) -> Message:
    try:
        with Sandbox("checkpoint", memory=memory, seconds=SECONDS, largest=LARGEST, unlocked=unlocked) as jail:
            answer = jail.call(call, given, arrays)
    except SandboxUnavailable:
        raise
    except (
        SandboxTaskFailed
    ) as error:  # an error that no reader foresaw: the file is at fault, and its text is not to be trusted
        raise Invalid("It is damaged in a way that could not be told.", "Check where it comes from.") from error
    except SandboxError as error:
        raise Invalid(f"{error} The file was not taken.", error.hint) from error
    if "refused" in answer.body:
        raise Invalid(str(answer.body["refused"])[:600], str(answer.body.get("hint", ""))[:300])
    return answer


def try_generator(
    opened: OpenedCheckpoint, spec: GeneratorSpec, device: torch.device | str = "cpu"
) -> tuple[Generator, str]:
    """The generator, after it made one picture, and that picture's sha256 (its golden hash, of 8-bit values).

    ModelFailed if the weights are not the family's; Invalid if they do not fit together or make no picture.
    """
    try:
        generator = build(spec, opened.state, device, "Check where it comes from.")
        picture = first_picture(generator)
    except RuntimeError as error:  # shapes that do not fit, however they were made to pass until here
        raise Invalid("Its weights do not fit together.", "Check where it comes from.") from error
    if not bool(torch.isfinite(picture).all()) or float(picture.std()) < FLATTEST:
        raise Invalid("It makes no picture: its values are all alike or not finite.", "Use another snapshot.")
    return generator, _digest(picture)


def golden_hash(generator: Generator) -> str:
    """The sha256 of a generator's picture of seed 0 and its first class, of 8-bit values."""
    return _digest(first_picture(generator))


@torch.inference_mode()
def first_picture(generator: Generator) -> Tensor:
    """A generator's picture of seed 0 and its first class, [C, H, W] in [-1, 1]."""
    names = generator.spec.classes
    classes = torch.eye(len(names))[:1].to(generator.device) if names else None
    return generator.synthesize(generator.map(generator.sample([0]), classes), classes)[0].cpu()


def _digest(picture: Tensor) -> str:
    values = ((picture.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy().tobytes()
    return hashlib.sha256(json.dumps(list(picture.shape)).encode() + values).hexdigest()


def _files(path: Path) -> tuple[Path, bytes | None]:
    try:
        if path.is_dir():
            weights = next((path / name for name in WEIGHTS if (path / name).is_file()), None)
            if weights is None:
                raise Invalid(f"There are no weights in {path.name}.", f"It should hold {' or '.join(WEIGHTS)}.")
        else:
            weights = path
        # Another file's config says nothing of it, so that it must have the name such a folder's weights have.
        beside = [weights.with_name(name) for name in CONFIGS] if weights.name in WEIGHTS else []
        return weights, next((_config(file) for file in beside if file.is_file()), None)
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.", "Check the path.") from error


def _config(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_CONFIG:
        raise Invalid(f"{path.name} is larger than any network's.", "Check where it comes from.")
    return path.read_bytes()
