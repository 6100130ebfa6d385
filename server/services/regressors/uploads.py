"""Add an ONNX model as a regressor: inspected in the sandbox, kept as a draft, tried on images, then confirmed."""

from __future__ import annotations

import functools
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
from server.storage.regressor_entry import PARTS, RegressorEntry
from server.storage.regressors import Regressors, suspended

TRIAL_IMAGES = 16
UNKNOWN_SPAN = (0.0, 1.0)  # the range of scores before the regressor was tried
PASSPORT_PARTS = ("nodes", "parameters", "opset", "producer", "bytes", "sha256", "shape", "outputs")
UNCONFIRMED_SPAN = "span"  # determined by the trial itself, so no person has to confirm it
ANSWERS = {"bins": "column", "sigmoid": "softmax"}  # fields that answer the question for another field


def add(
    regressors: Regressors,
    data: bytes,
    name: str,
    title: str | None,
    card: Mapping[str, str],
    reason: str | None,
    changes: Mapping[str, Any],
    generator: Generator,
    *,
    accept: bool = False,
) -> RegressorEntry:
    """Keep a model as a draft and confirm it at once where its input plan is known: from its file or from `changes`.

    `changes` are the parts of the plan that the file does not tell; with `accept`, the guesses for the others are
    confirmed, too. The entry's `asks` names what remains open.
    """
    entry = keep_draft(regressors, data, name, title, card, reason)
    if not changes and not accept and set(entry.asks) != {UNCONFIRMED_SPAN}:
        return entry
    return confirm_plan(regressors, name, changes, generator, accept=accept)


def keep_draft(
    regressors: Regressors, data: bytes, name: str, title: str | None, card: Mapping[str, str], reason: str | None
) -> RegressorEntry:
    """Keep a model as a draft, with what its file holds and a guessed input plan.

    Refused where the file is not ONNX, breaks the rules of the sandbox, or takes no images.
    """
    check_id(name, "regressor")
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


def confirm_plan(
    regressors: Regressors, name: str, changes: Mapping[str, Any], generator: Generator, *, accept: bool = False
) -> RegressorEntry:
    """Change an upload's input plan, try it on images of a generator, and keep the plan if the scores make sense.

    Only the parts that `changes` names are confirmed by it; `accept` confirms the others as they are. The regressor's
    span becomes that of the scores. Refused, with the reason, where the plan does not fit the model, or where the
    scores are not finite, all equal, or not reproducible.
    """
    entry = regressors.find(name)
    data = regressors.read(name, MODEL)
    if entry.spec.kind != "onnx" or data is None:
        raise Invalid(f"{entry.spec.title} is not an uploaded model and has no plan.", "Upload an ONNX file.")
    if entry.suspended:
        raise suspended(entry)
    plan = _changed_plan(entry.plan, changes)
    onnx.check_fits(plan, entry.passport.get("shape"))
    if plan.output not in [output[0] for output in entry.passport["outputs"]]:
        names = ", ".join(str(output[0]) for output in entry.passport["outputs"])
        raise Invalid(f"The model has no output “{plan.output[:60]}”.", f"Choose one of {names[:200]}.")
    sample = sample_latents(generator, TRIAL_IMAGES, Role.VALIDATE, balanced=True)
    with torch.no_grad():
        images = generator.synthesize(sample.latents, sample.classes)
    timed_out = functools.partial(regressors.record_timeout, name)
    regressor = onnx.open_fitting(entry.spec, data, plan, images, unlocked=regressors.unlocked, on_timeout=timed_out)
    plan = regressor.plan
    try:
        trial = onnx.probe(regressor, images)
    finally:
        regressor.close()
    margin = 2 * trial.deviation  # sixteen images do not show the extremes
    spec = replace(
        entry.spec,
        fingerprint=onnx.fingerprint(data, plan),
        span=(_round(trial.low - margin), _round(trial.high + margin)),
    )
    trust = {
        "generator": generator.spec.name,
        "n": TRIAL_IMAGES,
        "mean": _round(trial.mean),
        "deviation": _round(trial.deviation),
        "seconds": _round(trial.seconds),
    }
    answered = {ANSWERS.get(part, part) for part in changes} | {UNCONFIRMED_SPAN}
    asks = () if accept else tuple(part for part in entry.asks if part not in answered)
    confirmed = replace(entry, spec=spec, plan=plan.model_dump(mode="json"), asks=asks, trust=trust)
    with off_device():
        return regressors.keep(confirmed, onnx.stored_files(data, plan))


def _changed_plan(plan: Mapping[str, Any], changes: Mapping[str, Any]) -> onnx.InputPlan:
    # A named column replaces the expectation over all columns, and one activation the other.
    kept = dict(plan)
    for part, other in (("column", "bins"), ("softmax", "sigmoid"), ("sigmoid", "softmax")):
        if part in changes and other not in changes:
            kept.pop(other, None)
    try:
        return onnx.InputPlan.model_validate({**kept, **changes})
    except ValidationError as error:
        field, reason = first_problem(error.errors(include_url=False, include_input=False))
        raise Invalid(
            f"The plan's {field} is wrong: {reason}.",
            f"The fields of a plan are {', '.join(onnx.InputPlan.model_fields)}.",
        ) from None


def _round(value: float) -> float:
    return float(f"{value:.4g}")
