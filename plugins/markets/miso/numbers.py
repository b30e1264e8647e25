"""Numbers as MISO writes them, and the energy part of a price, which MISO does not publish."""

from __future__ import annotations

import math
import re
import sys
from typing import Final

import numpy as np

from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.observations import Column

MAX_DIGITS: Final = 6
_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)", re.ASCII)


def read_number(value: object, name: str) -> float:
    """Read one number, "71,234" or ".92" or "-4"; empty and null are NaN. Raises `FeedFormatChanged` for others."""
    if value is None or value == "":
        return float("nan")
    number = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = math.inf if abs(value) > sys.float_info.max else float(value)
    elif isinstance(value, str) and _NUMBER.fullmatch(text := value.strip().replace(",", "")):
        number = float(text)
    if not math.isfinite(number):
        raise FeedFormatChanged(f"{name}: {value!r:.60} is no number.")
    return number


def write_number(value: float) -> str:
    """Write a number as the displays do: no point where there is no fraction; NaN as the empty text."""
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if value == round(value) else repr(value)


def write_cents(cents: float) -> str:
    """Write a price as the day-ahead reports do: ``.92``, ``-.94``, ``29``, ``38.1``; NaN as the empty text."""
    if math.isnan(cents):
        return ""
    whole, rest = divmod(abs(int(cents)), 100)
    text = f"{whole or ''}.{rest:02d}".rstrip("0").rstrip(".") or "0"
    return f"-{text}" if cents < 0 else text


def write_price(cents: float) -> str:
    """Write a price as the real-time reports and the displays do: ``0.92``, ``29.00``; NaN as the empty text."""
    return "" if math.isnan(cents) else f"{cents / 100:.2f}"


def energy(price: Column, congestion: Column, loss: Column, name: str) -> Column:
    """Price less congestion less loss as decimal arithmetic gives it, each to the nearest float64.

    The three are counted in whole units of the document's last digit (cents), where sums and differences are exact;
    NaN where one of the three is. Raises `FeedFormatChanged` when the numbers have more than six decimals.
    """
    for digits in range(2, MAX_DIGITS + 1):
        scale = 10.0**digits
        units = [np.rint(part * scale) for part in (price, congestion, loss)]
        if all(
            _same(unit / scale, part)
            for unit, part in zip(units, (price, congestion, loss), strict=True)
        ):
            found: Column = (
                units[0] - units[1] - units[2]
            ) / scale + 0.0  # + 0.0: no negative zero
            return found
    raise FeedFormatChanged(f"{name}: prices have more than {MAX_DIGITS} decimals; MISO's had two.")


def _same(one: Column, other: Column) -> bool:
    return bool(np.all((one == other) | np.isnan(other)))
