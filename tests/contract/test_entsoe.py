"""What is particular about the platform's documents: curves, auctions, zones, refusals, requests, writing."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Generator
from datetime import datetime, timedelta

import numpy as np
import pytest

from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.errors import (
    Carbon254Error,
    DocumentDamaged,
    FeedFormatChanged,
    FeedUnavailable,
    InvalidRequest,
    NotPublishedYet,
)
from carbon254.core.domain.observations import Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, day_window, parse_day, parse_instant
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.ports.markets import Market
from carbon254.ports.testing.market_kit import load_market

NL, FR, AT, CH, GB, PL, SEM, BE = (
    "10YNL----------L",
    "10YFR-RTE------C",
    "10YAT-APG------L",
    "10YCH-SWISSGRIDZ",
    "10YGB----------A",
    "10YPL-AREA-----S",
    "10Y1001A1001A59C",
    "10YBE----------2",
)
DE_LU, DE_AT_LU, DE = "10Y1001A1001A82H", "10Y1001A1001A63L", "10Y1001A1001A83F"
SEQUENCE = "classificationSequence_AttributeInstanceComponent.position"
DAY = ("2024-09-01T22:00Z", "2024-09-02T22:00Z")


@pytest.fixture(scope="module")
def market() -> Market:
    return load_market("entsoe")


# ---------------------------------------------------------------- documents made by hand, without the writer


def points(values: dict[int, object], name: str, more: str = "") -> str:
    return "".join(
        f"<Point><position>{place}</position><{name}>{value}</{name}>{more}</Point>"
        for place, value in values.items()
    )


def period(
    values: dict[int, object],
    resolution: str = "PT60M",
    span: tuple[str, str] = DAY,
    name: str = "price.amount",
    more: str = "",
) -> str:
    return (
        f"<Period><timeInterval><start>{span[0]}</start><end>{span[1]}</end></timeInterval>"
        f"<resolution>{resolution}</resolution>{points(values, name, more)}</Period>"
    )


def prices(
    *periods: str,
    zone: str = NL,
    sequence: str | None = None,
    contract: str = "A01",
    currency: str = "EUR",
    curve: str = "A03",
) -> str:
    order = f"<{SEQUENCE}>{sequence}</{SEQUENCE}>" if sequence else ""
    return (
        f"<TimeSeries><mRID>1</mRID><auction.type>A01</auction.type><businessType>A62</businessType>"
        f'<in_Domain.mRID codingScheme="A01">{zone}</in_Domain.mRID>'
        f'<out_Domain.mRID codingScheme="A01">{zone}</out_Domain.mRID>'
        f"<contract_MarketAgreement.type>{contract}</contract_MarketAgreement.type>"
        f"<currency_Unit.name>{currency}</currency_Unit.name>"
        f"<price_Measure_Unit.name>MWH</price_Measure_Unit.name>{order}<curveType>{curve}</curveType>"
        f"{''.join(periods)}</TimeSeries>"
    )


def quantities(
    *periods: str,
    business: str = "A04",
    domain: str = f"<outBiddingZone_Domain.mRID>{NL}</outBiddingZone_Domain.mRID>",
    unit: str = "MAW",
    curve: str = "A03",
    more: str = "",
) -> str:
    return (
        f"<TimeSeries><mRID>1</mRID><businessType>{business}</businessType>{domain}"
        f"<quantity_Measure_Unit.name>{unit}</quantity_Measure_Unit.name>"
        f"<curveType>{curve}</curveType>{more}{''.join(periods)}</TimeSeries>"
    )


def whole(
    *series: str,
    kind: str = "A44",
    root: str = "Publication_MarketDocument",
    head: str = "",
    span: tuple[str, str] = DAY,
    revision: str = "1",
    created: str = "2024-09-03T10:00:00Z",
    namespace: str = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3",
) -> Document:
    period_name = "time_Period" if root == "GL_MarketDocument" else "period"
    text = (
        f'<?xml version="1.0" encoding="utf-8"?><{root} xmlns="{namespace}"><mRID>x</mRID>'
        f"<revisionNumber>{revision}</revisionNumber><type>{kind}</type>{head}"
        f"<createdDateTime>{created}</createdDateTime>"
        f"<{period_name}.timeInterval><start>{span[0]}</start><end>{span[1]}</end></{period_name}.timeInterval>"
        f"{''.join(series)}</{root}>"
    )
    return Document("made.xml", text.encode(), "text/xml")


def load_document(*series: str, process: str = "A16", kind: str = "A65", **more: str) -> Document:
    head = f"<process.processType>{process}</process.processType>"
    return whole(*series, kind=kind, root="GL_MarketDocument", head=head, **more)  # type: ignore[arg-type]


def balancing(*series: str, status: str | None = "A01", area: str = AT) -> Document:
    state = f"<docStatus><value>{status}</value></docStatus>" if status else ""
    head = f"{state}<area_Domain.mRID>{area}</area_Domain.mRID>"
    return whole(*series, kind="A85", root="Balancing_MarketDocument", head=head)


def imbalance(*periods: str, currency: str = "EUR") -> str:
    return (
        f"<TimeSeries><mRID>1</mRID><businessType>A19</businessType>"
        f"<currency_Unit.name>{currency}</currency_Unit.name>"
        f"<price_Measure_Unit.name>MWH</price_Measure_Unit.name><curveType>A03</curveType>"
        f"{''.join(periods)}</TimeSeries>"
    )


def read(market: Market, dataset: str, document: Document) -> Reading:
    reading = market.read(dataset, document)
    assert isinstance(reading, Reading)
    return reading


def of(reading: Reading, series: str) -> dict[str, float]:
    """Start as text to value, of one series."""
    code = reading.series.index(SeriesId.parse(f"entsoe/{series}"))
    chosen = reading.code == code
    starts = [f"{start:%d %H:%M}" for start in reading.interval_start[chosen].tolist()]
    return dict(zip(starts, reading.value[chosen].tolist(), strict=True))


def names(reading: Reading) -> list[str]:
    return sorted(str(one).removeprefix("entsoe/") for one in reading.series)


# ---------------------------------------------------------------- curves


def test_an_absent_position_of_a03_repeats_the_one_before_to_the_end_of_the_interval(
    market: Market,
) -> None:
    reading = read(market, "day_ahead_prices", whole(prices(period({1: 5, 3: 0, 4: -1.5}))))
    assert len(reading) == 24
    assert reading.value[:5].tolist() == [5, 5, 0, -1.5, -1.5]
    assert reading.value[-1] == -1.5
    filled = (reading.flags == int(Flag.BLOCK_FILLED)).tolist()
    assert filled == [False, True, False, False] + [True] * 20
    assert reading.rows_read == 3
    assert not reading.findings


def test_an_absent_position_of_a01_is_missing(market: Market) -> None:
    reading = read(market, "day_ahead_prices", whole(prices(period({1: 5, 3: 7}), curve="A01")))
    assert of(reading, f"day_ahead-sdac/price/zone/{NL}") == {"01 22:00": 5, "02 00:00": 7}
    assert not reading.flags.any()
    assert [(f.rule, f.count) for f in reading.findings] == [("absent", 22)]


def test_nothing_stands_before_the_first_position_of_a03(market: Market) -> None:
    reading = read(market, "day_ahead_prices", whole(prices(period({4: 7}))))
    assert len(reading) == 21
    assert next(iter(of(reading, f"day_ahead-sdac/price/zone/{NL}"))) == "02 01:00"
    assert [(f.rule, f.count) for f in reading.findings] == [("absent", 3)]


def test_a_hole_between_periods_is_not_filled(market: Market) -> None:
    document = load_document(
        quantities(
            period({1: 10}, span=("2024-09-01T22:00Z", "2024-09-02T01:00Z"), name="quantity"),
            period({1: 20}, span=("2024-09-02T20:00Z", "2024-09-02T22:00Z"), name="quantity"),
        )
    )
    reading = read(market, "load", document)
    assert list(of(reading, f"actual/load/zone/{NL}").items()) == [
        ("01 22:00", 10),
        ("01 23:00", 10),
        ("02 00:00", 10),
        ("02 20:00", 20),
        ("02 21:00", 20),
    ]
    assert reading.covers == Window(parse_instant(DAY[0]), parse_instant(DAY[1]))


def test_a_hole_between_series_is_told_and_an_order_of_series_is_none(market: Market) -> None:
    def part(start: str, end: str) -> str:
        span = (f"2024-09-0{start}:00Z", f"2024-09-0{end}:00Z")
        return quantities(period({1: 1}, span=span, name="quantity"))

    hole = load_document(part("1T22", "2T01"), part("2T20", "2T22"))
    found = read(market, "load", hole).findings
    assert [(f.rule, f.count) for f in found] == [("absent", 1)]
    whole_day = load_document(part("2T10", "2T22"), part("1T22", "2T10"))
    assert not read(market, "load", whole_day).findings


def test_one_point_may_stand_for_a_day(market: Market) -> None:
    reading = read(
        market, "load", load_document(quantities(period({1: 0}, "PT15M", name="quantity")))
    )
    assert len(reading) == 96
    assert (reading.value == 0).all()
    assert (reading.state == State.OK).all()


@pytest.mark.parametrize(
    ("day", "resolution", "count"),
    [
        ("2026-03-29", "PT60M", 23),
        ("2026-03-29", "PT30M", 46),
        ("2026-03-29", "PT15M", 92),
        ("2025-10-26", "PT60M", 25),
        ("2025-10-26", "PT30M", 50),
        ("2025-10-26", "PT15M", 100),
    ],
)
def test_days_of_23_and_25_hours_come_from_the_interval(
    market: Market, day: str, resolution: str, count: int
) -> None:
    window = day_window(parse_day(day), "Europe/Brussels")
    span = (f"{window.start:%Y-%m-%dT%H:%MZ}", f"{window.end:%Y-%m-%dT%H:%MZ}")
    reading = read(
        market,
        "day_ahead_prices",
        whole(prices(period({1: 1, count: 2}, resolution, span)), span=span),
    )
    assert len(reading) == count
    assert reading.interval_end[-1] == instant64(window.end)
    assert reading.value[-2:].tolist() == [1, 2]
    assert (
        np.diff(reading.interval_start) == reading.interval_end[0] - reading.interval_start[0]
    ).all()


def test_resolution_is_that_of_each_period(market: Market) -> None:
    first, second = (
        ("2025-09-29T22:00Z", "2025-09-30T22:00Z"),
        ("2025-09-30T22:00Z", "2025-10-01T22:00Z"),
    )
    document = whole(
        prices(period({1: 1}, "PT60M", first), period({1: 2}, "PT15M", second)),
        span=(first[0], second[1]),
    )
    assert len(read(market, "day_ahead_prices", document)) == 24 + 96


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (period({25: 1}), "do not fit"),
        (period({0: 1}), "do not fit"),
        (period({1: 1}, "PT7M"), "no sensible multiple"),
        (period({1: 1}, "PT0M"), "not known"),
        (period({1: 1}, "P2D"), "not known"),
        (period({1: 1}, "weekly"), "not known"),
        (period({1: "n/a"}), "no number"),
        (period({1: "1e999"}), "too large"),
        (period({1: "1,5"}), "no number"),
        (period({1: 1}).replace("position", "place"), "element position"),
        (period({1: 1}).replace("price.amount", "price"), "element price.amount"),
        (period({1: 1}).replace("<position>1</position>", "<position>one</position>"), "position"),
        (period({1: 1, 2: 2}).replace("<price.amount>2</price.amount>", ""), "stands 1 times"),
        (period({}), "no Point"),
        (period({1: 1}, span=("2024-09-01T22:00", "2024-09-02T22:00")), "UTC"),
        (period({1: 1}, span=(DAY[1], DAY[0])), "timeInterval"),
        (period({1: 1}, span=(DAY[0], DAY[0])), "no length"),
        ("", "no Period"),
    ],
)
def test_periods_that_make_no_sense_are_refused(market: Market, broken: str, says: str) -> None:
    with pytest.raises(FeedFormatChanged, match=says):
        market.read("day_ahead_prices", whole(prices(broken)))


def test_points_whose_counts_agree_by_accident_are_refused(market: Market) -> None:
    twice = (
        "<Point><position>1</position><price.amount>1</price.amount><position>2</position></Point>"
    )
    none = "<Point><price.amount>3</price.amount></Point>"
    broken = period({1: 1}).replace(points({1: 1}, "price.amount"), twice + none)
    with pytest.raises(FeedFormatChanged, match="each point must have it once"):
        market.read("day_ahead_prices", whole(prices(broken)))


def test_positions_out_of_order_are_sorted_and_repeated_ones_collapse(market: Market) -> None:
    values = points({3: 30, 1: 10}, "price.amount") + points({1: 10}, "price.amount")
    document = whole(prices(period({9: 9}).replace(points({9: 9}, "price.amount"), values)))
    reading = read(market, "day_ahead_prices", document)
    assert reading.value[:4].tolist() == [10, 10, 30, 30]
    assert reading.rows_read == 3
    assert [(f.rule, f.count) for f in reading.findings] == [("duplicates", 1)]
    assert market.locate(document, Locator.unpack(int(reading.locator[0]))) == points(
        {1: 10}, "price.amount"
    ).encode()  # fmt: skip


def test_one_position_with_two_values_is_refused(market: Market) -> None:
    values = points({1: 10}, "price.amount") + points({1: 11}, "price.amount")
    document = whole(prices(period({9: 9}).replace(points({9: 9}, "price.amount"), values)))
    with pytest.raises(FeedFormatChanged, match="position 1 stands twice"):
        market.read("day_ahead_prices", document)


def test_an_unknown_curve_is_refused(market: Market) -> None:
    with pytest.raises(FeedFormatChanged, match="curveType 'A04'"):
        market.read("day_ahead_prices", whole(prices(period({1: 1}), curve="A04")))


def test_an_empty_number_is_missing_and_not_zero(market: Market) -> None:
    reading = read(market, "day_ahead_prices", whole(prices(period({1: 1, 2: "", 4: 0}))))
    assert reading.state[:4].tolist() == [State.OK, State.MISSING, State.MISSING, State.OK]
    assert reading.value[3] == 0


def test_an_added_element_of_a_point_is_a_finding(market: Market) -> None:
    document = load_document(quantities(period({1: 1}, name="quantity", more="<mood>A01</mood>")))
    reading = read(market, "load", document)
    assert [(f.rule, f.message) for f in reading.findings] == [
        ("added_column", "element mood of a Point is not read")
    ]


def test_namespaces_prefixes_and_comments_do_not_matter(market: Market) -> None:
    plain = whole(prices(period({1: 5, 3: 6})))
    body = plain.body.replace(
        b"urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3", b"urn:another:9:9"
    )
    body = body.replace(b"<Point>", b"<!-- <Point>no</Point> --><Point>", 1)
    both = [read(market, "day_ahead_prices", one) for one in (plain, Document("a", body))]
    assert both[0].value.tolist() == both[1].value.tolist()
    prefixed = body.replace(b"</", b"</n:").replace(b"xmlns=", b"xmlns:n=")
    prefixed = b"".join(
        part if n == 0 else (b"<" if part[:1] in b"/!?" else b"<n:") + part
        for n, part in enumerate(prefixed.split(b"<"))
    ).replace(b"<!-- <n:Point>no</n:Point> -->", b"")
    document = Document("b", prefixed)
    reading = read(market, "day_ahead_prices", document)
    assert reading.value[:3].tolist() == [5, 5, 6]
    assert market.recognise(document) == ("day_ahead_prices",)
    found = market.locate(document, Locator.unpack(int(reading.locator[2])))
    assert (
        found == b"<n:Point><n:position>3</n:position><n:price.amount>6</n:price.amount></n:Point>"
    )
    commented = Document("a", body)
    assert market.locate(commented, Locator(0, 1, 0)) == points({3: 6}, "price.amount").encode()


# ---------------------------------------------------------------- calendar resolutions


def test_days_weeks_months_and_years_are_those_of_the_calendar(market: Market) -> None:
    cases = {
        "P1D": (("2026-03-27T23:00Z", "2026-03-30T22:00Z"), [24, 23, 24]),
        "P7D": (("2025-10-12T22:00Z", "2025-11-02T23:00Z"), [168, 169, 168]),
        "P1M": (("2025-09-30T22:00Z", "2025-12-31T23:00Z"), [745, 720, 744]),
        "P1Y": (("2023-12-31T23:00Z", "2025-12-31T23:00Z"), [8784, 8760]),
    }
    for resolution, (span, hours) in cases.items():
        series = quantities(period({1: 1}, resolution, span, "quantity"), business="A60")
        reading = read(market, "load_forecast", load_document(series, process="A33", span=span))
        found = (reading.interval_end - reading.interval_start) / np.timedelta64(1, "h")
        assert found.tolist() == hours


def test_a_week_that_the_period_cuts_ends_with_it(market: Market) -> None:
    span = ("2025-12-28T23:00Z", "2025-12-31T23:00Z")
    series = quantities(period({1: 1}, "P7D", span, "quantity"), business="A61")
    reading = read(market, "load_forecast", load_document(series, process="A33", span=span))
    assert reading.interval_end.tolist() == [datetime(2025, 12, 31, 23)]  # noqa: DTZ001


# ---------------------------------------------------------------- auctions


def test_the_order_of_series_is_not_that_of_the_auctions(market: Market) -> None:
    document = whole(
        prices(period({1: 200}, "PT15M"), zone=DE_LU, sequence="2"),
        prices(period({1: 100}, "PT15M"), zone=DE_LU, sequence="1"),
    )
    reading = read(market, "day_ahead_prices", document)
    assert len(reading) == 192
    assert set(of(reading, f"day_ahead-sdac/price/zone/{DE_LU}").values()) == {100}
    assert set(of(reading, f"day_ahead-exaa/price/zone/{DE_LU}").values()) == {200}


def test_sequence_2_is_never_promoted(market: Market) -> None:
    document = whole(prices(period({1: 200}, "PT15M"), zone=AT, sequence="2"))
    assert names(read(market, "day_ahead_prices", document)) == [f"day_ahead-exaa/price/zone/{AT}"]


@pytest.mark.parametrize(
    ("zone", "start", "run"),
    [
        (NL, "2024-09-01T22:00Z", "sdac"),
        (CH, "2024-09-01T22:00Z", "local"),
        (GB, "2020-12-30T23:00Z", "sdac"),
        (GB, "2020-12-31T23:00Z", "local"),
        ("10YCS-SERBIATSOV", "2024-09-01T22:00Z", "local"),
        ("10Y1001C--00003F", "2024-09-01T22:00Z", "local"),
        (DE_AT_LU, "2018-09-29T22:00Z", "sdac"),
        (DE_LU, "2018-09-30T22:00Z", "sdac"),
        ("10YCZ-CEPS-----N", "2021-06-16T22:00Z", "local"),
        ("10YCZ-CEPS-----N", "2021-06-17T22:00Z", "sdac"),
        ("10YGR-HTSO-----Y", "2020-12-14T23:00Z", "local"),
        ("10Y1001C--00096J", "2020-12-31T23:00Z", "sdac"),
        (SEM, "2018-09-30T22:00Z", "sdac"),
        (SEM, "2018-09-29T22:00Z", "local"),
    ],
)
def test_coupling_is_a_dated_fact_of_the_zone(
    market: Market, zone: str, start: str, run: str
) -> None:
    end = f"{parse_instant(start) + timedelta(days=1):%Y-%m-%dT%H:%MZ}"
    currency = "GBP" if zone == GB else "EUR"
    for sequence in (None, "1"):
        document = whole(
            prices(
                period({1: 1}, span=(start, end)), zone=zone, currency=currency, sequence=sequence
            ),
            span=(start, end),
        )
        assert names(read(market, "day_ahead_prices", document)) == [
            f"day_ahead-{run}/price/zone/{zone}"
        ]


@pytest.mark.parametrize(("zone", "sequence"), [(NL, "2"), (DE_LU, "3"), (DE_LU, "0"), (AT, "x")])
def test_sequences_that_we_do_not_know_are_refused(
    market: Market, zone: str, sequence: str
) -> None:
    with pytest.raises(FeedFormatChanged, match=f"sequence {sequence}"):
        market.read("day_ahead_prices", whole(prices(period({1: 1}), zone=zone, sequence=sequence)))


@pytest.mark.parametrize(
    ("start", "sequence", "run"),
    [
        ("2024-06-12T22:00Z", "1", "intraday-s1"),
        ("2024-06-12T22:00Z", "6", "intraday-s6"),
        ("2024-06-13T22:00Z", "1", "intraday-ida1"),
        ("2024-06-13T22:00Z", "3", "intraday-ida3"),
    ],
)
def test_intraday_sequences_are_sessions_before_and_auctions_after_2024_06_14(
    market: Market, start: str, sequence: str, run: str
) -> None:
    end = f"{parse_instant(start) + timedelta(days=1):%Y-%m-%dT%H:%MZ}"
    series = prices(period({1: 1}, span=(start, end)), zone=FR, sequence=sequence, contract="A07")
    assert names(read(market, "intraday_prices", whole(series, span=(start, end)))) == [
        f"{run}/price/zone/{FR}"
    ]


@pytest.mark.parametrize("sequence", [None, "4", "7"])
def test_intraday_sequences_that_we_do_not_know_are_refused(
    market: Market, sequence: str | None
) -> None:
    document = whole(prices(period({1: 1}), sequence=sequence, contract="A07"))
    with pytest.raises(FeedFormatChanged, match="intraday sequence"):
        market.read("intraday_prices", document)


def test_the_third_intraday_auction_covers_half_the_day(market: Market) -> None:
    span = ("2024-09-02T10:00Z", "2024-09-02T22:00Z")
    document = whole(prices(period({1: 1}, "PT15M", span), contract="A07", sequence="3"))
    assert len(read(market, "intraday_prices", document)) == 48


def test_a_document_of_both_contracts_feeds_two_datasets(market: Market) -> None:
    document = whole(
        prices(period({1: 1, 2: 2}, "PT15M"), contract="A07", sequence="1"), prices(period({1: 3}))
    )
    assert market.recognise(document) == ("day_ahead_prices", "intraday_prices")
    ahead, intraday = (read(market, name, document) for name in market.recognise(document))
    assert (ahead.rows_read, dict(ahead.rows_ignored)) == (1, {"intraday": 2})
    assert (intraday.rows_read, dict(intraday.rows_ignored)) == (2, {"day_ahead": 1})
    with pytest.raises(FeedFormatChanged, match="nothing that this dataset reads"):
        market.read("intraday_prices", whole(prices(period({1: 3}))))


def test_one_auction_in_two_resolutions_is_refused(market: Market) -> None:
    document = whole(prices(period({1: 1}, "PT60M")), prices(period({1: 2}, "PT15M")))
    with pytest.raises(FeedFormatChanged, match="different length overlap"):
        market.read("day_ahead_prices", document)


def test_one_auction_with_two_prices_for_one_interval_is_refused(market: Market) -> None:
    with pytest.raises(FeedFormatChanged, match="stands twice"):
        market.read("day_ahead_prices", whole(prices(period({1: 1})), prices(period({1: 2}))))


def unnamed(series: str) -> str:
    """A price series as it was written until October 2024: without auction, contract and sequence."""
    named = (
        r"<(auction\.type|contract_MarketAgreement\.type|classificationSequence[^>]*)>[^<]*</\1>"
    )
    return re.sub(named, "", series)


@pytest.mark.parametrize(
    ("span", "hours"),
    [
        (("2023-03-24T23:00Z", "2023-03-25T23:00Z"), 24),
        (("2023-03-25T23:00Z", "2023-03-26T22:00Z"), 23),
        (("2023-10-28T22:00Z", "2023-10-29T23:00Z"), 25),
    ],
)
def test_prices_that_name_no_contract_are_day_ahead(
    market: Market, span: tuple[str, str], hours: int
) -> None:
    hourly = period({n: f"{n}.50" for n in range(1, hours + 1)}, span=span)
    document = whole(
        unnamed(prices(hourly, zone=FR, curve="A01")),
        span=span,
        namespace="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:0",
    )
    assert market.recognise(document) == ("day_ahead_prices",)
    reading = read(market, "day_ahead_prices", document)
    assert names(reading) == [f"day_ahead-sdac/price/zone/{FR}"]
    assert reading.value.tolist() == [n + 0.5 for n in range(1, hours + 1)]
    assert reading.interval_end[-1] == instant64(parse_instant(span[1]))
    assert not reading.findings
    with pytest.raises(FeedFormatChanged, match="nothing that this dataset reads"):
        market.read("intraday_prices", document)


def test_before_auctions_had_numbers_quarter_hours_were_the_second(market: Market) -> None:
    hourly, quarterly = period({1: 100}), period({1: 200}, "PT15M")
    for zone in (DE_LU, AT):
        document = whole(*(unnamed(prices(one, zone=zone)) for one in (hourly, quarterly)))
        reading = read(market, "day_ahead_prices", document)
        assert set(of(reading, f"day_ahead-sdac/price/zone/{zone}").values()) == {100}
        assert len(of(reading, f"day_ahead-exaa/price/zone/{zone}")) == 96
    assert names(read(market, "day_ahead_prices", whole(unnamed(prices(quarterly))))) == [
        f"day_ahead-sdac/price/zone/{NL}"
    ]
    later = ("2025-09-30T22:00Z", "2025-10-01T22:00Z")  # from here on both are of quarter hours
    document = whole(unnamed(prices(period({1: 1}, "PT15M", later), zone=DE_LU)), span=later)
    assert names(read(market, "day_ahead_prices", document)) == [
        f"day_ahead-sdac/price/zone/{DE_LU}"
    ]


# ---------------------------------------------------------------- places, units, status


@pytest.mark.parametrize(
    ("zone", "currency", "measure"),
    [
        (NL, "EUR", "price"),
        (PL, "PLN", "price-pln"),
        (GB, "GBP", "price"),
        (GB, "EUR", "price-eur"),
    ],
)
def test_another_currency_than_the_zones_is_a_qualifier(
    market: Market, zone: str, currency: str, measure: str
) -> None:
    reading = read(
        market, "day_ahead_prices", whole(prices(period({1: 1}), zone=zone, currency=currency))
    )
    assert reading.series[0].measure == measure
    assert reading.units == (f"{currency}/MWh",)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("EUR", "XYZ", "currency 'XYZ'"),
        (">MWH<", ">KWH<", "price_Measure_Unit.name 'KWH'"),
        (">A62<", ">A63<", "businessType 'A63'"),
        ("contract_MarketAgreement.type", "contract.type", "contract_MarketAgreement.type is missing"),
        (f'<out_Domain.mRID codingScheme="A01">{NL}', f"<out_Domain.mRID>{BE}", "differ"),
        (NL, DE, "listed as area"),
        (">A44<", ">A43<", "document type A43"),
        ("period.timeInterval", "window", "period.timeInterval"),
        ("createdDateTime", "made", "createdDateTime is missing"),
        ("<revisionNumber>1", "<revisionNumber>one", "revisionNumber 'one'"),
        ("Publication_MarketDocument", "Strange_MarketDocument", "Strange_MarketDocument"),
    ],
)  # fmt: skip
def test_what_a_price_document_must_say(market: Market, old: str, new: str, says: str) -> None:
    body = whole(prices(period({1: 1}))).body.replace(old.encode(), new.encode())
    with pytest.raises(FeedFormatChanged, match=says):
        market.read("day_ahead_prices", Document("changed.xml", body))


def test_kind_comes_from_the_list_and_an_unlisted_place_is_told(market: Market) -> None:
    def made(code: str) -> Reading:
        domain = f"<outBiddingZone_Domain.mRID>{code}</outBiddingZone_Domain.mRID>"
        return read(
            market,
            "load",
            load_document(quantities(period({1: 1}, name="quantity"), domain=domain)),
        )

    assert names(made(NL)) == [f"actual/load/zone/{NL}"]
    assert names(made(DE)) == [f"actual/load/area/{DE}"]
    unlisted = made("10YXX----------X")
    assert names(unlisted) == ["actual/load/area/10YXX----------X"]
    assert [f.rule for f in unlisted.findings] == ["unlisted_place"]
    priced = read(
        market, "day_ahead_prices", whole(prices(period({1: 1}), zone="10YXX----------X"))
    )
    assert names(priced) == ["day_ahead-local/price/zone/10YXX----------X"]


def test_zones_know_what_they_replaced(market: Market) -> None:
    old, new = market.card.place("zone", DE_AT_LU), market.card.place("zone", DE_LU)
    assert old is not None
    assert new is not None
    assert old.to == new.from_ == parse_day("2018-10-01")
    assert set(old.replaced_by) == {DE_LU, AT}
    calabria = market.card.place("zone", "10Y1001C--00096J")
    assert calabria is not None
    assert calabria.from_ == parse_day("2021-01-01")
    assert all(len(place.code) == 16 for place in market.card.places if place.kind != "border")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (load_document(quantities(period({1: 1}, name="quantity"), unit="MWH")), "quantity_Measure_Unit.name 'MWH'"),
        (load_document(quantities(period({1: 1}, name="quantity"), business="A05")), "businessType 'A05'"),
        (load_document(quantities(period({1: 1}, name="quantity")), process="A99"), "processType 'A99'"),
        (load_document(quantities(period({1: 1}, name="quantity"), domain="")), "outBiddingZone_Domain.mRID"),
        (load_document(quantities(period({1: 1}, name="quantity", more="<quality>A02</quality>"))), "quality 'A02'"),
    ],
)  # fmt: skip
def test_what_a_load_document_must_say(market: Market, document: Document, says: str) -> None:
    with pytest.raises(FeedFormatChanged, match=says):
        market.read("load", document)


def generation(code: str, side: str = "in", kind: str = "A75", process: str = "A16") -> Document:
    domain = f"<{side}BiddingZone_Domain.mRID>{NL}</{side}BiddingZone_Domain.mRID>"
    fuel = f"<MktPSRType><psrType>{code}</psrType></MktPSRType>"
    series = quantities(period({1: 1}, name="quantity"), business="A01", domain=domain, more=fuel)
    return load_document(series, kind=kind, process=process)


@pytest.mark.parametrize(
    ("code", "side", "measure"),
    [
        ("B01", "in", "generation_biomass"),
        ("B05", "in", "generation_coal"),
        ("B10", "in", "generation_hydro_pumped"),
        ("B10", "out", "consumption_hydro_pumped"),
        ("B11", "in", "generation_hydro_river"),
        ("B20", "in", "generation_other"),
        ("B25", "out", "consumption_storage"),
    ],
)
def test_in_is_generation_and_out_is_consumption(
    market: Market, code: str, side: str, measure: str
) -> None:
    assert names(read(market, "generation", generation(code, side))) == [
        f"actual/{measure}/zone/{NL}"
    ]


def test_an_unknown_fuel_is_drift_and_never_other(market: Market) -> None:
    with pytest.raises(FeedFormatChanged, match="psrType 'B26'"):
        market.read("generation", generation("B26"))
    with pytest.raises(FeedFormatChanged, match="psrType 'B14'"):
        market.read("wind_solar_forecast", generation("B14", kind="A69", process="A01"))


def test_imbalance_categories_status_and_the_one_price(market: Market) -> None:
    name, category = (
        "imbalance_Price.amount",
        "<imbalance_Price.category>{}</imbalance_Price.category>",
    )
    both = (
        imbalance(period({1: 1}, name=name, more=category.format("A04"))),
        imbalance(period({1: 2}, name=name, more=category.format("A05"))),
    )
    reading = read(market, "imbalance_prices", balancing(*both, status="A01"))
    assert names(reading) == [f"balancing/price-long/zone/{AT}", f"balancing/price-short/zone/{AT}"]
    assert set(reading.finality.tolist()) == {int(Finality.PRELIMINARY)}
    single = read(
        market, "imbalance_prices", balancing(imbalance(period({1: 3}, name=name)), status="A02")
    )
    assert names(single) == [f"balancing/price/zone/{AT}"]
    assert set(single.finality.tolist()) == {int(Finality.FINAL)}
    crowns = balancing(
        imbalance(period({1: 3}, name=name), currency="CZK"), area="10YCZ-CEPS-----N"
    )
    assert read(market, "imbalance_prices", crowns).units == ("CZK/MWh",)
    for broken, says in (
        (balancing(*both, status="A09"), "docStatus 'A09'"),
        (
            balancing(imbalance(period({1: 1}, name=name, more=category.format("A06")))),
            "category 'A06'",
        ),
    ):
        with pytest.raises(FeedFormatChanged, match=says):
            market.read("imbalance_prices", broken)


def test_categories_may_alternate_within_a_period(market: Market) -> None:
    point = (
        "<Point><position>{}</position><imbalance_Price.amount>{}</imbalance_Price.amount>"
        "<imbalance_Price.category>{}</imbalance_Price.category></Point>"
    )
    mixed = "".join(
        point.format(p, v, c) for p, v, c in ((1, 10, "A04"), (1, 11, "A05"), (3, 12, "A05"))
    )
    filler = points({9: 9}, "imbalance_Price.amount")
    document = balancing(
        imbalance(period({9: 9}, name="imbalance_Price.amount").replace(filler, mixed))
    )
    reading = read(market, "imbalance_prices", document)
    long, short = (of(reading, f"balancing/price-{side}/zone/{AT}") for side in ("long", "short"))
    assert list(long.values()) == [10] * 24
    assert list(short.values()) == [11, 11] + [12] * 22
    assert reading.rows_read == 3


def zipped(*documents: Document) -> Document:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, document in enumerate(documents):
            archive.writestr(f"{number:03d}.xml", document.body)
    return Document("prices.zip", file.getvalue(), "application/zip")


def test_of_one_interval_in_two_members_the_final_one_counts(market: Market) -> None:
    name = "imbalance_Price.amount"
    early = balancing(imbalance(period({1: 1}, name=name)), status="A01")
    late = balancing(imbalance(period({1: 2}, name=name)), status="A02")
    for order in ((early, late), (late, early)):
        document = zipped(*order)
        assert market.recognise(document) == ("imbalance_prices",)
        reading = read(market, "imbalance_prices", document)
        assert set(reading.value.tolist()) == {2}
        assert len(reading) == 24
        assert reading.rows_read == 2
        assert [(f.rule, f.count) for f in reading.findings] == [("outdone", 24)]
        part = Locator.unpack(int(reading.locator[0])).part
        assert part == order.index(late)
        assert b">2<" in market.locate(document, Locator(part, 0, 0))


def test_members_of_one_status_that_contradict_each_other_are_refused(market: Market) -> None:
    name = "imbalance_Price.amount"
    one, other = (balancing(imbalance(period({1: value}, name=name))) for value in (1, 2))
    with pytest.raises(FeedFormatChanged, match="stands twice"):
        market.read("imbalance_prices", zipped(one, other))


def test_status_revision_stamp_and_cover_are_the_documents(market: Market) -> None:
    reading = read(market, "day_ahead_prices", whole(prices(period({1: 1})), revision="7"))
    assert set(reading.source_rank.tolist()) == {7}
    assert reading.document_stamp == parse_instant("2024-09-03T10:00:00Z")
    assert reading.covers == Window(parse_instant(DAY[0]), parse_instant(DAY[1]))
    assert np.isnat(reading.published_at).all()


# ---------------------------------------------------------------- forecasts


@pytest.mark.parametrize(
    ("dataset", "kind", "process", "run", "issued"),
    [
        ("load_forecast", "A65", "A01", "day_ahead", "2024-09-01T08:00Z"),
        ("load_forecast", "A65", "A40", "intraday", "2024-09-02T06:00Z"),
        ("load_forecast", "A65", "A31", "week", "2024-08-30T08:00Z"),
        ("load_forecast", "A65", "A32", "month", "2024-08-25T22:00Z"),
        ("load_forecast", "A65", "A33", "year", "2023-12-15T23:00Z"),
        ("wind_solar_forecast", "A69", "A01", "day_ahead", "2024-09-01T16:00Z"),
        ("wind_solar_forecast", "A69", "A40", "intraday", "2024-09-02T06:00Z"),
        ("generation_forecast", "A71", "A01", "day_ahead", "2024-09-01T16:00Z"),
    ],
)
def test_issue_instants_by_the_rules_of_the_card(
    market: Market, dataset: str, kind: str, process: str, run: str, issued: str
) -> None:
    """Monday, 2 September 2024: CEST, so 10:00 is 08:00Z; wind, sun and units are due after the SDAC gate."""
    fuel = "<MktPSRType><psrType>B16</psrType></MktPSRType>" if kind == "A69" else ""
    side = "out" if kind == "A65" else "in"
    domain = f"<{side}BiddingZone_Domain.mRID>{NL}</{side}BiddingZone_Domain.mRID>"
    series = quantities(period({1: 1}, name="quantity"), domain=domain, more=fuel)
    reading = read(market, dataset, load_document(series, kind=kind, process=process))
    assert {one.run for one in reading.series} == {f"forecast-{run}"}
    assert set(reading.issued_at.tolist()) == {parse_instant(issued).replace(tzinfo=None)}


def test_the_current_forecast_is_issued_when_its_interval_starts(market: Market) -> None:
    reading = read(market, "wind_solar_forecast", generation("B16", kind="A69", process="A18"))
    assert (reading.issued_at == reading.interval_start).all()


def test_each_day_of_a_longer_document_has_its_own_issue(market: Market) -> None:
    span = ("2024-10-25T22:00Z", "2024-10-28T23:00Z")  # over the end of summer time
    series = quantities(period({1: 1}, span=span, name="quantity"))
    reading = read(market, "load_forecast", load_document(series, process="A01", span=span))
    found = [f"{moment:%d %H:%M}" for moment in np.unique(reading.issued_at).tolist()]
    assert found == ["25 08:00", "26 08:00", "27 09:00"]


def test_the_longer_load_forecasts_have_a_lowest_and_a_highest_load(market: Market) -> None:
    document = load_document(
        quantities(period({1: 1}, "P1D", name="quantity"), business="A60"),
        quantities(period({1: 2}, "P1D", name="quantity"), business="A61"),
        process="A31",
    )
    assert names(read(market, "load_forecast", document)) == [
        f"forecast-week/load-max/zone/{NL}",
        f"forecast-week/load-min/zone/{NL}",
    ]


def test_scheduled_consumption_beside_the_total_is_counted_and_not_read(market: Market) -> None:
    series = quantities(
        period({1: 9}, name="quantity"),
        business="A01",
        domain=f"<inBiddingZone_Domain.mRID>{NL}</inBiddingZone_Domain.mRID>",
    )
    document = load_document(series, series.replace("inBid", "outBid"), kind="A71", process="A01")
    reading = read(market, "generation_forecast", document)
    assert (reading.rows_read, dict(reading.rows_ignored)) == (1, {"scheduled_consumption": 1})


# ---------------------------------------------------------------- exchange


def exchange(kind: str, business: str, out: str, into: str, more: str = "") -> Document:
    domain = (
        f"<in_Domain.mRID>{into}</in_Domain.mRID><out_Domain.mRID>{out}</out_Domain.mRID>{more}"
    )
    return whole(
        quantities(period({1: 5, 2: 0}, name="quantity"), business=business, domain=domain),
        kind=kind,
    )


def test_flow_is_positive_from_the_first_to_the_second_place(market: Market) -> None:
    reading = read(market, "flows", exchange("A11", "A66", DE_LU, NL))
    assert [one.location for one in reading.series] == [f"{DE_LU}>{NL}"]


def test_net_position_is_positive_for_exports(market: Market) -> None:
    daily = "<contract_MarketAgreement.type>A01</contract_MarketAgreement.type>"
    for out, into, value in ((BE, "REGION_CODE-----", 5), ("REGION_CODE-----", BE, -5)):
        reading = read(market, "net_positions", exchange("A25", "B09", out, into, daily))
        assert names(reading) == [f"day_ahead-sdac/net_position/zone/{BE}"]
        assert reading.value[0] == value
        assert not np.signbit(reading.value[1])
    with pytest.raises(FeedFormatChanged, match="must be the region"):
        market.read("net_positions", exchange("A25", "B09", BE, NL, daily))


def test_a_net_position_that_changes_sides_has_no_hole(market: Market) -> None:
    region, daily = (
        "REGION_CODE-----",
        "<contract_MarketAgreement.type>A01</contract_MarketAgreement.type>",
    )

    def side(out: str, into: str, *spans: tuple[str, str, int]) -> str:
        domain = f"<in_Domain.mRID>{into}</in_Domain.mRID><out_Domain.mRID>{out}</out_Domain.mRID>{daily}"
        blocks = (
            period(
                {1: value}, span=(f"2024-09-0{start}:00Z", f"2024-09-0{end}:00Z"), name="quantity"
            )
            for start, end, value in spans
        )
        return quantities(*blocks, business="B09", domain=domain)

    document = whole(
        side(BE, region, ("1T22", "2T06", 100), ("2T12", "2T22", 300)),
        side(region, BE, ("2T06", "2T12", 50)),
        kind="A25",
    )
    reading = read(market, "net_positions", document)
    assert reading.value.tolist() == [100] * 8 + [-50] * 6 + [300] * 10
    assert not reading.findings


# ---------------------------------------------------------------- answers that are no data


def acknowledgement(code: str, text: str) -> Document:
    body = (
        '<?xml version="1.0"?><Acknowledgement_MarketDocument xmlns="urn:a:b:7:0"><mRID>1</mRID>'
        f"<Reason><code>{code}</code><text>{text}</text></Reason></Acknowledgement_MarketDocument>"
    )
    return Document("answer.xml", body.encode(), "text/xml")


@pytest.mark.parametrize(
    ("code", "text", "error"),
    [
        ("999", "No matching data found for Data item X", NotPublishedYet),
        ("999", "", NotPublishedYet),
        ("999", "The amount of requested data exceeds allowed limit.", InvalidRequest),
        ("999", "Delivered time interval is not valid for this Data item.", InvalidRequest),
        ("999", "Max allowed requests per minute reached, try again later.", FeedUnavailable),
        ("401", "Missing or invalid security token", FeedUnavailable),
        ("999", "Authentication failed.", FeedUnavailable),
        ("999", "Unauthorized. Missing or invalid security token", FeedUnavailable),
        ("B99", "something new", FeedUnavailable),
    ],
)
def test_acknowledgements_mean_wait_ask_otherwise_or_try_again(
    market: Market, code: str, text: str, error: type[Carbon254Error]
) -> None:
    document = acknowledgement(code, text)
    assert market.recognise(document) == ()
    with pytest.raises(error, match=text.partition(",")[0][:20] or "answers 999"):
        market.read("load", document)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", DocumentDamaged),
        (b"  \n", DocumentDamaged),
        (b"<html><body>Maintenance</body></html>", DocumentDamaged),
        (b"<html><title>429 Too Many Requests</title></html>", FeedUnavailable),
        (b"<html>\r\n<head><title>503 Service Unavailable</title></head></html>", FeedUnavailable),
        (b"<html>\r\n<head><title>504 Gateway Time-out</title></head></html>", FeedUnavailable),
        (b"<html>\r\n<head><title>500 Internal Server Error</title></head></html>", FeedUnavailable),
        (b"Max allowed requests per minute from each unique IP is max up to 400 only", FeedUnavailable),
        (b"a;b\n1;2\n", DocumentDamaged),
        (b"PK\x03\x04 no zip", DocumentDamaged),
        (b"PK\x05\x06" + b"\0" * 18, DocumentDamaged),
        (whole(prices(period({1: 1}))).body[:-40], DocumentDamaged),
        (whole().body, DocumentDamaged),
        (whole(prices(period({1: 1}))).body.replace(b"?><", b'?><!DOCTYPE a [<!ENTITY b "c">]><', 1), DocumentDamaged),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(
    market: Market, body: bytes, error: type[Carbon254Error]
) -> None:
    with pytest.raises(error):
        market.read("day_ahead_prices", Document("bad.xml", body))


def test_a_slow_down_word_inside_data_is_no_slow_down(market: Market) -> None:
    body = whole(prices(period({1: 1}))).body.replace(b"<mRID>x<", b"<mRID>rate limit<")
    assert len(read(market, "day_ahead_prices", Document("a.xml", body))) == 24


@pytest.mark.parametrize(
    ("document", "datasets"),
    [
        (load_document(quantities(), process="A16"), ("load",)),
        (load_document(quantities(), process="A31"), ("load_forecast",)),
        (generation("B16"), ("generation",)),
        (generation("B16", kind="A69", process="A01"), ("wind_solar_forecast",)),
        (load_document(quantities(), kind="A71", process="A01"), ("generation_forecast",)),
        (balancing(imbalance()), ("imbalance_prices",)),
        (exchange("A11", "A66", BE, NL), ("flows",)),
        (load_document(quantities(business="B11"), kind="A71", process="A33"), ()),
        *((exchange("A25", other, BE, NL), ()) for other in ("B05", "B07", "B10")),
        (exchange("A25", "B09", BE, "REGION_CODE-----"), ("net_positions",)),
        (whole(prices(), kind="A99"), ()),
        (Document("x.xml", b"<type>A44</type>"), ()),
        (Document("x.zip", b"PK\x03\x04"), ()),
    ],
)
def test_documents_are_recognised_by_content(
    market: Market, document: Document, datasets: tuple[str, ...]
) -> None:
    assert market.recognise(document) == datasets


def test_every_member_of_a_zip_is_looked_at(market: Market) -> None:
    ahead, intraday = (
        whole(prices(period({1: 3}))),
        whole(prices(period({1: 1, 2: 2}), contract="A07", sequence="1")),
    )
    document = zipped(ahead, intraday)
    assert market.recognise(document) == ("day_ahead_prices", "intraday_prices")
    assert len(read(market, "intraday_prices", document)) == 24
    load = load_document(quantities(period({1: 1}, name="quantity")))
    with pytest.raises(FeedFormatChanged, match=r"001\.xml: document type A65 is not A44"):
        market.read("day_ahead_prices", zipped(ahead, load))


def test_a_zip_with_a_damaged_member_is_still_the_platforms(market: Market) -> None:
    whole_zip = zipped(whole(prices(period({1: 3}))), whole(prices(period({1: 4})))).body
    damaged = Document("prices.zip", b"<mRID>y".join(whole_zip.rsplit(b"<mRID>x", 1)))
    assert market.recognise(damaged) == ("day_ahead_prices",)
    with pytest.raises(DocumentDamaged):
        market.read("day_ahead_prices", damaged)


def test_a_locator_that_leads_nowhere_is_told(market: Market) -> None:
    document = whole(prices(period({1: 1})))
    for locator in (Locator(0, 1, 0), Locator(1, 0, 0)):
        with pytest.raises(InvalidRequest, match="no Point"):
            market.locate(document, locator)


# ---------------------------------------------------------------- requests


def day(text: str, days: int = 1) -> Window:
    first = day_window(parse_day(text), "Europe/Brussels")
    last = day_window(parse_day(text) + timedelta(days - 1), "Europe/Brussels")
    return Window(first.start, last.end)


def asked(market: Market, dataset: str, window: Window) -> list[Request]:
    return list(market.requests(dataset, window))


def test_requests_ask_each_zone_for_whole_days_in_utc(market: Market) -> None:
    requests = asked(market, "day_ahead_prices", day("2026-03-29"))
    zones = [request.params["in_Domain"] for request in requests]
    assert len(zones) == len(set(zones)) > 40
    assert {NL, DE_LU, SEM, CH} <= set(zones)
    assert not {DE_AT_LU, GB, DE} & set(zones)
    (one,) = (request for request in requests if request.params["in_Domain"] == NL)
    assert one.url == "https://web-api.tp.entsoe.eu/api"
    assert dict(one.params) == {
        "documentType": "A44",
        "contract_MarketAgreement.type": "A01",
        "in_Domain": NL,
        "out_Domain": NL,
        "periodStart": "202603282300",
        "periodEnd": "202603292200",
    }
    assert dict(one.credentials) == {"securityToken": "entsoe_token"}
    assert one.name == f"A44_{NL}_202603282300-202603292200.xml"


def test_a_window_within_a_day_asks_for_the_day(market: Market) -> None:
    window = Window(parse_instant("2026-03-29T10:00Z"), parse_instant("2026-03-29T11:00Z"))
    spans = {r.params["periodStart"] + r.params["periodEnd"] for r in asked(market, "load", window)}
    assert spans == {"202603282300202603292200"}


def test_long_windows_are_cut_and_zones_follow_their_dates(market: Market) -> None:
    requests = asked(market, "load", day("2018-09-01", 61))
    spans = sorted({(r.params["periodStart"], r.params["periodEnd"]) for r in requests})
    assert spans == [("201808312200", "201810012200"), ("201810012200", "201810312300")]
    first, second = (
        {r.params["outBiddingZone_Domain"] for r in requests if r.params["periodStart"] == start}
        for start, _ in spans
    )
    assert {DE_AT_LU, DE_LU, AT} <= first
    assert DE_AT_LU not in second


@pytest.mark.parametrize(
    ("dataset", "wanted"),
    [
        ("intraday_prices", {"documentType": "A44", "contract_MarketAgreement.type": "A07"}),
        ("load", {"documentType": "A65", "processType": "A16", "outBiddingZone_Domain": NL}),
        (
            "load_forecast",
            {"documentType": "A65", "processType": "A33", "outBiddingZone_Domain": NL},
        ),
        ("generation", {"documentType": "A75", "processType": "A16", "in_Domain": NL}),
        ("generation_forecast", {"documentType": "A71", "processType": "A01", "in_Domain": NL}),
        ("wind_solar_forecast", {"documentType": "A69", "processType": "A40", "in_Domain": NL}),
        ("imbalance_prices", {"documentType": "A85", "controlArea_Domain": AT}),
        ("flows", {"documentType": "A11", "out_Domain": DE_LU, "in_Domain": NL}),
        ("net_positions", {"documentType": "A25", "businessType": "B09", "in_Domain": BE}),
    ],
)
def test_each_dataset_asks_its_own_question(
    market: Market, dataset: str, wanted: dict[str, str]
) -> None:
    requests = asked(market, dataset, day("2025-06-04"))
    assert any(wanted.items() <= dict(request.params).items() for request in requests)
    assert len({request.key for request in requests}) == len(requests)
    assert len({request.name for request in requests}) == len(requests)


def answered(steps: Generator[Request, Document, None], *counts: int) -> list[str]:
    """Offsets asked for, when each answer holds so many series."""
    request, offsets = next(steps), []
    for count in counts:
        offsets.append(request.params.get("offset", "0"))
        request = steps.send(Document("answer.xml", b"<TimeSeries>" * count))
    return [*offsets, request.params.get("offset", "0")]


def test_full_pages_are_turned(market: Market) -> None:
    window = day("2026-03-29")
    assert answered(market.requests("day_ahead_prices", window), 100, 100, 3) == [
        "0",
        "100",
        "200",
        "0",
    ]
    assert answered(market.requests("load", window), 100) == ["0", "0"]


def test_pages_of_a_zip_are_its_members(market: Market) -> None:
    steps = market.requests("imbalance_prices", day("2026-03-29"))
    next(steps)
    full = zipped(*[Document("a", b"<a/>")] * 100)
    turned = steps.send(full)
    assert turned.params["offset"] == "100"
    assert turned.name is not None
    assert turned.name.endswith("_100.xml")
    assert "offset" not in steps.send(zipped(Document("a", b"<a/>"))).params


# ---------------------------------------------------------------- writing


def test_repeated_positions_are_left_out_where_the_reading_says_so(market: Market) -> None:
    document = whole(
        prices(period({1: 1, 5: 1, 6: 2}, "PT15M"), zone=DE_LU, sequence="1"),
        prices(period({1: 7}, "PT15M"), zone=DE_LU, sequence="2"),
    )
    reading = read(market, "day_ahead_prices", document)
    (written,) = market.write("day_ahead_prices", reading)
    text = written.body.decode()
    assert text.count("<Point>") == 4  # position 5 equals position 1 but stood in the document
    assert text.index(f"<{SEQUENCE}>2<") < text.index(f"<{SEQUENCE}>1<")
    again = read(market, "day_ahead_prices", written)
    for name in names(reading):
        assert of(again, name) == of(reading, name)
    assert sorted(again.flags.tolist()) == sorted(reading.flags.tolist())


def made(flags: list[int], values: list[float], **more: object) -> Reading:
    start = instant64(parse_instant(DAY[0])) + np.arange(len(values)) * np.timedelta64(60, "m")
    series = SeriesId.parse(f"entsoe/actual/load/zone/{NL}")
    return Reading(
        (series,), ("MW",), np.zeros(len(values)), start, start + np.timedelta64(60, "m"), values,
        flags=flags, **{"finality": np.full(len(values), int(Finality.PRELIMINARY)), **more},  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reading", "says"),
    [
        (made([int(Flag.BLOCK_FILLED)], [1.0]), "must equal the row before it"),
        (made([0, int(Flag.BLOCK_FILLED)], [1.0, 2.0]), "must equal the row before it"),
        (
            made([int(Flag.ESTIMATED), int(Flag.BLOCK_FILLED)], [1.0, 1.0]),
            "must equal the row before",
        ),
        (made([int(Flag.CAPPED)], [1.0]), "block_filled"),
        (made([0], [1.0], finality=[int(Finality.CORRECTED)]), "preliminary and final"),
        (made([0], [np.nan], state=[int(State.NOT_APPLICABLE)]), "missing numbers"),
    ],
)
def test_what_the_format_cannot_carry_is_not_written(
    market: Market, reading: Reading, says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        list(market.write("load", reading))


def test_finality_and_revision_go_into_documents_of_their_own(market: Market) -> None:
    reading = made([0, 0, 0], [1.0, 2.0, 3.0], finality=[1, 2, 2], source_rank=[1, 1, 2])
    documents = list(market.write("load", reading))
    assert len({document.name for document in documents}) == 3
    found = set()
    for document in documents:
        back = read(market, "load", document)
        found |= set(
            zip(back.value.tolist(), back.finality.tolist(), back.source_rank.tolist(), strict=True)
        )
    assert found == {(1.0, 1, 1), (2.0, 2, 1), (3.0, 2, 2)}


def test_numbers_keep_every_digit(market: Market) -> None:
    values = [0.1 + 0.2, 1e-7, 123456789.123, -0.0, 5e15]
    (written,) = market.write("load", made([0] * 5, values))
    assert read(market, "load", written).value.tolist() == values
