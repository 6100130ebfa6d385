"""Units: how an amount as people read it ("×1.40", "−6.0 px") maps to a coordinate in which effects add up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from latentwalk.errors import Invalid


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of effect.

    symbol    written with the amount: "px", "°", "x" ...; at most 16 characters
    neutral   the amount that changes nothing: 1 for a zoom factor, 0 for pixels
    scale     effects add up in the *coordinate*, log2(amount / neutral) for "log" and amount - neutral for "linear"
    decimals  0 to 6 decimals are shown

    Raises ValueError for anything else.
    """

    symbol: str
    neutral: float = 0.0
    scale: Literal["linear", "log"] = "linear"
    decimals: int = 1

    def __post_init__(self) -> None:
        if self.scale not in ("linear", "log"):
            raise ValueError("a unit's scale is linear or log")
        if not math.isfinite(self.neutral) or (self.scale == "log" and self.neutral <= 0):
            raise ValueError("a unit's neutral amount must be finite, and above zero on a scale of factors")
        if type(self.decimals) is not int or not 0 <= self.decimals <= 6:
            raise ValueError("a unit shows 0 to 6 decimals")
        if not isinstance(self.symbol, str) or len(self.symbol) > 16:
            raise ValueError("a unit's symbol is a text of at most 16 characters")

    def coordinate(self, amount: float) -> float:
        """The signed coordinate of an amount, 0 at neutral. Raises Invalid for an amount that is not on the scale."""
        if not math.isfinite(amount):
            raise Invalid(f"{amount} is not an amount.", f"Give a number in {self.symbol}.")
        if self.scale == "linear":
            return amount - self.neutral
        if amount <= 0:
            raise Invalid(f"{amount:g} {self.symbol} is not a factor.", "Give a number above zero.")
        return math.log2(amount) - math.log2(self.neutral)  # the quotient itself could overflow

    def amount(self, coordinate: float) -> float:
        """The amount at a coordinate."""
        return coordinate + self.neutral if self.scale == "linear" else self.neutral * 2.0**coordinate

    def describe(self, amount: float) -> str:
        """The amount as text: "×1.40", "+6.0 px", "−8.0°"."""
        places = f".{self.decimals}f" if abs(amount) < 1e6 else ".3g"  # fixed-point 1e300 has 300 digits
        if self.scale == "log":
            return f"{'×' if self.symbol == 'x' else self.symbol}{amount:{places}}"
        gap = "" if self.symbol == "°" else " "
        return f"{amount:+{places}}{gap}{self.symbol}".replace("-", "−")
