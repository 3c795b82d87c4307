"""Take a text apart into its words and its numbers, those with an interval together with it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_NUMBER = r"(?<![\w.])[-+\u2212]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?!\w)"
_PATTERN = re.compile(rf"(?P<value>{_NUMBER}) [(\[](?P<low>{_NUMBER})(?: to |, )(?P<high>{_NUMBER})[)\]]|(?P<alone>{_NUMBER})")
_NOT_FINITE = {"nan", "inf", "-inf"}


@dataclass(frozen=True)
class Printed:
    """A number as it is printed, with the 95 % interval that is printed with it, if any."""

    text: str
    low: float | None = None
    high: float | None = None

    @property
    def value(self) -> float | None:
        """The number itself; None where none is printed."""
        return number(self.text)


def number(text) -> float | None:
    """The finite number that a text is, or None."""
    try:
        value = float(str(text).replace(",", "").replace("\u2212", "-"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def is_number(text: str) -> bool:
    """Whether a cell is one number and nothing else; what is absent, infinite or NaN counts as one."""
    return text.strip().lower() in {"", *_NOT_FINITE} or number(text) is not None


def apart(text: str) -> tuple[str, list[Printed]]:
    """The words of a text with # for each number, and the numbers.

    >>> apart("+0.002 (-0.004 to +0.008), 12 pictures")[0]
    '# (# to #), # pictures'
    >>> apart("+0.002 (-0.004 to +0.008), 12 pictures")[1][0]
    Printed(text='+0.002', low=-0.004, high=0.008)
    """
    found: list[Printed] = []

    def take(match: re.Match) -> str:
        if match["alone"] is not None:
            found.append(Printed(match["alone"]))
            return "#"
        found.append(Printed(match["value"], number(match["low"]), number(match["high"])))
        return re.sub(_NUMBER, "#", match[0])

    words = _PATTERN.sub(take, " ".join(text.split()))
    return words, found
