"""An uploaded ONNX model as a regressor. It is inspected and run in a sandbox, never in this process."""

from __future__ import annotations

import hashlib
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from models.errors import Invalid, ModelFailed
from models.regressors.onnx.detect_format import EXPORT, check_is_onnx
from models.regressors.onnx.input_plan import InputPlan, prepare_input, read_scores
from models.regressors.onnx.passport import Passport, validate
from models.regressors.protocol import RegressorSpec
from models.sandbox.client import Sandbox, SandboxError, SandboxRefused, SandboxTimeout
from models.sandbox.device_turn import off_device

MODEL, PLAN = "model.onnx", "plan.json"
BATCH = 16  # images per batch, if the model accepts any number
SECONDS = 60.0  # for one batch
NICENESS = 19  # scores take only what nobody else needs of the processor
LARGEST_ANSWER = 16 * 2**20  # bytes: scores of a batch, not images
DIMMED = 8  # images that are scored again with half their light
MOST_OPEN = 4  # sandboxes that stay open for further scores
CONSTANT = 1e-6  # deviation of the scores, relative to their mean, below which they are all the same


def inspect(data: bytes, *, unlocked: bool = False) -> Passport:
    """What the file holds. Invalid, with the reason, if it is not ONNX, not of an accepted kind or cannot be read."""
    check_is_onnx(data)
    try:
        with Sandbox("onnx", unlocked=unlocked) as sandbox:
            body = sandbox.call("inspect", {}, [np.frombuffer(data, np.uint8)], most=0, hint=EXPORT).body
        return validate(body, data)
    except SandboxError as error:
        raise Invalid(str(error), error.hint) from error


def stored_files(data: bytes, plan: InputPlan) -> dict[str, bytes]:
    """The files that store a regressor, by name."""
    return {MODEL: data, PLAN: plan.model_dump_json(indent=1).encode()}


def fingerprint(data: bytes, plan: InputPlan) -> str:
    """`sha256:` over the model and its plan, because another plan gives other scores."""
    return "sha256:" + hashlib.sha256(data + plan.model_dump_json().encode()).hexdigest()


def load_regressor(
    folder: Path, spec: RegressorSpec, *, unlocked: bool = False, on_timeout: Callable[[], None] = lambda: None
) -> OnnxRegressor:
    """The regressor stored in a folder; it calls `on_timeout` when a score takes too long.

    ModelFailed if its files are missing or do not match its spec.
    """
    try:
        data, text = (folder / MODEL).read_bytes(), (folder / PLAN).read_bytes()
        plan = InputPlan.model_validate_json(text)
    except (OSError, ValidationError) as error:
        raise ModelFailed(f"The files of {spec.title} cannot be read.", "Upload it again.") from error
    if fingerprint(data, plan) != spec.fingerprint:
        raise ModelFailed(f"The files of {spec.title} were changed since it was uploaded.", "Upload it again.")
    return OnnxRegressor(spec, data, plan, unlocked=unlocked, on_timeout=on_timeout)


