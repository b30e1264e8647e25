"""Units and factors, with expected answers from definitions (NIST, VOCABULARY §5) and from decimal arithmetic."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon254.core.domain import vocabulary
from carbon254.core.domain.errors import ConversionUnavailable, InvalidRequest
from carbon254.core.domain.units import (
    Unit,
    convert,
    convert_factor,
    currency_of,
    scale,
    to_energy,
    to_power,
)

finite = st.floats(
    allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300, allow_subnormal=False
)


def instants(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [
        ("MWh", "kWh", "1000"),
        ("GWh", "MWh", "1000"),
        ("TWh", "MWh", "1000000"),
        ("MWh", "GJ", "18/5"),
        ("MMBtu", "GJ", "1.05505585262"),  # 1 Btu (IT) = 1055.05585262 J
        ("MMBtu", "therm", "10"),
        ("GW", "kW", "1000000"),
        ("st", "t", "0.90718474"),
        ("st", "lb", "2000"),
        ("lb", "kg", "0.45359237"),
        ("t", "kg", "1000"),
        ("JPY/kWh", "JPY/MWh", "1000"),
        ("EURc/kWh", "EUR/MWh", "10"),
        ("EUR/MWh", "EURc/kWh", "1/10"),
        ("USD/t", "USD/st", "0.90718474"),
        ("GBP/MW/h", "GBP/kW/h", "1/1000"),
        ("GBp/therm", "GBP/therm", "1/100"),
        ("EUR/MWh", "EUR/GJ", "5/18"),
        ("USDc", "USD", "1/100"),
        ("gCO2/kWh", "kg/MWh", "1"),
        ("1", "1", "1"),
    ],
)
def test_factors_are_exact(source: str, target: str, factor: str) -> None:
    assert convert_factor(source, target) == Fraction(factor)
    assert convert_factor(target, source) == 1 / Fraction(factor)


@pytest.mark.parametrize(
    ("source", "target", "hint"),
    [
        ("MW", "MWh", "as=energy"),
        ("MWh", "MW", "as=power"),
        ("EUR/MWh", "EUR/t", "money/mass"),
        ("EUR/MW/h", "EUR/MWh", "money/energy"),
        ("EUR", "EUR/MWh", "money"),
        ("t", "MWh", "mass"),
        ("1", "EUR", "number"),
        ("EUR/MWh", "GBP/MWh", "fx=SOURCE"),
        ("GBp/therm", "EUR/MWh", "fx=SOURCE"),
    ],
)
def test_between_dimensions_and_currencies_there_is_no_factor(
    source: str, target: str, hint: str
) -> None:
    with pytest.raises(ConversionUnavailable, match=hint) as refusal:
        convert_factor(source, target)
    assert refusal.value.code == "conversion_unavailable"


@pytest.mark.parametrize(
    "text",
    ["", "mw", "EUR/", "EUR/MW", "EUR/h", "EUR/MWh/h", "XXX/MWh", "JPYc/kWh", "c/kWh", "eur/MWh", "EUR/EUR", "EUR/1",
     "/MWh", "GBpc", "kgCO2/kWh", "EUR /MWh", "EUR/gCO2/kWh"],
)  # fmt: skip
def test_other_units_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is no unit"):
        Unit.parse(text)


def test_minor_units_are_units_and_no_currencies() -> None:
    assert (currency_of("GBp/therm"), currency_of("EURc/kWh"), currency_of("MW")) == (
        "GBP",
        "EUR",
        None,
    )
    assert not {"GBp", "EURc"} & vocabulary.currencies()
    assert Unit.parse("GBp/therm").in_currency("EUR") == Unit.parse("EUR/therm")
    assert Unit.parse("GBP/MW/h").in_currency("EUR").text == "EUR/MW/h"


def test_every_currency_makes_every_price() -> None:
    for currency in vocabulary.currencies():
        for below in ("", "/MWh", "/kWh", "/MW/h", "/t", "/st", "/MMBtu"):
            assert Unit.parse(currency + below).currency == currency


def rounded_by_decimal(value: float, factor: Fraction) -> float:
    """The exact product in decimal, with digits to spare, read as a float."""
    with localcontext(prec=1200):
        return float(Decimal(value) * factor.numerator / factor.denominator)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    finite,
    st.sampled_from([("MMBtu", "MWh"), ("GJ", "MWh"), ("MWh", "GJ"), ("USD/st", "USD/t"), ("kWh", "MWh"),
                     ("EURc/kWh", "EUR/MWh"), ("GBp/therm", "GBP/MWh"), ("st", "t"), ("lb", "t"), ("MW", "MW")]),
)  # fmt: skip
def test_a_converted_value_is_the_exact_product_rounded_once(
    value: float, pair: tuple[str, str]
) -> None:
    expected = rounded_by_decimal(value, convert_factor(*pair))
    assert convert(np.array([value]), *pair)[0] == expected


def test_gaps_zeros_and_infinities_stay_what_they_are() -> None:
    values = np.array([np.nan, 0.0, -np.inf, np.inf, -3.0])
    for pair in (("GJ", "MWh"), ("MWh", "kWh"), ("kWh", "MWh")):
        result = convert(values, *pair)
        assert np.isnan(result[0])
        assert result[1:4].tolist() == [0.0, -np.inf, np.inf]
        assert result[4] < 0
    assert scale(np.array([1.5e308]), Fraction(10, 3)).tolist() == [np.inf]
    assert convert(np.array([]), "GJ", "MWh").tolist() == []


def test_conversion_leaves_the_given_values_alone() -> None:
    values = np.array([1.0, 2.0])
    values.flags.writeable = False
    assert convert(values, "MW", "kW").tolist() == [1000.0, 2000.0]
    assert values.tolist() == [1.0, 2.0]


def test_power_becomes_energy_by_the_length_of_each_interval() -> None:
    start = instants(
        "2025-01-01T00:00",
        "2025-01-01T01:00",
        "2025-01-01T01:30",
        "2025-01-01T02:00",
        "2025-01-02T00:00",
    )
    end = instants(
        "2025-01-01T01:00",
        "2025-01-01T01:30",
        "2025-01-01T01:45",
        "2025-01-01T02:05",
        "2025-01-03T01:00",
    )
    energy = to_energy(np.array([100.0, 100.0, -100.0, 120.0, 10.0]), start, end)
    assert energy.tolist() == [100.0, 50.0, -25.0, 10.0, 250.0]
    assert to_power(energy, start, end).tolist() == [100.0, 100.0, -100.0, 120.0, 10.0]


def test_an_instant_has_no_energy() -> None:
    noon = instants("2025-01-01T12:00")
    for function in (to_energy, to_power):
        with pytest.raises(InvalidRequest, match="no length"):
            function(np.array([1.0]), noon, noon)
