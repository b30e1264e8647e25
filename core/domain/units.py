"""Units with exact factors, and conversion that is asked for and never assumed (VOCABULARY §5).

Within a dimension every factor is a ratio of whole numbers. Between dimensions, and between currencies without a
named source of rates, conversion is refused with `ConversionUnavailable`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any, Final

import numpy as np
from attrs import frozen

from carbon254.core.domain import vocabulary
from carbon254.core.domain.errors import ConversionUnavailable, InvalidRequest
from carbon254.core.domain.observations import INSTANT, Column

_EXACT: Final = 2**53  # whole numbers up to here are exact in float64
_HOUR_US: Final = 3_600_000_000


@frozen
class Unit:
    """A unit: ``factor`` of it make one of its dimension's base; ``currency`` where money is in it.

    >>> Unit.parse("EURc/kWh")
    Unit(text='EURc/kWh', dimension='money/energy', factor=Fraction(10, 1), currency='EUR')
    """

    text: str
    dimension: str
    factor: Fraction
    currency: str | None = None

    @classmethod
    def parse(cls, text: str) -> Unit:
        """Read a unit such as ``EUR/MWh``, ``GBP/MW/h``, ``MW`` or ``1``. Raises `InvalidRequest` for any other."""
        return _parse(text)

    def __str__(self) -> str:
        return self.text

    def in_currency(self, currency: str) -> Unit:
        """The unit of the same kind with whole units of another currency: ``GBp/therm`` in EUR is ``EUR/therm``."""
        _, slash, below = self.text.partition("/")
        return _parse(f"{currency}{slash}{below}")


def currency_of(unit: str) -> str | None:
    """The currency in a unit; None for a unit without money."""
    return _parse(unit).currency


@cache
def _parse(text: str) -> Unit:
    tables = vocabulary.table("units")
    for dimension in ("energy", "power", "mass", "intensity", "number"):
        if text in tables[dimension]:
            return Unit(text, dimension, Fraction(tables[dimension][text]))
    money, slash, below = text.partition("/")
    currency, factor = _money(money, tables["minor"]) or ("", Fraction(1))
    if not currency:
        raise InvalidRequest(
            f"'{text}' is no unit: use forms as in MW, MWh, EUR/MWh, GBP/MW/h, USD/st or 1."
        )
    if not slash:
        return Unit(text, "money", factor, currency)
    for dimension in ("energy", "mass"):
        if below in tables[dimension]:
            per = Fraction(tables[dimension][below])
            return Unit(text, f"money/{dimension}", factor / per, currency)
    power = below.removesuffix("/h")
    if power != below and power in tables["power"]:
        return Unit(text, "money/power/h", factor / Fraction(tables["power"][power]), currency)
    raise InvalidRequest(
        f"'{text}' is no unit: '{below}' is no energy, mass, or power for an hour."
    )


def _money(word: str, minor: dict[str, Any]) -> tuple[str, Fraction] | None:
    cent, penny = minor["cent"], minor["penny"]
    if word in vocabulary.currencies():
        return word, Fraction(1)
    if word == penny["word"]:
        return str(penny["currency"]), Fraction(penny["factor"])
    whole = word.removesuffix(cent["suffix"])
    if whole != word and whole in vocabulary.currencies() and whole not in cent["not"]:
        return whole, Fraction(cent["factor"])
    return None


def convert_factor(source: str, target: str) -> Fraction:
    """Return the exact factor from one unit to another. Raises `ConversionUnavailable` where there is none.

    >>> convert_factor("GJ", "MWh")
    Fraction(5, 18)
    """
    one, other = _parse(source), _parse(target)
    if one.dimension != other.dimension:
        raise ConversionUnavailable(f"{source} does not convert to {target}: {_hint(one, other)}.")
    if one.currency != other.currency:
        raise ConversionUnavailable(
            f"{source} does not convert to {target} without a named source of rates: "
            f"ask with currency={other.currency} and fx=SOURCE."
        )
    return one.factor / other.factor


def _hint(one: Unit, other: Unit) -> str:
    if {one.dimension, other.dimension} == {"energy", "power"}:
        return (
            "power becomes energy over the length of each interval; ask with as=energy or as=power"
        )
    return f"one is {one.dimension}, the other {other.dimension}"


def convert(values: Column, source: str, target: str) -> Column:
    """Convert values between units of a dimension; each result is the exact product, rounded once to float64.

    ``NaN`` and infinities stay. Raises `ConversionUnavailable` as `convert_factor`.
    """
    return scale(values, convert_factor(source, target))


def scale(values: Column, factor: Fraction) -> Column:
    """Multiply by an exact ratio; each result is the exact product, rounded once to float64.

    One multiplication or division does it where the ratio or its inverse is a whole number that float64 holds;
    any other ratio is worked out in whole numbers, once for each distinct value (about a microsecond each).
    """
    numbers = np.asarray(values, dtype=np.float64)
    up, down = factor.numerator, factor.denominator
    if down == 1 and abs(up) <= _EXACT:
        return numbers * float(up)
    if abs(up) == 1 and down <= _EXACT:
        return numbers / float(up * down)
    distinct, place = np.unique(numbers, return_inverse=True)
    products = (_product(value, up, down) for value in distinct.tolist())
    return np.fromiter(products, dtype=np.float64, count=len(distinct))[place].reshape(
        numbers.shape
    )


def _product(value: float, up: int, down: int) -> float:
    if not np.isfinite(value) or value == 0:
        return value if up > 0 else -value
    numerator, denominator = value.as_integer_ratio()
    try:
        return (numerator * up) / (denominator * down)
    except OverflowError:
        return float("inf") if (value > 0) == (up > 0) else float("-inf")


def to_energy(mw: Column, start: Column, end: Column) -> Column:
    """Mean power over each interval as its energy in MWh. Raises `InvalidRequest` for an interval without length."""
    return _by_length(mw, start, end, inverse=False)


def to_power(mwh: Column, start: Column, end: Column) -> Column:
    """Energy of each interval as mean power in MW. Raises `InvalidRequest` for an interval without length."""
    return _by_length(mwh, start, end, inverse=True)


def _by_length(values: Column, start: Column, end: Column, *, inverse: bool) -> Column:
    numbers = np.asarray(values, dtype=np.float64)
    length = (np.asarray(end, dtype=INSTANT) - np.asarray(start, dtype=INSTANT)).astype(np.int64)
    if len(length) and length.min() <= 0:
        raise InvalidRequest(
            "Power and energy convert over intervals only: an instant has no length."
        )
    result = np.empty(len(numbers))
    for microseconds in np.unique(length).tolist():
        same = length == microseconds
        hours = Fraction(microseconds, _HOUR_US)
        result[same] = scale(numbers[same], 1 / hours if inverse else hours)
    return result
