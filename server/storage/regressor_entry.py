"""One stored regressor and everything that is recorded about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.regressors.protocol import RegressorSpec
from server.storage import sensitive_terms

PARTS = ("measures", "data", "source", "licence", "limits")  # of a card


@dataclass(frozen=True, slots=True)
class RegressorEntry:
    """One regressor with everything that is recorded about it.

    `origin` is built in, fetched, uploaded or ratings. `missing` names the blank parts of its card: while there are
    any, no direction is learned from it. `sensitive` are the protected or social categories that its texts name,
    `reason` is the owner's justification. `trust` holds the figures of a fit to ratings. For an upload, `passport` is
    what the file contains, `plan` is how pictures are prepared for it, and `asks` are the parts of the plan that the
    file does not determine and no person has confirmed. `timeouts` are the times at which a score took too long, of the
    last day; with the second, the regressor is `suspended` (since that time) until somebody resumes it.
    """

    spec: RegressorSpec
    origin: str
    installed: bool = True
    missing: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    reason: str | None = None
    created: str = ""
    trust: Mapping[str, Any] = field(default_factory=dict)
    passport: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    asks: tuple[str, ...] = ()
    timeouts: tuple[str, ...] = ()
    suspended: str | None = None

    @property
    def warning(self) -> str:
        """The text shown beside its score, "" unless it names a sensitive category."""
        return sensitive_terms.warning(self.sensitive, self.spec.title)

    @property
    def notes(self) -> tuple[str, ...]:
        """Plain sentences about how an upload is run."""
        batch = self.plan.get("batch")
        images = "one image" if batch == 1 else f"{batch} images"
        return (f"Its batch is fixed at {batch}: it scores {images} per call.",) if batch else ()

    def about(self) -> dict[str, Any]:
        """The record kept in every direction learned from it, as JSON."""
        if not self.sensitive:
            return {}
        return {"sensitive": list(self.sensitive), "reason": self.reason, "warning": self.warning}
