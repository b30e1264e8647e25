"""Values in another unit or currency, and power as energy or back: asked for, exact, and named in the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any, Final, Literal

from attrs import evolve

from carbon254.core.domain.errors import ConversionUnavailable, InvalidRequest
from carbon254.core.domain.expectations import operating_days
from carbon254.core.domain.rates import RateSource, convert_currency
from carbon254.core.domain.resampling import Basis, Intervals
from carbon254.core.domain.units import Unit, convert, convert_factor, to_energy, to_power
from carbon254.core.domain.vocabulary import State, check_measure
from carbon254.core.usecases.query_series import SeriesAnswer
from carbon254.core.usecases.values import Values, intervals_of, marked_converted

_PRICED: Final = ("value", "mean_price")  # columns in the unit of the values


def source_of(rates: Mapping[str, RateSource], name: str | None) -> RateSource | None:
    """The source of this name; None where none is named. Raises `ConversionUnavailable` for an unknown one."""
    if name is None or name in rates:
        return rates[name] if name else None
    known = ", ".join(rates) or "none is installed"
    raise ConversionUnavailable(f"there is no source of rates '{name}' ({known}).")


def in_currency(
    answer: SeriesAnswer, currency: str, source: RateSource | None, zone_name: str, day_start: time
) -> tuple[SeriesAnswer, Any]:
    """The answer in a currency, each row at the rate of its own operating day, and the rates that were used.

    Raises `ConversionUnavailable` without a source or a rate, and for what holds no money.
    """
    if currency == Unit.parse(answer.unit).currency:
        return answer, None
    ok = answer.state == State.OK
    days = operating_days(answer.interval_start[ok], zone_name, day_start) if ok.any() else ok[:0]
    done = convert_currency(answer.value[ok], days, answer.unit, currency, source)
    value = answer.value.copy()
    value[ok] = done.values
    rates = {day.isoformat(): str(rate) for day, rate in done.rates.items()}
    named = {"from": answer.unit, "to": done.unit, "source": done.source, "rates": rates}
    return evolve(answer, unit=done.unit, value=value), named


def in_another_unit(values: Values, unit: str | None) -> Values:
    """Values in another unit of the same dimension. Raises `ConversionUnavailable` for one of another."""
    if unit is None or unit == values.unit:
        return values
    factor = convert_factor(values.unit, unit)
    changed = {
        name: convert(values.columns[name], values.unit, unit)
        for name in _PRICED
        if name in values.columns
    }
    named: dict[str, Any] = {"from": values.unit, "to": unit, "factor": str(factor)}
    if before := values.done.get("conversion"):
        named = {**before, "then": named}
    return marked_converted(values, unit, changed, named)


def in_basis(
    answer: SeriesAnswer, wanted: Literal["energy", "power"] | None
) -> tuple[Intervals, str, Basis]:
    """Rows, unit and basis of what is resampled: power is averaged, energy added, each interval by its own length."""
    rows, basis = intervals_of(answer), check_measure(answer.series.measure).basis
    dimension = Unit.parse(answer.unit).dimension
    if wanted is None:
        if basis == "event":
            raise InvalidRequest(f"{answer.series} is of events: it cannot be resampled.")
        return rows, answer.unit, "sum" if basis == "sum" else "mean"
    if dimension not in ("energy", "power"):
        raise ConversionUnavailable(
            f"{answer.series} is in {answer.unit}: neither energy nor power."
        )
    if wanted == "energy":
        if dimension == "energy":
            return rows, answer.unit, "sum"
        power = convert(rows.value, answer.unit, "MW")
        return evolve(rows, value=to_energy(power, rows.start, rows.end)), "MWh", "sum"
    if dimension == "power":
        return rows, answer.unit, "mean"
    energy = convert(rows.value, answer.unit, "MWh")
    return evolve(rows, value=to_power(energy, rows.start, rows.end)), "MW", "mean"
