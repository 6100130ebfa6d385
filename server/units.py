"""Units of sliders: how an amount a person reads ("x1.40", "-6 px") maps to an additive coordinate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from server.errors import Invalid


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of effect.

    `neutral` is the amount that changes nothing (1 for a zoom factor, 0 for pixels). Amounts add up in the
    *coordinate*: log2(amount / neutral) where `scale` is "log", amount - neutral where it is "linear".
    """

    symbol: str
    neutral: float = 0.0
    scale: Literal["linear", "log"] = "linear"
    decimals: int = 1

    def coordinate(self, amount: float) -> float:
        """0 at neutral, signed, additive. Refuses amounts that are not finite or not on the scale."""
        if not math.isfinite(amount):
            raise Invalid(f"{amount} is not an amount.", f"Give a number in {self.symbol}.")
        if self.scale == "linear":
            return amount - self.neutral
        if amount <= 0:
            raise Invalid(f"{amount:g} {self.symbol} is not on a scale of factors.", "Give a number above zero.")
        return math.log2(amount / self.neutral)

    def amount(self, coordinate: float) -> float:
        """The inverse of `coordinate`."""
        return coordinate + self.neutral if self.scale == "linear" else self.neutral * 2.0**coordinate

    def describe(self, amount: float) -> str:
        """The amount as people read it: "x1.40", "+6.0 px"."""
        if self.scale == "log":
            return f"{self.symbol}{amount:.{self.decimals}f}"
        return f"{amount:+.{self.decimals}f} {self.symbol}"
