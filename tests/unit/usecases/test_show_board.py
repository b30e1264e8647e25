"""The board over a store in memory, with the real cards; every number is worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from attrs import field, frozen

from carbon254.core.domain.board import Board, BoardLine
from carbon254.core.domain.cards import MarketCard, read_card
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Batch, Reading, instant64, observe
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import Finality, PublishedBasis
from carbon254.core.usecases.find_series import FindSeries
from carbon254.core.usecases.query_series import QuerySeries
from carbon254.core.usecases.show_board import ShowBoard
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.storage import MemorySeriesStore

MARKETS = Path(__file__).resolve().parents[3] / "plugins" / "markets"
EVERYTHING = Scope.everything()
NP15 = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
SP15 = "caiso/day_ahead/price/hub/TH_SP15_GEN-APND"
DISPATCH = "caiso/real_time-rtd/price/hub/TH_NP15_GEN-APND"
NOW = datetime(2026, 11, 2, 22, 30, tzinfo=UTC)  # Monday 14:30 in California


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Cards:
    """The catalogue's cards; nothing here asks for a market's code."""

    def __init__(self, *markets: str) -> None:
        self._cards = {name: read_card(MARKETS / name / "market.toml") for name in markets}

    def cards(self) -> Mapping[str, MarketCard]:
        return self._cards


@frozen
class Desk:
    """A store and its board."""

    board: ShowBoard
    store: MemorySeriesStore
    _numbers: object = field(factory=count)

    def put(
        self,
        series: str,
        first: str,
        values: Sequence[float],
        minutes: int = 60,
        *,
        at: datetime = NOW - timedelta(days=1),
        stamp: datetime | None = None,
        published: datetime | None = None,
        finality: Finality = Finality.FINAL,
        unit: str = "USD/MWh",
    ) -> datetime:
        """Record a document with one row for each value, one after the other; return when."""
        one = SeriesId.parse(series)
        step = np.timedelta64(minutes, "m")
        start = instant64(utc(first)) + np.arange(len(values)) * step
        final = np.full(len(values), int(finality))
        reading = Reading(
            (one,), (unit,), np.zeros(len(values)), start, start + step, values, finality=final
        )
        number = str(next(self._numbers))  # type: ignore[call-overload]
        batch = Batch(one.market, "test", number, number, "1", f"{number}.csv", stamp or at)
        out = np.full(len(values), instant64(published or at))
        basis = np.full(len(values), int(PublishedBasis.OBSERVED), dtype=np.uint8)
        rows = observe(reading, batch, published_at=out, published_basis=basis)
        done = self.store.record(rows, now=at).recorded_at
        assert done is not None
        return done


def desk(*markets: str) -> Desk:
    store, clock, cards = MemorySeriesStore(), PinnedClock(NOW), Cards(*markets)
    query = QuerySeries(store, cards, clock)  # type: ignore[arg-type]
    return Desk(ShowBoard(query, FindSeries(store, query), cards, clock), store)  # type: ignore[arg-type]


@pytest.fixture
def california() -> Desk:
    """A Monday after a Sunday of 25 hours, with the Monday a week before."""
    made = desk("caiso")
    made.put(NP15, "2026-10-26T07:00", [26.0] * 6 + [44.0] * 16 + [26.0] * 2)
    made.put(NP15, "2026-11-01T07:00", [10.0, 20.0, 40.0] + [10.0] * 22)
    made.put(NP15, "2026-11-02T08:00", [20.0] * 6 + [50.0] * 16 + [20.0, -4.0])
    return made


def only(board: Board) -> BoardLine:
    (line,) = board.lines
    return line


def test_a_line_names_place_run_unit_days_and_blocks(california: Desk) -> None:
    line = only(california.board.run(EVERYTHING))
    assert str(line.series) == NP15
    assert (line.unit, line.zone, line.today) == (
        "USD/MWh",
        "America/Los_Angeles",
        date(2026, 11, 2),
    )
    yesterday, today, tomorrow = line.days
    assert [block.value for block in yesterday.blocks] == [11.6, None, 11.6]
    assert [block.value for block in today.blocks] == [
        39.0,
        50.0,
        17.0,
    ]  # 936 / 24; 800 / 16; 136 / 8
    assert [block.value for block in tomorrow.blocks] == [None] * 3
    assert today.lowest is not None
    assert (today.lowest.value, today.lowest.start) == (-4.0, utc("2026-11-03T07:00"))
    assert (today.negative, today.negative_hours) == (1, 1.0)
    assert [block.hours_of_block for block in yesterday.blocks] == [25.0, 0.0, 25.0]
    assert tomorrow.absent == (
        ("late", 24),
    )  # day-ahead of Tuesday was due on Monday at 14:00 Pacific
    assert line.ahead is None


def test_changes_are_on_yesterday_and_on_the_same_weekday(california: Desk) -> None:
    line = only(california.board.run(EVERYTHING))
    told = {(one.block, one.against.day): one.value for one in line.changes}
    assert told["base", 1] == pytest.approx(39 - 11.6)
    assert told["6x16_wecc", 1] is None  # Sunday has no peak
    assert told["base", 26] == pytest.approx(39 - 38)
    assert told["6x16_wecc", 26] == 6.0
    assert told["off_peak:6x16_wecc", 26] == 17 - 26


def test_real_time_is_set_beside_the_hours_that_have_both(california: Desk) -> None:
    california.put(DISPATCH, "2026-11-02T14:00", [30.0] * 12 + [20.0] * 12 + [70.0] * 6, 5)
    (found,) = only(california.board.run(EVERYTHING)).spreads
    # 06:00 to 08:30 local: 50 against (30 + 20 + 70 / 2) / 2.5
    assert (found.mean, found.other_mean, found.value) == (50.0, 34.0, 16.0)
    assert (found.day, found.hours, found.hours_of_day, found.partial) == (
        date(2026, 11, 2),
        2.5,
        24.0,
        True,
    )
    assert (found.what, found.run, str(found.other)) == ("real_time", "day_ahead", DISPATCH)


def test_without_real_time_today_it_is_yesterday_s(california: Desk) -> None:
    california.put(DISPATCH, "2026-11-01T07:00", [8.6] * 300, 5)
    (found,) = only(california.board.run(EVERYTHING)).spreads
    assert (found.day, found.hours, found.partial) == (date(2026, 11, 1), 25.0, False)
    assert found.value == pytest.approx(3.0)


def test_the_first_run_of_the_card_that_has_numbers_is_taken(california: Desk) -> None:
    california.put(DISPATCH, "2026-08-01T07:00", [1.0] * 12, 5)  # long ago
    california.put(NP15.replace("day_ahead", "real_time-fmm"), "2026-11-02T14:00", [30.0] * 4, 15)
    (found,) = only(california.board.run(EVERYTHING)).spreads
    assert (found.other.run, found.value, found.hours) == ("real_time-fmm", 20.0, 1.0)


def test_auctions_and_imbalance_of_a_european_zone() -> None:
    board = desk("entsoe")
    zone = "price/zone/10Y1001A1001A82H"
    first = board.board.catalogue.cards()["entsoe"].compare.second[0]
    board.put(f"entsoe/day_ahead-sdac/{zone}", "2026-11-01T23:00", [40.0] * 96, 15, unit="EUR/MWh")
    board.put(
        f"entsoe/{first}/{zone}", "2026-11-01T23:00", [41.0] * 12 + [38.0] * 12, unit="EUR/MWh"
    )
    imbalance = f"entsoe/balancing/{zone}".replace("price/", "price-long/")
    board.put(imbalance, "2026-11-02T11:00", [100.0, 40.0, 10.0, 0.0], 15, unit="EUR/MWh")
    line = only(board.board.run(EVERYTHING))
    spreads = {one.what: one for one in line.spreads}
    assert (spreads["second"].value, spreads["second"].other_mean) == (0.5, 39.5)
    assert (spreads["imbalance"].value, spreads["imbalance"].hours) == (2.5, 1.0)
    assert spreads["imbalance"].other.measure == "price-long"
    assert [block.block for block in line.days[1].blocks] == [
        "base",
        "peak_eex",
        "off_peak:peak_eex",
    ]


def test_a_price_set_beside_others_stands_by_itself_where_they_are_not() -> None:
    board = desk("nem")
    board.put(
        "nem/real_time-dispatch/price/zone/NSW1",
        "2026-11-01T14:00",
        [50.0] * 288,
        5,
        unit="AUD/MWh",
    )
    line = only(board.board.run(EVERYTHING))
    assert (line.series.run, line.spreads) == ("real_time-dispatch", ())
    assert line.days[1].blocks[0].value == 50.0


def test_a_market_without_rows_of_its_present_day_shows_its_newest_and_says_so() -> None:
    board = desk("nem")
    board.put(
        "nem/settlement-trading/price/zone/NSW1",
        "2026-11-01T14:00",
        [50.0] * 288,
        5,
        unit="AUD/MWh",
    )
    line = only(board.board.run(EVERYTHING))
    assert (line.today, line.ahead) == (date(2026, 11, 2), date(2026, 11, 3))  # 08:30 in UTC+10


def test_a_day_can_be_asked_for(california: Desk) -> None:
    line = only(california.board.run(EVERYTHING, day=date(2026, 10, 27)))
    assert line.today == date(2026, 10, 27)
    assert [block.value for block in line.days[0].blocks] == [38.0, 44.0, 26.0]
    assert line.days[1].blocks[0].value is None


def test_a_market_that_has_nothing_of_the_day_says_so(california: Desk) -> None:
    board = california.board.run(EVERYTHING, day=date(2025, 5, 1))
    assert board.lines == ()
    (absent,) = board.absent
    assert absent.market == "caiso"
    assert absent.reason == "nothing is stored of 2025-05-01; there is 2026-10-26 to 2026-11-02."
    (never,) = desk("miso").board.run(EVERYTHING).absent
    assert never.reason == "nothing is stored of what the board shows."


def test_places_outside_the_scope_are_left_out(california: Desk) -> None:
    california.put(SP15, "2026-11-02T08:00", [30.0] * 24)
    california.put(DISPATCH, "2026-11-02T14:00", [30.0] * 12, 5)
    everyone = california.board.run(EVERYTHING)
    assert [line.series.location for line in everyone.lines] == [
        "TH_NP15_GEN-APND",
        "TH_SP15_GEN-APND",
    ]
    scope = Scope((SeriesPattern.parse("caiso/day_ahead/price/hub/*SP15*"),))
    seen = california.board.run(scope)
    assert [str(line.series) for line in seen.lines] == [SP15]
    assert [(feed.dataset, feed.newest) for feed in seen.feeds] == [
        ("day_ahead_lmp", utc("2026-11-03T08:00"))
    ]
    assert california.board.run(Scope()) == Board(NOW)


def test_feed_ages_are_counted_from_the_end_of_the_newest_interval(california: Desk) -> None:
    at = california.put(DISPATCH, "2026-11-02T21:00", [30.0] * 12, 5)
    ahead, real = california.board.run(EVERYTHING).feeds
    assert (ahead.dataset, ahead.age, ahead.late) == (
        "day_ahead_lmp",
        -timedelta(hours=9, minutes=30),
        True,
    )
    assert (real.dataset, real.age, real.recorded_at) == ("rtd_lmp", timedelta(minutes=30), at)


def test_what_was_revised_and_what_was_not() -> None:
    board = desk("caiso")
    day = "2026-11-02T08:00"
    preliminary = {"stamp": utc("2026-11-01T21:00"), "finality": Finality.PRELIMINARY}
    board.put(NP15, day, [20.0] * 24, at=utc("2026-11-01T21:00"), **preliminary)  # type: ignore[arg-type]
    at = board.put(NP15, day, [20.0] * 22 + [25.0, -1.0], at=utc("2026-11-02T09:00"))
    late = {"stamp": utc("2026-11-01T20:00"), "finality": Finality.PRELIMINARY}
    board.put(NP15, day, [99.0] * 24, at=utc("2026-11-02T10:00"), **late)  # type: ignore[arg-type]
    found = board.board.run(EVERYTHING).revised
    assert [(one.start, one.before, one.after) for one in found] == [
        (utc("2026-11-03T06:00"), 20.0, 25.0),
        (utc("2026-11-03T07:00"), 20.0, -1.0),
    ]
    assert {(one.finality, one.recorded_at, one.day) for one in found} == {
        ("final", at, date(2026, 11, 2))
    }


def test_a_value_that_went_and_came_back_was_revised_twice() -> None:
    board = desk("caiso")
    for hour, value in enumerate((20.0, 30.0, 20.0)):
        board.put(NP15, "2026-11-02T08:00", [value], at=utc(f"2026-11-01T2{hour}:00"))
    found = board.board.run(EVERYTHING).revised
    assert [(one.before, one.after) for one in found] == [
        (30.0, 20.0),
        (20.0, 30.0),
    ]  # the last told first


def test_what_stands_beside_is_revised_too(california: Desk) -> None:
    california.put(DISPATCH, "2026-11-02T14:00", [30.0], 5, at=utc("2026-11-02T14:10"))
    california.put(DISPATCH, "2026-11-02T14:00", [31.0], 5, at=utc("2026-11-02T15:10"))
    (found,) = california.board.run(EVERYTHING).revised
    assert (str(found.series), found.before, found.after) == (DISPATCH, 30.0, 31.0)


def test_the_board_as_of_an_instant_is_what_we_had_then() -> None:
    board = desk("caiso")
    then = board.put(NP15, "2026-11-02T08:00", [20.0] * 24, at=utc("2026-11-01T21:00"))
    board.put(NP15, "2026-11-02T08:00", [30.0] * 24, at=utc("2026-11-02T09:00"))
    board.put(NP15, "2026-11-03T08:00", [40.0] * 24, at=utc("2026-11-02T21:00"))
    before = board.board.run(EVERYTHING, as_of=then)
    assert (before.as_of, before.now, before.revised) == (then, then, ())
    line = only(before)
    assert line.today == date(
        2026, 11, 1
    )  # 13:00 in California on Sunday, of which nothing is stored
    assert line.days[2].blocks[0].value == 20.0
    assert [(feed.newest, feed.recorded_at) for feed in before.feeds] == [
        (utc("2026-11-03T08:00"), then)
    ]
    assert only(board.board.run(EVERYTHING)).days[1].blocks[0].value == 30.0
    with pytest.raises(InvalidRequest, match="later than the last commit"):
        board.board.run(EVERYTHING, as_of=utc("2026-11-05T00:00"))


def test_published_by_is_what_the_market_had_said_then() -> None:
    board = desk("caiso")
    board.put(NP15, "2026-11-02T08:00", [20.0] * 24, published=utc("2026-11-01T21:00"))
    board.put(SP15, "2026-11-02T08:00", [25.0] * 24, published=utc("2026-11-02T21:30"))
    moment = utc("2026-11-02T12:00")
    found = board.board.run(EVERYTHING, published_by=moment)
    assert (found.now, found.published_by) == (moment, moment)
    assert [str(line.series) for line in found.lines] == [NP15]


def test_allowances_stand_beside_power() -> None:
    board = desk("eu_ets")
    series = "eu_ets/auction-eua/price/platform/EU"
    day = 24 * 60
    for first, price in (
        ("2026-10-25T23:00", 70.0),
        ("2026-10-28T23:00", 68.5),
        ("2026-11-01T23:00", 68.0),
    ):
        board.put(series, first, [price], day, unit="EUR/t")
    (now,) = board.board.run(EVERYTHING).allowances
    assert (now.day, now.price, now.before, now.before_day) == (
        date(2026, 11, 2),
        68.0,
        68.5,
        date(2026, 10, 29),
    )
    assert (now.change, now.unit, now.finality) == (-0.5, "EUR/t", "final")
    (then,) = board.board.run(EVERYTHING, day=date(2026, 10, 30)).allowances
    assert (then.day, then.price, then.change) == (date(2026, 10, 29), 68.5, -1.5)
    early = board.board.run(EVERYTHING, day=date(2026, 10, 1))
    assert (early.allowances, [one.market for one in early.absent]) == ((), ["eu_ets"])
