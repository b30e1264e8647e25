"""Currency conversion, with rates as two publishers might print them."""

from datetime import date
from fractions import Fraction

import numpy as np
import pytest

from carbon254.core.domain.errors import ConversionUnavailable, InvalidRequest
from carbon254.core.domain.rates import DayRates, convert_currency

ECB = DayRates(
    "ECB",
    "EUR",
    "GBP",
    {
        date(2025, 1, 2): Fraction("0.8"),
        date(2025, 1, 3): Fraction("0.83"),
        date(2025, 1, 6): Fraction("0.75"),
    },
)


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def test_each_value_takes_the_rate_of_its_own_day() -> None:
    result = convert_currency(
        np.array([100.0, -50.0, 100.0]),
        days("2025-01-02", "2025-01-02", "2025-01-06"),
        "EUR/MWh",
        "GBP",
        ECB,
    )
    assert result.values.tolist() == [80.0, -40.0, 75.0]
    assert (result.unit, result.source) == ("GBP/MWh", "ECB")
    assert result.rates == {date(2025, 1, 2): Fraction(4, 5), date(2025, 1, 6): Fraction(3, 4)}


def test_the_other_direction_is_one_over_the_rate_exactly() -> None:
    result = convert_currency(
        np.array([83.0, 40.0]), days("2025-01-03", "2025-01-02"), "GBP/MWh", "EUR", ECB
    )
    assert result.values.tolist() == [100.0, 50.0]
    assert result.rates[date(2025, 1, 3)] == Fraction(100, 83)


def test_minor_units_become_whole_ones_of_the_other_currency() -> None:
    result = convert_currency(np.array([7500.0]), days("2025-01-06"), "GBp/therm", "EUR", ECB)
    assert (result.values.tolist(), result.unit) == ([100.0], "EUR/therm")


def test_the_same_currency_needs_no_rate_of_the_day() -> None:
    result = convert_currency(np.array([12.5]), days("1999-01-01"), "EURc/kWh", "EUR", ECB)
    assert (result.values.tolist(), result.unit, result.rates) == (
        [12.5 / 100],
        "EUR/kWh",
        {date(1999, 1, 1): 1},
    )


def test_a_day_without_a_rate_is_refused_and_never_filled() -> None:
    with pytest.raises(ConversionUnavailable, match=r"ECB.*2025-01-04"):
        convert_currency(
            np.array([1.0, 1.0]), days("2025-01-03", "2025-01-04"), "EUR/MWh", "GBP", ECB
        )


@pytest.mark.parametrize(
    ("unit", "currency", "source", "error", "text"),
    [
        ("EUR/MWh", "GBP", None, ConversionUnavailable, "fx=SOURCE"),
        ("MW", "GBP", ECB, ConversionUnavailable, "no money"),
        ("EUR/MWh", "USD", ECB, ConversionUnavailable, "no rate from EUR to USD"),
        ("EUR/MWh", "XXX", ECB, InvalidRequest, "no currency"),
    ],
)
def test_refusals(
    unit: str, currency: str, source: DayRates | None, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        convert_currency(np.array([1.0]), days("2025-01-02"), unit, currency, source)


@pytest.mark.parametrize("rate", [Fraction(0), Fraction(-1)])
def test_a_rate_is_positive(rate: Fraction) -> None:
    with pytest.raises(InvalidRequest, match="greater than 0"):
        DayRates("ECB", "EUR", "GBP", {date(2025, 1, 2): rate})
