"""Measure a direction on held-out latents: its report card, anew."""

from __future__ import annotations

from typing import Any

from latentwalk.directions.direction import Direction
from latentwalk.errors import Invalid
from latentwalk.progress import Work
from latentwalk.steering.measuring import report_card
from latentwalk.steering.scores import report_card as score_report_card
from models.base import Generator
from server.services.directions.regressor_learning import regressor_set
from server.storage.regressors import Regressors


def measure(direction: Direction, generator: Generator, regressors: Regressors) -> Work[dict[str, Any]]:
    """The report card (JSON) of a direction on `generator`, by the transform or the regressor it was learned from.

    Raises Invalid where the regressor installed here is not the one that the direction was learned from.
    """
    if "regressor" not in direction.settings:
        return report_card.measure(generator, direction)
    scorers = regressor_set(regressors, str(direction.settings["regressor"]))
    if scorers.regressor.spec.fingerprint != direction.settings.get("regressor_fingerprint"):
        raise Invalid(
            f"{direction.name} was learned from another version of {scorers.regressor.spec.name} than the one here.",
            "Learn it again.",
        )
    return score_report_card.measure(generator, direction, scorers)
