"""A stranger's ONNX file as a regressor: inspected, kept and run in the jail, never in this process."""

from __future__ import annotations

import hashlib
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from models.errors import Invalid, ModelFailed
from models.regressors.onnx.detect_format import EXPORT, check_is_onnx
from models.regressors.onnx.input_plan import InputPlan, prepare_input, read_scores
from models.regressors.onnx.passport import Passport, validate
from models.regressors.protocol import RegressorSpec
from models.sandbox.client import Sandbox, SandboxError

MODEL, PLAN = "model.onnx", "plan.json"
BATCH = 16  # pictures at once, where any number may be
SECONDS = 60.0  # for one batch
ANSWER = 16 * 2**20  # bytes: numbers for a batch, not pictures
DIMMED = 8  # pictures that are shown again with half their light
MOST_OPEN = 4  # jails that are kept open for their next scores
ALIKE = 1e-6  # of the scores' size: below it they are all the same


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
    """What is kept of a judge, by file name."""
    return {MODEL: data, PLAN: plan.model_dump_json(indent=1).encode()}


def fingerprint(data: bytes, plan: InputPlan) -> str:
    """`sha256:` over the file and how it is used: another plan gives other scores."""
    return "sha256:" + hashlib.sha256(data + plan.model_dump_json().encode()).hexdigest()


def load_regressor(folder: Path, spec: RegressorSpec, *, unlocked: bool = False) -> OnnxRegressor:
    """The judge kept in a folder. ModelFailed where its files are missing or not the ones its description is of."""
    try:
        data, text = (folder / MODEL).read_bytes(), (folder / PLAN).read_bytes()
        plan = InputPlan.model_validate_json(text)
    except (OSError, ValidationError) as error:
        raise ModelFailed(f"The files of {spec.title} cannot be read.", "Upload it again.") from error
    if fingerprint(data, plan) != spec.fingerprint:
        raise ModelFailed(f"The files of {spec.title} were changed since it was uploaded.", "Upload it again.")
    return OnnxRegressor(spec, data, plan, unlocked=unlocked)


class OnnxRegressor:
    """A regressor whose network runs in a jail, which is opened at the first score and anew after an error.

    Of all of them the MOST_OPEN last used keep their jails open; the others open theirs again when they are asked.
    """

    _recent: ClassVar[list[weakref.ref[OnnxRegressor]]] = []
    _turns: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, spec: RegressorSpec, data: bytes, plan: InputPlan, *, unlocked: bool = False) -> None:
        self.spec, self.plan = spec, plan
        self._data = np.frombuffer(data, np.uint8)
        self._unlocked = unlocked
        self._jail: Sandbox | None = None
        self._end: weakref.finalize[[], OnnxRegressor] | None = None
        self._lock = threading.Lock()

    def score(self, images: Tensor) -> Tensor:
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ModelFailed(
                f"{self.spec.title} cannot look at {list(images.shape)}.", "It looks at [N, 1 or 3, H, W]."
            )
        size = self.plan.batch or BATCH
        with self._lock:
            self._comes_last()
            parts = [self._batch(images[start : start + size], size) for start in range(0, len(images), size)]
        return torch.cat(parts) if parts else torch.empty(0)

    def close(self) -> None:
        """End its jail, after a batch that is being scored; the next score opens another."""
        with self._lock:
            self._drop()

    def _comes_last(self) -> None:
        # In the order of their last use; those that are over the number end, unless they are at work just now.
        with self._turns:
            others = [ref for ref in self._recent if ref() is not None and ref() is not self]
            self._recent[:] = [*others, weakref.ref(self)]
            idle = [ref() for ref in self._recent[:-MOST_OPEN]]
        for judge in idle:
            if judge is not None and judge._lock.acquire(blocking=False):
                try:
                    judge._drop()
                finally:
                    judge._lock.release()

    def _drop(self) -> None:
        jail, self._jail = self._jail, None
        if jail is not None:
            jail.close()
        if self._end is not None:
            self._end.detach()

    def _batch(self, images: Tensor, size: int) -> Tensor:
        pictures = prepare_input(images, self.plan)
        count = len(pictures)
        if self.plan.batch and count < size:  # it takes just so many: the last one is repeated, and left out again
            pictures = np.concatenate([pictures, np.repeat(pictures[-1:], size - count, axis=0)])
        asked = {"output": self.plan.output}
        try:
            jail = self._opened()
            answer = jail.call("run", asked, [pictures], most=ANSWER, hint=EXPORT).arrays
        except SandboxError:
            self._drop()
            raise
        if len(answer) != 1:
            raise ModelFailed(f"{self.spec.title} gave no scores.", EXPORT)
        return read_scores(answer[0], len(pictures), self.plan)[:count]

    def _opened(self) -> Sandbox:
        if self._jail is None:
            jail = Sandbox("onnx", seconds=SECONDS, unlocked=self._unlocked).__enter__()
            try:
                jail.call("load", {}, [self._data], most=0, hint=EXPORT)
            except BaseException:
                jail.close()
                raise
            self._jail = jail
            self._end = weakref.finalize(self, jail.close)  # it ends with its judge, or with the program
        return self._jail


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a judge said of some pictures: the span of its scores, and how long it took for each.

    `darker` is how far half the light moves a score, in deviations: what is far below or above 0 follows the light.
    """

    low: float
    high: float
    mean: float
    deviation: float
    seconds: float
    darker: float


def probe(regressor: OnnxRegressor, images: Tensor) -> ProbeResult:
    """Score pictures [N, C, H, W], N of 8 or more that differ; ModelFailed where the scores say nothing."""
    regressor.score(images[:1])  # opening the jail is not part of what a picture takes
    begin = time.perf_counter()
    scores = regressor.score(images)
    seconds = (time.perf_counter() - begin) / len(images)
    deviation, mean = float(scores.std()), float(scores.mean())
    if deviation <= ALIKE * max(abs(mean), 1e-3):
        raise ModelFailed(
            f"It gives every picture the same score, {mean:.4g}.",
            "Check the range and normalisation it wants its pictures in, and which output is the score.",
        )
    again = regressor.score(images[:4])
    if not torch.allclose(again, scores[:4], rtol=1e-3, atol=1e-3 * deviation):
        raise ModelFailed(
            "It gives the same picture another score each time, or lets pictures of a batch change one another's.",
            "Export it in evaluation mode: model.eval().",
        )
    some = slice(None, None, max(len(images) // DIMMED, 1))
    darker = float((regressor.score((images[some] + 1) / 2 - 1) - scores[some]).mean()) / deviation
    return ProbeResult(float(scores.min()), float(scores.max()), mean, deviation, seconds, darker)
