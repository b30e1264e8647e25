"""Currency conversion: only with a named source, at the rate of the value's own day (VOCABULARY §5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from attrs import field, frozen

from carbon254.core.domain import vocabulary
from carbon254.core.domain.errors import ConversionUnavailable, InvalidRequest
from carbon254.core.domain.observations import Column
from carbon254.core.domain.units import Unit, convert_factor, scale


class RateSource(Protocol):
    """Says what one unit of a currency was worth in another on a day, by its own publication for that day."""

    @property
    def name(self) -> str:
        """The source's name, as in ``fx=ECB``."""
        ...

    def rate(self, currency: str, to: str, day: date) -> Fraction | None:
        """The units of ``to`` for one of ``currency``; None where the source has none for this very day."""
        ...


def _positive(instance: object, attribute: Any, rates: Mapping[date, Fraction]) -> None:
    for day, rate in rates.items():
        if rate <= 0:
            raise InvalidRequest(f"the rate of {day} is {rate}: a rate is greater than 0.")


@frozen
class DayRates:
    """A table of day rates of one pair: units of ``quote`` for one of ``base``. The other direction is 1 / rate."""

    name: str
    base: str
    quote: str
    rates: Mapping[date, Fraction] = field(validator=_positive)

    def rate(self, currency: str, to: str, day: date) -> Fraction | None:
        """The rate of this very day, or None: never another day's, never between two."""
        found = self.rates.get(day)
        if found is None or (currency, to) == (self.base, self.quote):
            return found
        return 1 / found if (currency, to) == (self.quote, self.base) else None


@frozen(eq=False)
class Converted:
    """Values in another currency, and everything needed to check them: source and rate of each day used."""

    values: Column
    unit: str
    source: str
    rates: Mapping[date, Fraction]


def convert_currency(
    values: Column, days: Column, unit: str, currency: str, source: RateSource | None
) -> Converted:
    """Convert values of a unit with money to whole units of a currency, each at the rate of its own day.

    ``days`` are delivery days, ``datetime64[D]``. Each result is the exact product, rounded once. Raises
    `ConversionUnavailable` without a source, for a unit without money and for a day without a rate.
    """
    before = Unit.parse(unit)
    if currency not in vocabulary.currencies():
        raise InvalidRequest(
            f"'{currency}' is no currency in use: {', '.join(sorted(vocabulary.currencies()))}."
        )
    if before.currency is None:
        raise ConversionUnavailable(f"{unit} holds no money: it has no value in {currency}.")
    after = before.in_currency(currency)
    if source is None:
        raise ConversionUnavailable(
            f"{unit} to {after} needs a named source of rates: ask with fx=SOURCE."
        )
    minor = convert_factor(unit, before.in_currency(before.currency).text)
    numbers, dates = np.asarray(values, dtype=np.float64), np.asarray(days, dtype="datetime64[D]")
    result, used = np.empty(len(numbers)), {}
    for day in np.unique(dates):
        rate = _rate(source, before.currency, currency, day.item())
        used[day.item()] = rate
        same = dates == day
        result[same] = scale(numbers[same], minor * rate)
    return Converted(result, after.text, source.name, used)


def _rate(source: RateSource, currency: str, to: str, day: date) -> Fraction:
    rate = Fraction(1) if currency == to else source.rate(currency, to, day)
    if rate is None:
        raise ConversionUnavailable(
            f"'{source.name}' has no rate from {currency} to {to} for {day}; another day's is never used."
        )
    return rate
