"""Opens a checkpoint of unknown origin: read in one sandbox, then tried in another as the generator it claims to be."""

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
from models.errors import Invalid, os_reason
from models.generators.cost import check_cost
from models.generators.registry import build
from models.generators.sandbox_task import first_picture, to_parameters
from models.importing import file_formats
from models.importing.direction_files import VectorFile
from models.importing.onnx import generators as onnx_generators
from models.importing.onnx.generators import GraphOptions
from models.importing.passport import Passport
from models.importing.spec_from_passport import spec_from_passport
from models.sandbox.client import Sandbox, SandboxError, SandboxTaskFailed, SandboxUnavailable
from models.sandbox.protocol import Message
from models.specs import GeneratorSpec

LARGEST = 2**30  # bytes of a checkpoint
MEMORY = 4 * 2**30  # bytes for the sandbox: it receives the file in parts, joins them, and copies the weights
LARGEST_VECTORS = 64 * 2**20  # bytes of a file of directions
SECONDS = 180.0
DRAWING_SECONDS = 120.0
DRAWING_MEMORY = 2**30  # bytes for the sandbox that draws, beyond its weights' copies and the feature maps
WEIGHT_COPIES = 5  # as a message, as bytes, as tensors, in float32, and in the network
WEIGHTS = ("pytorch_model.bin", "model.safetensors", "weights.safetensors")
CONFIGS = ("config.json", "generator.json")  # pytorch-pretrained-biggan's, and this package's own
MAX_CONFIG = 2**20  # bytes
MIN_DEVIATION = 1e-3  # the least standard deviation of an image's values; below it there is nothing to see
CHECK_ORIGIN = "Check where the file comes from."
_passport = TypeAdapter(Passport)


@dataclass(frozen=True, slots=True, eq=False)
class OpenedCheckpoint:
    """A checkpoint that was read: its passport, its converted weights, and its own names for its classes, if any.

    `unlocked` is how it was opened, and how it is tried.
    """

    passport: Passport
    state: Mapping[str, Tensor]
    classes: tuple[str, ...] = ()
    unlocked: bool = False

    def spec(self, name: str, year: int, title: str = "") -> GeneratorSpec:
        """The description under which the generator may be kept."""
        return spec_from_passport(name, self.passport, self.state, year, title, self.classes)


def open_checkpoint(
    path: Path, *, unlocked: bool = False, memory: int = MEMORY, graph: GraphOptions | None = None
) -> OpenedCheckpoint:
    """Read a checkpoint, or a folder with one and its config.json, in the sandbox. Nothing in it is run or imported.

    `graph` is what its owner says about an ONNX graph, `unlocked` is as for `Sandbox`. Raises Invalid, with a message
    and a hint, for everything that is not a whole checkpoint of a known family.
    """
    weights, config = _find_files(path)
    try:
        if weights.stat().st_size > LARGEST:
            raise Invalid(f"The file is over {LARGEST / 2**30:g} GiB.", "Use a smaller checkpoint.")
        arrays = [np.fromfile(weights, np.uint8)]
    except OSError as error:
        raise _unreadable(path, error) from error
    if config is not None:
        arrays.append(np.frombuffer(config, np.uint8))
    if file_formats.detect_format(arrays[0].data) is file_formats.ONNX:
        passport, stored = onnx_generators.inspect(arrays[0], options=graph, unlocked=unlocked)
        weights_by_name = {name: torch.from_numpy(array.copy()) for name, array in stored.items()}
        return OpenedCheckpoint(passport, weights_by_name, unlocked=unlocked)
    if graph is not None:
        raise Invalid("Only an ONNX graph has an output range or inputs to choose.", "Leave these options out.")
    answer = _call_sandbox(_reader(memory, unlocked), "read", arrays, {"seconds": SECONDS / 2})
    try:
        passport = _passport.validate_python(answer.body["passport"])
        state = safetensors.torch.load(answer.arrays[0].tobytes())
    except (ValidationError, KeyError, IndexError, safetensors.SafetensorError) as error:
        raise Invalid("The sandbox returned an invalid description of the file.", CHECK_ORIGIN) from error
    if passport.sha256 != hashlib.sha256(arrays[0].data).hexdigest():
        raise Invalid("The sandbox described another file.", "Try again.")
    check_cost(passport.family, state)  # again: a reader that was taken over may have forged its answer
    return OpenedCheckpoint(passport, state, tuple(str(name) for name in answer.body.get("classes", ())), unlocked)


def open_vectors(data: bytes, *, unlocked: bool = False) -> VectorFile:
    """Read another program's directions, or a latent, in the sandbox. Raises Invalid for anything else."""
    if len(data) > LARGEST_VECTORS:
        raise Invalid(f"The file is over {LARGEST_VECTORS >> 20} MiB.", "Keep only the directions in it.")
    answer = _call_sandbox(_reader(MEMORY, unlocked), "vectors", [np.frombuffer(data, np.uint8)], {})
    try:
        rows, spreads = answer.arrays
        format, kind = str(answer.body["format"])[:80], answer.body["kind"]
        if kind not in ("directions", "latent") or rows.dtype != np.float32 or rows.ndim != 2 or not rows.size:
            raise ValueError
        if spreads.shape != (len(rows),) or not np.isfinite(rows).all() or not np.isfinite(spreads).all():
            raise ValueError
    except (KeyError, ValueError):
        raise Invalid("The sandbox returned an invalid description of the file.", CHECK_ORIGIN) from None
    return VectorFile(format, kind, rows, spreads)


