"""Add an ONNX model as a regressor: inspected in the sandbox, kept as a draft, tried on images, then confirmed."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import torch
from pydantic import ValidationError

from latentwalk.directions.direction import check_id
from latentwalk.errors import Invalid, first_problem
from latentwalk.steering.latent_sampling import Role, sample_latents
from models.base import Generator
from models.regressors import onnx
from models.regressors.onnx.regressor import MODEL
from models.regressors.protocol import RegressorCard, RegressorSpec
from models.sandbox.device_turn import off_device
from models.specs import title_from_name
from server.storage.regressors import PARTS, RegressorEntry, Regressors, suspended

TRIAL_IMAGES = 16
UNKNOWN_SPAN = (0.0, 1.0)  # the range of scores before the regressor was tried
PASSPORT_PARTS = ("nodes", "parameters", "opset", "producer", "bytes", "sha256", "shape", "outputs")
UNCONFIRMED_SPAN = "span"  # determined by the trial itself, so no person has to confirm it


def add(
    regressors: Regressors,
    data: bytes,
    name: str,
    title: str | None,
    card: Mapping[str, str],
    reason: str | None,
    plan: str | None,
    generator: Generator,
) -> RegressorEntry:
    """Keep a model as a draft and confirm it at once where its input plan is known: from its file or from `plan`.

    `plan` is JSON with the parts of the plan that the file does not tell. The entry's `asks` names what remains open.
    """
    entry = keep_draft(regressors, data, name, title, card, reason)
    if plan is None and set(entry.asks) != {UNCONFIRMED_SPAN}:
        return entry
    try:
        changes = json.loads(plan) if plan else {}
    except ValueError:
        changes = None
    if not isinstance(changes, dict):
        raise Invalid("The plan is not a JSON object.", 'Write it like {"scale": "0..1", "side": 224}.')
    return confirm_plan(regressors, name, changes, generator)


def keep_draft(
    regressors: Regressors, data: bytes, name: str, title: str | None, card: Mapping[str, str], reason: str | None
) -> RegressorEntry:
    """Keep a model as a draft, with what its file holds and a guessed input plan.

    Refused where the file is not ONNX, breaks the rules of the sandbox, or takes no images.
    """
    check_id(name)
    passport = onnx.inspect(data, unlocked=regressors.unlocked)
    plan, asks = onnx.guess_plan(passport)
    spec = RegressorSpec(
        name=name,
        title=title or title_from_name(name),
        kind="onnx",
        differentiable=False,
        span=UNKNOWN_SPAN,
        unit="score",
        fingerprint=onnx.fingerprint(data, plan),
        card=RegressorCard(**{part: card.get(part, "") for part in PARTS}),
    )
    parts = asdict(passport)
    draft = RegressorEntry(
        spec,
        "uploaded",
        reason=reason,
        passport={key: parts[key] for key in PASSPORT_PARTS},
        plan=plan.model_dump(mode="json"),
        asks=(*asks, UNCONFIRMED_SPAN),
    )
    return regressors.keep(draft, onnx.stored_files(data, plan))


def confirm_plan(regressors: Regressors, name: str, changes: Mapping[str, Any], generator: Generator) -> RegressorEntry:
    """Change an upload's input plan, try it on images of a generator, and keep the plan if the scores make sense.

    The regressor's span becomes that of the scores. Refused, with the reason, where the plan does not fit the model,
    or where the scores are not finite, all equal, or not reproducible.
    """
    entry = regressors.find(name)
    data = regressors.read(name, MODEL)
    if entry.spec.kind != "onnx" or data is None:
        raise Invalid(f"{entry.spec.title} is not an uploaded model and has no plan.", "Upload an ONNX file.")
    if entry.suspended:
        raise suspended(entry)
    plan = _changed_plan(entry.plan, changes)
    spec = replace(entry.spec, fingerprint=onnx.fingerprint(data, plan))
    sample = sample_latents(generator, TRIAL_IMAGES, Role.VALIDATE, balanced=True)
    with torch.no_grad():
        images = generator.synthesize(sample.latents, sample.classes)
    timed_out = functools.partial(regressors.record_timeout, name)
    regressor = onnx.OnnxRegressor(spec, data, plan, unlocked=regressors.unlocked, on_timeout=timed_out)
    try:
        trial = onnx.probe(regressor, images)
    finally:
        regressor.close()
    margin = 2 * trial.deviation  # sixteen images do not show the extremes
    spec = replace(spec, span=(_round(trial.low - margin), _round(trial.high + margin)))
    trust = {
        "generator": generator.spec.name,
        "n": TRIAL_IMAGES,
        "mean": _round(trial.mean),
        "deviation": _round(trial.deviation),
        "seconds": _round(trial.seconds),
    }
    confirmed = replace(entry, spec=spec, plan=plan.model_dump(mode="json"), asks=(), trust=trust)
    with off_device():
        return regressors.keep(confirmed, onnx.stored_files(data, plan))


def _changed_plan(plan: Mapping[str, Any], changes: Mapping[str, Any]) -> onnx.InputPlan:
    try:
        return onnx.InputPlan.model_validate({**plan, **changes})
    except ValidationError as error:
        field, reason = first_problem(error.errors(include_url=False, include_input=False))
        raise Invalid(
            f"The plan's {field} is wrong: {reason}.", "The fields of a plan are listed in /openapi.json."
        ) from None


def _round(value: float) -> float:
    return float(f"{value:.4g}")
