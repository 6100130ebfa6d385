"""The JSON for regressors, in the HTTP API and on the command line alike."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from server.storage.regressor_entry import RegressorEntry


def regressor(entry: RegressorEntry, *, whole: bool = False) -> dict[str, Any]:
    """One regressor; `whole` adds its fingerprint and its written reason."""
    spec = entry.spec
    view: dict[str, Any] = {
        "name": spec.name,
        "title": spec.title,
        "kind": spec.kind,
        "origin": entry.origin,
        "installed": entry.installed,
        "differentiable": spec.differentiable,
        "span": list(spec.span),
        "unit": spec.unit,
        "card": asdict(spec.card),
        "missing": list(entry.missing),
        "sensitive": list(entry.sensitive),
        "warning": entry.warning,
        "created": entry.created,
        "trust": dict(entry.trust) or None,
        "passport": dict(entry.passport) or None,
        "plan": dict(entry.plan) or None,
        "asks": list(entry.asks),
        "notes": list(entry.notes),
        "suspended": entry.suspended,
        "removable": entry.origin in ("uploaded", "ratings"),
    }
    if whole:
        view |= {"fingerprint": spec.fingerprint, "reason": entry.reason}
    return view