def try_generator(
    checkpoint: OpenedCheckpoint, spec: GeneratorSpec, device: torch.device | str = "cpu"
) -> tuple[Generator, str]:
    """The generator, once the sandbox drew an image with it, and that image's golden hash. Raises as `draw_first`."""
    picture = draw_first(checkpoint, spec)
    return build(spec, checkpoint.state, device, CHECK_ORIGIN), golden_hash(picture)


def draw_first(checkpoint: OpenedCheckpoint, spec: GeneratorSpec) -> Tensor:
    """A checkpoint's image of seed 0 and its first class, [C, H, W] in [-1, 1], drawn in the sandbox.

    Raises Invalid where the weights are not the family's or do not fit together, where an image would cost more than
    the family may, takes too long or too much memory, and where it shows nothing.
    """
    cost = check_cost(spec.family, checkpoint.state)
    if cost is None:  # an ONNX graph, which draws in a sandbox of its own
        picture = first_picture(build(spec, checkpoint.state, "cpu", CHECK_ORIGIN))
    else:
        data = safetensors.torch.save({name: tensor.contiguous() for name, tensor in checkpoint.state.items()})
        memory = DRAWING_MEMORY + cost.memory + WEIGHT_COPIES * 2 * len(data)  # weights may be in half precision
        arrays = [np.frombuffer(data, np.uint8)]
        sandbox = Sandbox(
            "drawing", memory=memory, seconds=DRAWING_SECONDS, largest=2 * LARGEST, unlocked=checkpoint.unlocked
        )
        answer = _call_sandbox(sandbox, "draw", arrays, to_parameters(spec))
        picture = _check_picture(answer, spec)
    if not bool(torch.isfinite(picture).all()) or float(picture.std()) < MIN_DEVIATION:
        raise Invalid("The generator makes no image: all values are alike or not finite.", "Use another snapshot.")
    return picture


def _check_picture(answer: Message, spec: GeneratorSpec) -> Tensor:
    # The sandbox may have been taken over by the weights, as unlikely as that is.
    picture = answer.arrays[0] if len(answer.arrays) == 1 else np.zeros(0, np.float32)
    if picture.dtype != np.float32 or picture.ndim != 3 or picture.shape[:2] != (spec.channels, spec.resolution):
        raise Invalid("The sandbox returned no image.", CHECK_ORIGIN)
    return torch.from_numpy(picture.copy())


def golden_hash(picture: Tensor) -> str:
    """The sha256 of an image [C, H, W] in [-1, 1] as 8-bit values; a generator's is that of its `first_picture`."""
    values = ((picture.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy().tobytes()
    return hashlib.sha256(json.dumps(list(picture.shape)).encode() + values).hexdigest()


def _reader(memory: int, unlocked: bool) -> Sandbox:
    return Sandbox("checkpoint", memory=memory, seconds=SECONDS, largest=LARGEST, unlocked=unlocked)


def _call_sandbox(worker: Sandbox, call: str, arrays: list[np.ndarray], parameters: dict[str, Any]) -> Message:
    try:
        with worker as sandbox:
            answer = sandbox.call(call, parameters, arrays)
    except SandboxUnavailable:
        raise
    except SandboxTaskFailed as error:  # an error that no reader foresaw; its text comes from the sandbox
        raise Invalid("The file is damaged in an unexpected way.", CHECK_ORIGIN) from error
    except SandboxError as error:
        raise Invalid(f"{error} The file was not imported.", error.hint) from error
    if "refused" in answer.body:
        raise Invalid(str(answer.body["refused"])[:600], str(answer.body.get("hint", ""))[:300])
    return answer


def _find_files(path: Path) -> tuple[Path, bytes | None]:
    # The weights, and the bytes of the config beside them.
    try:
        if path.is_dir():
            weights = next((path / name for name in WEIGHTS if (path / name).is_file()), None)
            if weights is None:
                raise Invalid(f"There are no weights in {path.name}.", f"It should hold {' or '.join(WEIGHTS)}.")
        else:
            weights = path
        # A config belongs to the weights only where these have one of the names of such folders.
        configs = [weights.with_name(name) for name in CONFIGS] if weights.name in WEIGHTS else []
        return weights, next((_read_config(config) for config in configs if config.is_file()), None)
    except OSError as error:
        raise _unreadable(path, error) from error


def _read_config(path: Path) -> bytes:
    if path.stat().st_size > MAX_CONFIG:
        raise Invalid(f"{path.name} is larger than any network's.", CHECK_ORIGIN)
    return path.read_bytes()


def _unreadable(path: Path, error: OSError) -> Invalid:
    return Invalid(f"{path.name} cannot be read: {os_reason(error)}.", "Check the path.")
