"""The closed words: what is in them, and that code and tables agree."""

import pytest

from carbon254.core.domain import vocabulary
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.units import Unit
from carbon254.core.domain.vocabulary import Finality, Flag, PublishedBasis, State, check_measure


@pytest.mark.parametrize(
    ("measure", "unit", "basis"),
    [
        ("price", "CUR/MWh", "clearing"),
        ("price-gbp", "CUR/MWh", "clearing"),
        ("price-p05", "CUR/MWh", "clearing"),
        ("price_reserve-reg_up", "CUR/MW/h", "clearing"),
        ("load-p90", "MW", "mean"),
        ("generation", "MW", "mean"),
        ("generation_solar", "MW", "mean"),
        ("generation_hydro_pumped", "MW", "mean"),
        ("consumption_hydro_pumped", "MW", "mean"),
        ("capacity_installed_wind_offshore", "MW", "instant"),
        ("capacity_available", "MW", "mean"),
        ("generation_energy", "MWh", "sum"),
        ("bids-successful", "1", "event"),
        ("fx_rate-eur_gbp", "1", "instant"),
    ],
)
def test_measures_have_unit_and_basis(measure: str, unit: str, basis: str) -> None:
    facts = check_measure(measure)
    assert (facts.unit, facts.basis) == (unit, basis)


@pytest.mark.parametrize(
    "measure",
    [
        "",
        "lmp",
        "price_",
        "price-",
        "price-usx",
        "price-GBP",
        "price-p9",
        "price-p95_",
        "consumption",
        "curtailment",
        "capacity_installed",
        "generation_unobtainium",
        "load_solar",
        "load-p90-p10",
        "fx_rate-eurgbp",
        "fx_rate-eur_xyz",
        "fx_rate-eur_",
        "price_energy-gbp",
    ],
)
def test_other_words_are_refused(measure: str) -> None:
    with pytest.raises(InvalidRequest):
        check_measure(measure)


@pytest.mark.parametrize(
    ("words", "table"),
    [(State, "states"), (Finality, "finality"), (PublishedBasis, "published_basis")],
)
def test_stored_codes_equal_their_table(words: type, table: str) -> None:
    assert {one.name.lower(): one.value for one in words} == vocabulary.table("vocabulary")[table]


def test_flags_equal_their_table() -> None:
    bits = vocabulary.table("vocabulary")["flags"]
    assert {(one.name or "").lower(): one.value for one in Flag} == {
        word: 1 << bit for word, bit in bits.items()
    }
    assert Flag.words(int(Flag.SUSPECT | Flag.ESTIMATED)) == ("estimated", "suspect")
    assert vocabulary.KNOWN_FLAGS.bit_count() == len(bits)


def test_states_and_finality_are_ordered_as_the_vocabulary_says() -> None:
    assert [one.word for one in State] == [
        "ok", "missing", "not_applicable", "quarantined", "pending", "late", "withheld",
    ]  # fmt: skip
    assert Finality.INDICATIVE < Finality.PRELIMINARY < Finality.FINAL < Finality.CORRECTED


def test_there_are_twelve_kinds_and_22_currencies() -> None:
    assert len(vocabulary.kinds()) == 12
    assert len(vocabulary.currencies()) == 22
    assert {"EUR", "JPY", "ARS"} <= vocabulary.currencies()
    assert vocabulary.reserved_markets() == {"fx", "fuel", "user"}


def test_children_of_fuels_are_fuels() -> None:
    for parent, children in vocabulary.fuel_children().items():
        assert {parent, *children} <= vocabulary.fuels()
    assert "hydro_pumped" not in vocabulary.fuel_children()["hydro"]
    assert "solar_rooftop" not in vocabulary.fuel_children()["solar"]


def test_all_26_markets_have_runs_of_known_stages() -> None:
    markets = vocabulary.table("runs")
    assert len(markets) == 26
    for market in markets:
        runs = vocabulary.runs_of(market)
        assert runs
        assert {run.partition("-")[0] for run in runs} <= vocabulary.stages()
    assert vocabulary.runs_of("nowhere") == frozenset()


def test_every_default_unit_is_a_unit() -> None:
    for facts in vocabulary.table("vocabulary")["measures"].values():
        Unit.parse(facts["unit"].replace("CUR", "EUR"))
