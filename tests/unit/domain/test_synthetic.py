"""Made-up readings: the same on every machine, whole days, parts that add up, numbers that look like a market's."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import attrs
import numpy as np
import pytest

from carbon254.core.domain.cards import MarketCard, read_card
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import (
    earlier_statement,
    sample_series,
    sample_window,
    synthesise,
)
from carbon254.core.domain.time import Window, day_window, parse_instant
from carbon254.core.domain.vocabulary import Finality

CARD = """
id = "demo"
name = "Demo"
operator = "Nobody"
region = "Nowhere"
kind = "power"
currency = "EUR"
zone = "Europe/Berlin"
licence = "none"
redistribution = "open"
owners = ["us"]
hosts = {}

[runs]
day_ahead = { title = "DA", nature = [{ word = "settles" }] }
real_time = { title = "RT", nature = [{ word = "settles" }], limits = [{ floor = 0.0, cap = 60.0 }] }
actual = { title = "measured", nature = [{ word = "measured" }] }
forecast-load = { title = "forecast", nature = [{ word = "estimated" }] }
auction-first = { title = "first", nature = [{ word = "settles" }] }

[datasets.prices]
title = "p"
runs = ["day_ahead", "real_time"]
measures = ["price", "price_energy", "price_congestion", "price_loss"]
kinds = ["hub", "zone"]
class = "grid"
label_zone = "Europe/Berlin"
label_marks = "start"
day_zone = "Europe/Berlin"
due = "D-1 14:00"
published_claim = "none"
verified = "dossier"
resolution = [{ length = "PT1H", to = 2025-10-01 }, { length = "PT15M", from = 2025-10-01 }]
sample = { span = "month", series = ["day_ahead/price*/hub/*", "real_time/price/zone/Z"], decimals = 2 }

[datasets.power]
title = "l"
runs = ["actual", "forecast-load"]
measures = ["load", "generation_solar", "generation_wind"]
kinds = ["zone", "unit"]
class = "irregular"
max_gap = "PT5M"
label_zone = "Europe/Berlin"
label_marks = "end"
day_zone = "Europe/Berlin"
due = "end+PT10M"
finality = "preliminary"
published_claim = "none"
verified = "dossier"
resolution = [{ length = "PT1H", runs = ["forecast-load"] }]
enums = { issued = { forecast-load = "D-1 09:00" } }
sample = { span = "two_days", series = ["actual/generation_*/unit/U", "forecast-load/load/zone/Z"], decimals = 0 }

