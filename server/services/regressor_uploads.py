"""Uploaded models as judges: opened in the jail, kept as a draft, tried on pictures, and confirmed with their plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import torch
from pydantic import ValidationError

from latentwalk.directions.direction import check_id
from latentwalk.errors import Invalid
from latentwalk.steering.latent_sampling import Role, sample_latents
from models.base import Generator
from models.regressors import onnx
from models.regressors.onnx.regressor import MODEL
from models.regressors.protocol import RegressorCard, RegressorSpec
from server.storage.regressors import PARTS, RegressorEntry, Regressors

TRIED = 16  # pictures a judge is tried on
UNKNOWN = (0.0, 1.0)  # the span of scores before it was tried
NOTED = ("nodes", "parameters", "opset", "producer", "bytes", "sha256", "shape", "outputs")


def keep_draft(
    regressors: Regressors, data: bytes, name: str, title: str | None, card: Mapping[str, str], reason: str | None
) -> RegressorEntry:
    """Keep a model as a draft: what it holds, and a guess of how it wants its pictures. Refused where it is not ONNX,
    breaks the jail's rules, or takes no pictures."""
    check_id(name)
    passport = onnx.inspect(data, unlocked=regressors.unlocked)
    plan, asks = onnx.guess_plan(passport)
    told = asdict(passport)
    spec = RegressorSpec(
        name=name,
        title=title or name.replace("_", " ").capitalize(),
        kind="onnx",
        differentiable=False,
        span=UNKNOWN,
        unit="score",
        fingerprint=onnx.fingerprint(data, plan),
        card=RegressorCard(**{part: card.get(part, "") for part in PARTS}),
    )
    noted = {key: told[key] for key in NOTED}
    draft = RegressorEntry(
        spec, "uploaded", reason=reason, passport=noted, plan=plan.model_dump(mode="json"), asks=(*asks, "span")
    )
    return regressors.keep(draft, onnx.stored_files(data, plan))


def confirm_plan(regressors: Regressors, name: str, changes: Mapping[str, Any], generator: Generator) -> RegressorEntry:
    """Change an upload's plan, try it on a generator's pictures, and keep the plan where the scores say something.

    The span becomes that of the scores. Refused, with the reason, where the plan does not fit the model, or its
    scores are not numbers, all the same, or another each time.
    """
    entry = regressors.find(name)
    data = regressors.read(name, MODEL)
    if entry.spec.kind != "onnx" or data is None:
        raise Invalid(f"{entry.spec.title} is no uploaded model, and has no plan.", "Upload an ONNX file.")
    try:
        plan = onnx.InputPlan.model_validate({**entry.plan, **changes})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:60]
        raise Invalid(
            f"The plan's {place} is wrong: {first['msg'].lower()}.", "See /openapi.json for a plan."
        ) from None
    spec = replace(entry.spec, fingerprint=onnx.fingerprint(data, plan))
    drawn = sample_latents(generator, TRIED, Role.WATCH, in_turn=True)
    with torch.no_grad():
        pictures = generator.synthesize(drawn.latents, drawn.classes)
    judge = onnx.OnnxRegressor(spec, data, plan, unlocked=regressors.unlocked)
    try:
        tried = onnx.probe(judge, pictures)
    finally:
        judge.close()
    room = 2 * tried.deviation  # sixteen pictures do not show the ends
    spec = replace(spec, span=(_round(tried.low - room), _round(tried.high + room)))
    trust = {
        "generator": generator.spec.name,
        "n": TRIED,
        "mean": _round(tried.mean),
        "deviation": _round(tried.deviation),
        "seconds": _round(tried.seconds),
    }
    confirmed = replace(entry, spec=spec, plan=plan.model_dump(mode="json"), asks=(), trust=trust)
    return regressors.keep(confirmed, onnx.stored_files(data, plan))


def _round(value: float) -> float:
    return float(f"{value:.4g}")