class OnnxRegressor:
    """A regressor whose network runs in a sandbox, which starts at the first score and again after an error.

    The sandboxes of the MOST_OPEN last used regressors stay open; the others start theirs again when they are used.
    """

    _recent: ClassVar[list[weakref.ref[OnnxRegressor]]] = []
    _recent_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(
        self,
        spec: RegressorSpec,
        data: bytes,
        plan: InputPlan,
        *,
        unlocked: bool = False,
        on_timeout: Callable[[], None] = lambda: None,
    ) -> None:
        self.spec, self.plan = spec, plan
        self._on_timeout = on_timeout
        self._data = np.frombuffer(data, np.uint8)
        self._unlocked = unlocked
        self._sandbox: Sandbox | None = None
        self._finalizer: weakref.finalize[[], OnnxRegressor] | None = None
        self._lock = threading.Lock()

    def score(self, images: Tensor) -> Tensor:
        """Scores [N] of images [N, C, H, W] in [-1, 1]. ModelFailed if the model fails or gives no number for each."""
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ModelFailed(
                f"{self.spec.title} cannot score images of shape {list(images.shape)}.",
                "They must be [N, 1 or 3, H, W].",
            )
        size = self.plan.batch or BATCH
        inputs = [prepare_input(images[start : start + size], self.plan) for start in range(0, len(images), size)]
        with off_device(), self._lock:  # somebody else's images may take long: that wait is off the device, too
            self._mark_recent()
            try:
                parts = [self._score_batch(batch, size) for batch in inputs]
            except SandboxTimeout:
                self._on_timeout()
                raise
        return torch.cat(parts) if parts else torch.empty(0)

    def close(self) -> None:
        """End the sandbox, after a batch that is being scored; the next score starts another."""
        with self._lock:
            self._close_sandbox()

    def _mark_recent(self) -> None:
        """Become the most recently used; close the sandboxes beyond the limit, unless they are in use."""
        with self._recent_lock:
            others = [ref for ref in self._recent if ref() is not None and ref() is not self]
            self._recent[:] = [*others, weakref.ref(self)]
            excess = [ref() for ref in self._recent[:-MOST_OPEN]]
        for regressor in excess:
            if regressor is not None and regressor._lock.acquire(blocking=False):
                try:
                    regressor._close_sandbox()
                finally:
                    regressor._lock.release()

    def _close_sandbox(self) -> None:
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            sandbox.close()
        if self._finalizer is not None:
            self._finalizer.detach()

    def _score_batch(self, inputs: np.ndarray[Any, Any], size: int) -> Tensor:
        count = len(inputs)
        if self.plan.batch and count < size:  # the model takes batches of one size: repeat the last image
            inputs = np.concatenate([inputs, np.repeat(inputs[-1:], size - count, axis=0)])
        arguments = {"output": self.plan.output}
        try:
            sandbox = self._open_sandbox()
            arrays = sandbox.call("run", arguments, [inputs], most=LARGEST_ANSWER, hint=EXPORT).arrays
        except SandboxError:
            self._close_sandbox()
            raise
        if len(arrays) != 1:
            raise ModelFailed(f"{self.spec.title} gave no scores.", EXPORT)
        return read_scores(arrays[0], len(inputs), self.plan)[:count]

    def _open_sandbox(self) -> Sandbox:
        if self._sandbox is None:
            sandbox = Sandbox("onnx", seconds=SECONDS, niceness=NICENESS, unlocked=self._unlocked).__enter__()
            try:
                sandbox.call("load", {}, [self._data], most=0, hint=EXPORT)
            except BaseException:
                sandbox.close()
                raise
            self._sandbox = sandbox
            # The sandbox ends with this object, or with the process.
            self._finalizer = weakref.finalize(self, sandbox.close)
        return self._sandbox


def open_fitting(
    spec: RegressorSpec,
    data: bytes,
    plan: InputPlan,
    images: Tensor,
    *,
    unlocked: bool = False,
    on_timeout: Callable[[], None] = lambda: None,
) -> OnnxRegressor:
    """The regressor with `plan`, or with a batch of 1 where it declares any number of images and takes only one.

    Such models come from exporters that write the batch of their example into a Reshape. A model that cannot take one
    image either is returned with `plan`, and fails with its own reason when it scores.
    """
    regressor = OnnxRegressor(spec, data, plan, unlocked=unlocked, on_timeout=on_timeout)
    if plan.batch is not None or _can_score(regressor, images[:2]):
        return regressor
    single = OnnxRegressor(spec, data, plan.model_copy(update={"batch": 1}), unlocked=unlocked, on_timeout=on_timeout)
    return single if _can_score(single, images[:2]) else regressor


def _can_score(regressor: OnnxRegressor, images: Tensor) -> bool:
    # Whether the graph takes these images; an exceeded limit is raised, for another batch would exceed it, too.
    try:
        regressor.score(images)
    except ModelFailed as error:
        regressor.close()
        if isinstance(error, SandboxError) and not isinstance(error, SandboxRefused):
            raise
        return False
    return True


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The scores of some images in figures, and the seconds per image.

    `darker` is the change of a score when the light is halved, in standard deviations: far from 0, it follows light.
    """

    low: float
    high: float
    mean: float
    deviation: float
    seconds: float
    darker: float


def probe(regressor: OnnxRegressor, images: Tensor) -> ProbeResult:
    """Score images [N, C, H, W], 8 or more that differ. ModelFailed if the scores are constant or not reproducible."""
    regressor.score(images[:1])  # starting the sandbox is not part of the time per image
    begin = time.perf_counter()
    scores = regressor.score(images)
    seconds = (time.perf_counter() - begin) / len(images)
    deviation, mean = float(scores.std()), float(scores.mean())
    if deviation <= CONSTANT * max(abs(mean), 1e-3):
        raise ModelFailed(
            f"It gives every image the same score, {mean:.4g}.",
            "Check the range and normalisation of its input, and which output is the score.",
        )
    again = regressor.score(images[:4])
    if not torch.allclose(again, scores[:4], rtol=1e-3, atol=1e-3 * deviation):
        raise ModelFailed(
            "It gives the same image another score each time, or the score depends on the other images of the batch.",
            "Export it in evaluation mode: model.eval().",
        )
    some = slice(None, None, max(len(images) // DIMMED, 1))
    darker = float((regressor.score((images[some] + 1) / 2 - 1) - scores[some]).mean()) / deviation
    return ProbeResult(float(scores.min()), float(scores.max()), mean, deviation, seconds, darker)