[datasets.auctions]
title = "a"
runs = ["auction-first"]
measures = ["price", "allowances_offered", "allowances_sold", "allowances_bid", "cover_ratio", "revenue"]
kinds = ["platform"]
class = "events"
label_zone = "Europe/Berlin"
label_marks = "start"
day_zone = "Europe/Berlin"
due = "D 11:05"
published_claim = "none"
unit = "EUR/t"
verified = "dossier"
sample = { span = "year", series = ["auction-first/*/platform/EU", "auction-first/*/platform/DE"] }
"""
PLACES = "".join(f'[[location]]\nkind = "hub"\ncode = "H{n}"\n' for n in range(12))
MONTH = Window(parse_instant("2025-10-14T22:00Z"), parse_instant("2025-11-14T23:00Z"))


@pytest.fixture
def card(tmp_path: Path) -> MarketCard:
    (tmp_path / "market.toml").write_text(CARD)
    (tmp_path / "locations.toml").write_text(PLACES)
    return read_card(tmp_path / "market.toml")


def column(reading: Reading, series: str) -> np.ndarray:
    return reading.value[reading.code == reading.series.index(SeriesId.parse(f"demo/{series}"))]


def test_patterns_are_filled_from_card_and_location_list(card: MarketCard) -> None:
    series = sample_series(card, "prices")
    assert len(series) == 12 * 4 + 1
    assert series[0] == SeriesId.parse("demo/day_ahead/price/hub/H0")


def test_a_pattern_that_names_nothing_is_refused(card: MarketCard) -> None:
    facts = card.dataset("prices")
    wrong = attrs.evolve(
        facts, sample=attrs.evolve(facts.sample, series=("day_ahead/price/hub/X*",))
    )
    with pytest.raises(InvalidRequest, match="X\\*"):
        synthesise(attrs.evolve(card, datasets={"prices": wrong}), "prices", MONTH)


def test_the_sample_ends_with_the_anchors_day(card: MarketCard) -> None:
    assert sample_window(card.dataset("prices"), date(2025, 11, 14)) == MONTH
    assert sample_window(card.dataset("power"), date(2025, 10, 26)).length == timedelta(hours=49)
    year = sample_window(card.dataset("auctions"), date(2025, 12, 31))
    assert (year.start, year.end) == (
        parse_instant("2024-12-31T23:00Z"),
        parse_instant("2025-12-31T23:00Z"),
    )


@pytest.mark.parametrize(
    ("day", "count"), [("2025-03-30", 23), ("2025-06-04", 24), ("2025-10-26", 100)]
)
def test_days_have_as_many_intervals_as_the_card_and_the_clocks_say(
    card: MarketCard, day: str, count: int
) -> None:
    span = day_window(date.fromisoformat(day), "Europe/Berlin")
    reading = synthesise(card, "prices", span)
    assert len(reading) == count * len(reading.series)
    own = reading.take(reading.code == 0)
    assert own.interval_start[0] == instant64(span.start)
    assert own.interval_end[-1] == instant64(span.end)
    assert (own.interval_start[1:] == own.interval_end[:-1]).all()


def test_a_value_depends_on_nothing_but_series_instant_and_seed(card: MarketCard) -> None:
    whole = synthesise(card, "prices", MONTH, 7)
    part = Window(parse_instant("2025-10-26T03:15Z"), parse_instant("2025-10-26T09:00Z"))
    few = synthesise(card, "prices", part, 7)
    held = (whole.interval_start >= instant64(part.start)) & (
        whole.interval_start < instant64(part.end)
    )
    assert few.value.tolist() == whole.take(held).value.tolist()
    assert synthesise(card, "prices", part, 8).value.tolist() != few.value.tolist()
    assert column(whole, "day_ahead/price/hub/H3")[:3].tolist() == [
        34.69,
        33.01,
        35.09,
    ]  # as on any machine


def test_the_price_is_the_exact_decimal_sum_of_its_parts(card: MarketCard) -> None:
    reading = synthesise(card, "prices", MONTH)
    names = ("price", "price_energy", "price_congestion", "price_loss")
    total, *parts = (column(reading, f"day_ahead/{name}/hub/H5").tolist() for name in names)
    for price, *own in zip(total, *parts, strict=True):
        assert Decimal(repr(price)) == sum(Decimal(repr(part)) for part in own)
        assert price == float(f"{price:.2f}")


def test_an_earlier_statement_says_other_prices_whose_parts_still_add_up(card: MarketCard) -> None:
    reading = synthesise(card, "prices", MONTH)
    before = earlier_statement(reading, Finality.PRELIMINARY)
    assert (before.finality == 1).all()
    moved = before.value - reading.value
    measures = np.array([one.measure for one in reading.series])[reading.code]
    hours = np.array([start.item().hour for start in reading.interval_start])
    raised = np.isin(measures, ["price", "price_energy"]) & np.isin(hours, [0, 6, 12, 18])
    assert np.allclose(moved, np.where(raised, 1.25, 0.0))


def test_numbers_look_like_a_markets(card: MarketCard) -> None:
    prices = column(synthesise(card, "prices", MONTH), "day_ahead/price/hub/H5")
    assert (prices < 0).any()
    assert 20 < prices.mean() < 60
    power = synthesise(card, "power", sample_window(card.dataset("power"), date(2025, 6, 4)))
    sun = column(power, "actual/generation_solar/unit/U")
    assert sun.min() == 0
    assert sun.max() > 100
    assert (column(power, "forecast-load/load/zone/Z") > 0).all()


def test_limits_of_the_run_are_kept(card: MarketCard) -> None:
    prices = column(synthesise(card, "prices", MONTH), "real_time/price/zone/Z")
    assert (prices.min(), prices.max()) == (0, 60)


def test_what_has_no_resolution_is_an_instant(card: MarketCard) -> None:
    reading = synthesise(card, "power", day_window(date(2025, 6, 4), "Europe/Berlin"))
    output = reading.take(reading.code == 0)
    assert len(output) == 288
    assert (output.interval_start == output.interval_end).all()
    assert set(np.diff(output.interval_start).tolist()) == {timedelta(minutes=5)}
    assert set(output.finality.tolist()) == {1}


def test_forecasts_are_issued_by_the_cards_rule_and_nothing_else_is(card: MarketCard) -> None:
    reading = synthesise(card, "power", day_window(date(2025, 6, 4), "Europe/Berlin"))
    forecast = np.array([one.stage == "forecast" for one in reading.series])[reading.code]
    assert set(reading.issued_at[forecast].tolist()) == {
        parse_instant("2025-06-03T07:00Z").replace(tzinfo=None)
    }
    assert np.isnat(reading.issued_at[~forecast]).all()


def test_auctions_are_on_weekdays_and_their_numbers_belong_together(card: MarketCard) -> None:
    window = sample_window(card.dataset("auctions"), date(2025, 12, 31))
    reading = synthesise(card, "auctions", window)
    names = (
        "price",
        "allowances_offered",
        "allowances_sold",
        "allowances_bid",
        "cover_ratio",
        "revenue",
    )
    by_name = {name: column(reading, f"auction-first/{name}/platform/EU") for name in names}
    assert len(by_name["price"]) == 156  # Monday, Tuesday, Thursday
    assert (by_name["allowances_sold"] == by_name["allowances_offered"]).all()
    for price, sold, revenue in zip(
        by_name["price"], by_name["allowances_sold"], by_name["revenue"], strict=True
    ):
        assert Decimal(str(price)) * Decimal(str(sold)) == Decimal(str(revenue))
    cover = by_name["allowances_bid"] / by_name["allowances_offered"]
    assert np.round(cover, 2).tolist() == by_name["cover_ratio"].tolist()
    assert reading.units[0] == "EUR/t"
    assert set((reading.interval_end - reading.interval_start).tolist()) == {timedelta(days=1)}
