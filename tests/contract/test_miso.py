"""MISO's traps and what its documents look like when something is wrong."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carbon254.core.domain.cards import read_card
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.errors import (
    BY_CODE,
    Carbon254Error,
    DocumentDamaged,
    FeedFormatChanged,
    FeedUnavailable,
    InvalidRequest,
    NotFound,
    NotPublishedYet,
)
from carbon254.core.domain.expectations import publication_times
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.synthetic import synthesise
from carbon254.core.domain.time import Window, parse_instant
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.plugins.markets.miso import day_prices, interval_prices, labels, numbers
from carbon254.plugins.markets.miso.feed import Feed
from carbon254.ports.markets import chunks

MISO = Path(__file__).resolve().parents[2] / "plugins" / "markets" / "miso"
NOTE = ",,,All Hours-Ending are Eastern Standard Time (EST)"
HEADER = "Node,Type,Value," + ",".join(f"HE {hour}" for hour in range(1, 25))
TITLE = "Day Ahead Market ExPost LMPs"


@pytest.fixture(scope="module")
def feed() -> Feed:
    return Feed(read_card(MISO / "market.toml"))


def sample(path: str) -> Document:
    return Document(Path(path).name, (MISO / "samples" / path).read_bytes())


def day(
    lines: list[str],
    title: str = TITLE,
    written: str = "07/14/2026",
    name: str = "20260714_da_expost_lmp.csv",
    header: str = HEADER,
    note: str = NOTE,
) -> Document:
    return Document(name, "\n".join([title, written, "", note, header, *lines, ""]).encode())


def node(name: str, lmp: str, mcc: str, mlc: str, type_: str = "Gennode") -> list[str]:
    """The three lines of a node whose price is the same in every hour."""
    parts = {"LMP": lmp, "MCC": mcc, "MLC": mlc}
    return [f"{name},{type_},{part},{','.join([text] * 24)}" for part, text in parts.items()]


def at(text: str) -> np.datetime64:
    return np.datetime64(parse_instant(text).replace(tzinfo=None), "us")


def values(reading: Reading, series: str) -> dict[str, float]:
    """Values by start, of a series written without its market."""
    codes = [code for code, one in enumerate(reading.series) if str(one) == f"miso/{series}"]
    assert codes, [str(one) for one in reading.series]
    rows = reading.code == codes[0]
    return dict(
        zip(reading.interval_start[rows].astype(str), reading.value[rows].tolist(), strict=True)
    )


# ---------------------------------------------------------------- time


@pytest.mark.parametrize("us_change", ["03/08/2026", "11/01/2026", "03/09/2025", "11/02/2025"])
def test_days_on_which_us_clocks_change_have_24_hours_in_est(feed: Feed, us_change: str) -> None:
    month, date, year = us_change.split("/")
    made = day(
        node("A.B", "1", "0", "0"), written=us_change, name=f"{year}{month}{date}_da_expost_lmp.csv"
    )
    reading = feed.read("day_ahead_lmp", made)
    starts = reading.interval_start[reading.code == 0]
    assert starts[0] == np.datetime64(f"{year}-{month}-{date}T05:00")
    assert len(starts) == 24
    assert set(np.diff(starts)) == {np.timedelta64(1, "h")}
    assert set(reading.interval_end - reading.interval_start) == {np.timedelta64(1, "h")}


def test_a_report_covers_its_operating_day(feed: Feed) -> None:
    reading = feed.read("day_ahead_lmp", day(node("A.B", "1", "0", "0")))
    assert reading.covers == Window(
        datetime(2026, 7, 14, 5, tzinfo=UTC), datetime(2026, 7, 15, 5, tzinfo=UTC)
    )
    assert reading.document_stamp is None


def test_a_five_minute_label_is_the_end_of_its_interval(feed: Feed) -> None:
    data = [["2026-07-27T08:15:00", "MINN.HUB", "30.00", "1.00", "2.00"]]
    reading = feed.read("real_time_lmp", five_minutes(data))
    assert set(reading.interval_start) == {at("2026-07-27T13:10Z")}
    assert set(reading.interval_end) == {at("2026-07-27T13:15Z")}
    assert set(reading.finality) == {Finality.PRELIMINARY}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018-01-25 12:00:00 AM", "2018-01-25T05:00Z"),
        ("2018-01-25 4:30:00 AM", "2018-01-25T09:30Z"),
        ("2018-01-25 12:05:00 PM", "2018-01-25T17:05Z"),
        ("2018-07-25 11:55:00 PM", "2018-07-26T04:55Z"),
    ],
)
def test_twelve_hour_labels_are_read_and_written(text: str, expected: str) -> None:
    moment = labels.read_clock(text, "it")
    assert moment == parse_instant(expected)
    assert labels.write_clock(labels.local(moment).replace(tzinfo=None)) == text


@pytest.mark.parametrize(
    "text",
    [
        "25-Jan-2018 - Interval 04:30 EDT",
        "25-Foo-2018 - Interval 04:30 EST",
        "31-Feb-2018 - Interval 04:30 EST",
        "01-Jan-0001 - Interval 00:00 EST",
        "31-Dec-9999 - Interval 23:55 EST",
        "",
        None,
        7,
    ],
)
def test_a_reference_in_another_zone_or_form_is_drift(text: Any) -> None:
    with pytest.raises(FeedFormatChanged):
        labels.read_reference(text, "it")


# ---------------------------------------------------------------- prices of a day


def test_prices_without_leading_zero_are_read(feed: Feed) -> None:
    reading = feed.read("day_ahead_lmp", day(node("A.B", ".92", "-.94", "29")))
    assert values(reading, "day_ahead-ex_post/price/node/A.B")["2026-07-14T05:00:00.000000"] == 0.92
    assert (
        values(reading, "day_ahead-ex_post/price_congestion/node/A.B")["2026-07-14T05:00:00.000000"]
        == -0.94
    )
    assert (
        values(reading, "day_ahead-ex_post/price_loss/node/A.B")["2026-07-14T05:00:00.000000"]
        == 29.0
    )
    assert (
        values(reading, "day_ahead-ex_post/price_energy/node/A.B")["2026-07-14T05:00:00.000000"]
        == -27.14
    )


def test_energy_is_exact_decimal_arithmetic() -> None:
    rng = np.random.default_rng(254)
    for digits in (2, 3, 5):
        texts = [
            [f"{rng.integers(-(10**7), 10**7) / 10**digits:.{digits}f}" for _ in range(2000)]
            for _ in range(3)
        ]
        lmp, mcc, mlc = (np.array([float(text) for text in part]) for part in texts)
        wanted = [
            float(Decimal(a) - Decimal(b) - Decimal(c)) for a, b, c in zip(*texts, strict=True)
        ]
        assert numbers.energy(lmp, mcc, mlc, "it").tolist() == wanted
    naive = np.array([36.24]) - np.array([1.32]) - np.array([0.3])
    assert (
        numbers.energy(np.array([36.24]), np.array([1.32]), np.array([0.3]), "it")[0]
        == 34.62
        != naive[0]
    )


def test_energy_of_nothing_left_is_a_plain_zero() -> None:
    zero = numbers.energy(np.array([-0.0]), np.array([0.0]), np.array([0.0]), "it")
    assert str(zero[0]) == "0.0"


def test_more_decimals_than_anyone_prints_are_drift(feed: Feed) -> None:
    with pytest.raises(FeedFormatChanged, match="decimals"):
        feed.read("day_ahead_lmp", day(node("A.B", "1.12345678", "0", "0")))


def test_an_empty_hour_is_missing_and_so_is_its_energy_never_zero(feed: Feed) -> None:
    lines = node("A.B", "5", "1", "0")
    lines[1] = "A.B,Gennode,MCC," + ",".join(["1"] * 23) + ","
    reading = feed.read("day_ahead_lmp", day(lines))
    last = reading.interval_start == at("2026-07-15T04:00Z")
    states = {
        one.measure: State(state)
        for one, state in zip(
            [reading.series[code] for code in reading.code[last]], reading.state[last], strict=True
        )
    }
    assert states == {
        "price": State.OK, "price_energy": State.MISSING, "price_congestion": State.MISSING, "price_loss": State.OK,
    }  # fmt: skip


def test_hubs_come_from_the_list_and_other_points_typed_hub_are_aggregates(feed: Feed) -> None:
    lines = [
        *node("MINN.HUB", "1", "0", "0", "Hub"),
        *node("NSP.SOMETHING.ARR", "1", "0", "0", "Hub"),
        *node("LOOKS.LIKE.A.HUB", "1", "0", "0", "Gennode"),
        *node("AECI", "1", "0", "0", "Interface"),
        *node("A.ZONE", "1", "0", "0", "Loadzone"),
    ]
    reading = feed.read("day_ahead_lmp", day(lines))
    assert {one.location: one.kind for one in reading.series} == {
        "MINN.HUB": "hub",
        "NSP.SOMETHING.ARR": "aggregate",
        "LOOKS.LIKE.A.HUB": "node",
        "AECI": "interface",
        "A.ZONE": "zone",
    }


def test_the_hub_list_is_the_eight_trading_hubs(feed: Feed) -> None:
    hubs = {place.code for place in feed.card.places if place.kind == "hub"}
    names = ("ARKANSAS", "ILLINOIS", "INDIANA", "LOUISIANA", "MICHIGAN", "MINN", "MS", "TEXAS")
    assert hubs == {f"{name}.HUB" for name in names}


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(node("A.B", "1", "0", "0", "Windfarm"), id="unknown Type"),
        pytest.param(
            node("MINN.HUB", "1", "0", "0", "Loadzone"), id="a hub of the list typed otherwise"
        ),
        pytest.param(
            [*node("A.B", "1", "0", "0"), "A.B,Gennode,MEC" + ",1" * 24], id="unknown Value"
        ),
        pytest.param(node("A.B", "1", "n/a", "0"), id="no number"),
        pytest.param(node("A.B", "1", "nan", "0"), id="not a finite number"),
        pytest.param(node("", "1", "0", "0"), id="no Node"),
        pytest.param(
            [line.replace("Gennode,MLC", "Loadzone,MLC") for line in node("A.B", "1", "0", "0")],
            id="one node of two types",
        ),
        pytest.param(
            [*node("A.B", "1", "0", "0"), *node("A.B", "2", "0", "0")], id="conflicting duplicates"
        ),
    ],
)
def test_drift_in_the_lines_is_refused(feed: Feed, lines: list[str]) -> None:
    with pytest.raises(FeedFormatChanged):
        feed.read("day_ahead_lmp", day(lines))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"header": HEADER.replace("HE 24", "HE 25")}, id="HE 24 renamed"),
        pytest.param({"header": HEADER.replace("Type", "Kind")}, id="Type renamed"),
        pytest.param(
            {"note": NOTE.replace("Eastern Standard Time (EST)", "Eastern Prevailing Time (EPT)")},
            id="zone",
        ),
        pytest.param({"written": "07/15/2026"}, id="the name says another day"),
        pytest.param({"written": "13/15/2026", "name": "a.csv"}, id="no such day"),
        pytest.param({"written": "", "name": "a.csv"}, id="no day at all"),
        pytest.param({"title": "Day Ahead Market ExAnte LMPs"}, id="the name says another report"),
        pytest.param({"title": "LMPs", "name": "20260714.csv"}, id="no report that we know"),
    ],
)
def test_drift_in_the_head_is_refused(feed: Feed, changed: dict[str, str]) -> None:
    with pytest.raises(FeedFormatChanged):
        feed.read("day_ahead_lmp", day(node("A.B", "1", "0", "0"), **changed))


def test_a_25th_hour_is_drift(feed: Feed) -> None:
    lines = [f"{line},1" for line in node("A.B", "1", "0", "0")]
    with pytest.raises(FeedFormatChanged, match="HE 25"):
        feed.read("day_ahead_lmp", day(lines, header=HEADER + ",HE 25"))


def test_an_added_column_is_a_finding_and_columns_are_read_by_name(feed: Feed) -> None:
    header = "Node,Region," + HEADER.removeprefix("Node,")
    lines = [line.replace("A.B,", "A.B,South,") for line in node("A.B", "1", "0", "0")]
    reading = feed.read("day_ahead_lmp", day(lines, header=header))
    assert [finding.rule for finding in reading.findings] == ["added_column"]
    price = values(reading, "day_ahead-ex_post/price/node/A.B")
    assert price["2026-07-14T05:00:00.000000"] == 1.0


def test_identical_lines_collapse_with_a_finding_and_are_counted(feed: Feed) -> None:
    reading = feed.read(
        "day_ahead_lmp", day([*node("A.B", "1", "0", "0"), *node("A.B", "1", "0", "0")])
    )
    assert [(finding.rule, finding.count) for finding in reading.findings] == [("duplicates", 3)]
    assert (reading.rows_read, len(reading)) == (6, 96)


@pytest.mark.parametrize("keep", range(1, 9))
def test_a_report_cut_at_the_end_of_a_line_is_damaged(feed: Feed, keep: int) -> None:
    parts = [node(name, "1", "0", "0") for name in ("A.A", "A.B", "A.C")]
    lines = [line for component in zip(*parts, strict=True) for line in component]
    with pytest.raises(DocumentDamaged, match="cut"):
        feed.read("day_ahead_lmp", day(lines[:keep]))


def test_a_report_cut_anywhere_is_refused_or_whole(feed: Feed) -> None:
    body = day([*node("A.A", "12.5", "0", "0"), *node("A.B", "1", "0", "0")]).body
    for size in range(0, len(body), 3):
        with pytest.raises(Carbon254Error) as caught:
            feed.read("day_ahead_lmp", Document("20260714_da_expost_lmp.csv", body[:size]))
        assert caught.value.code in ("document_damaged", "feed_format_changed"), size
        assert caught.value.code == "document_damaged" or size < 200, size


@pytest.mark.parametrize("end", [b"\r\n", b"\n\n"])
def test_other_line_ends_and_blank_lines_read_the_same_and_locate_the_same_line(
    feed: Feed, end: bytes
) -> None:
    plain = day([*node("A.A", "12.5", "0", "0"), *node("A.B", "1", "2", "3")])
    head, _, rest = plain.body.partition(HEADER.encode() + b"\n")
    other = Document(
        plain.name, b"\xef\xbb\xbf" + head + HEADER.encode() + b"\n" + rest.replace(b"\n", end)
    )
    one, two = feed.read("day_ahead_lmp", plain), feed.read("day_ahead_lmp", other)
    np.testing.assert_array_equal(one.value, two.value)
    np.testing.assert_array_equal(one.locator, two.locator)
    for packed in np.unique(two.locator):
        assert feed.locate(plain, Locator.unpack(int(packed))) == feed.locate(
            other, Locator.unpack(int(packed))
        )


def test_derived_energy_locates_the_three_lines_of_its_node_only(feed: Feed) -> None:
    made = day([*node("A.B", "5", "1", "0"), *node("A.B.C", "6", "1", "0")])
    reading = feed.read("day_ahead_lmp", made)
    row = int(np.flatnonzero(reading.flags & Flag.DERIVED)[0])
    fragment = feed.locate(made, Locator.unpack(int(reading.locator[row])))
    assert fragment.decode().split("\n") == node("A.B", "5", "1", "0")


def test_rows_ascend_so_that_reading_need_not_sort(feed: Feed) -> None:
    reading = feed.read("day_ahead_lmp", sample("day_ahead_lmp/20251102_da_expost_lmp.csv"))
    assert (np.diff(reading.code) >= 0).all()


@pytest.mark.parametrize(
    ("title", "name", "finality"),
    [
        ("Real-Time Market Preliminary LMPs", "x.csv", Finality.PRELIMINARY),
        ("Realtime Market LMPs", "20260714_rt_lmp_prelim.csv", Finality.PRELIMINARY),
        ("Realtime Market LMPs", "20260714_rt_lmp_final.csv", Finality.FINAL),
    ],
)
def test_finality_of_real_time_comes_from_title_or_name(
    feed: Feed, title: str, name: str, finality: Finality
) -> None:
    reading = feed.read(
        "real_time_hourly_lmp", day(node("A.B", "1", "0", "0"), title=title, name=name)
    )
    assert set(reading.finality) == {finality}
    assert {one.run for one in reading.series} == {"real_time-hourly"}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("7/4/2026", "20260704_rt_lmp_final.csv"),
        ("7/4/2026", "rt_lmp_final.csv"),
        ("7/4/2026,,,,", "miso_rt_lmp_final_2026 (1).csv"),
        ("07/04/2026", "rt_lmp_final_04.csv"),
    ],
)
def test_real_time_reports_write_their_day_without_leading_zeros(
    feed: Feed, written: str, name: str
) -> None:
    lines = node("A.B", "1", "0", "0")
    made = day(lines, title="Realtime Market LMPs", written=written, name=name)
    assert feed.recognise(made) == ("real_time_hourly_lmp",)
    reading = feed.read("real_time_hourly_lmp", made)
    assert set(reading.finality) == {Finality.FINAL}
    assert reading.interval_start[0] == at("2026-07-04T05:00Z")


def test_a_real_time_report_under_the_name_of_another_day_is_refused(feed: Feed) -> None:
    lines = node("A.B", "1", "0", "0")
    name = "20260705_rt_lmp_final.csv"
    made = day(lines, title="Realtime Market LMPs", written="7/4/2026", name=name)
    with pytest.raises(FeedFormatChanged, match="operating day"):
        feed.read("real_time_hourly_lmp", made)


@pytest.mark.parametrize("name", ["20260714_rt_lmp.csv", "a.csv", "smart_lmp_final.csv"])
def test_real_time_that_is_neither_preliminary_nor_final_is_refused(feed: Feed, name: str) -> None:
    made = day(node("A.B", "1", "0", "0"), title="Realtime Market LMPs", name=name)
    with pytest.raises(FeedFormatChanged, match="preliminary or final"):
        feed.read("real_time_hourly_lmp", made)


def test_ex_ante_and_ex_post_never_meet(feed: Feed) -> None:
    ante = sample("day_ahead_ex_ante_lmp/20251102_da_exante_lmp.csv")
    assert feed.recognise(ante) == ("day_ahead_ex_ante_lmp",)
    assert {one.run for one in feed.read("day_ahead_ex_ante_lmp", ante).series} == {
        "day_ahead-ex_ante"
    }
    with pytest.raises(FeedFormatChanged):
        feed.read("day_ahead_lmp", ante)


def test_the_benchmark_size_is_read_in_order(feed: Feed) -> None:
    lines = [
        line
        for part in range(3)
        for n in range(2400)
        for line in [node(f"N.{n}", f"{n}.5", "1", ".25")[part]]
    ]
    reading = feed.read("day_ahead_lmp", day(lines))
    assert (reading.rows_read, len(reading), len(reading.series)) == (7200, 2400 * 4 * 24, 9600)
    assert reading.value[96:192:24].tolist() == [1.5, 0.25, 1.0, 0.25]


# ---------------------------------------------------------------- five minutes


def five_minutes(data: list[list[Any]], headers: list[str] | None = None) -> Document:
    content = {"headers": headers or list(interval_prices.HEADERS), "data": data}
    return Document("GetRealTimeFiveMinExPost_Current.json", json.dumps(content).encode())


def test_columns_of_the_five_minute_feed_are_read_by_name(feed: Feed) -> None:
    headers = ["CPNODE", "MCC", "MLC", "LMP", "INTERVAL", "EXTRA"]
    made = five_minutes([["X.Y", "2.00", "1.00", "30.10", "2026-07-27T08:15:00", "?"]], headers)
    reading = feed.read("real_time_lmp", made)
    assert [(one.measure, one.kind) for one in reading.series] == [
        ("price", "node"), ("price_energy", "node"), ("price_congestion", "node"), ("price_loss", "node"),
    ]  # fmt: skip
    assert reading.value.tolist() == [30.1, 27.1, 2.0, 1.0]
    assert [finding.rule for finding in reading.findings] == ["added_column"]


def test_kinds_of_the_five_minute_feed_come_from_the_list_else_node(feed: Feed) -> None:
    codes = ["MINN.HUB", "AECI", "PJMC", "AMIL.BGS6", "NOT.A.HUB"]
    made = five_minutes([["2026-07-27T08:15:00", code, "1", "0", "0"] for code in codes])
    kinds = {one.location: one.kind for one in feed.read("real_time_lmp", made).series}
    assert kinds == {
        "MINN.HUB": "hub",
        "AECI": "interface",
        "PJMC": "interface",
        "AMIL.BGS6": "zone",
        "NOT.A.HUB": "node",
    }


def many(intervals: int, nodes: int) -> list[list[Any]]:
    first = datetime(2026, 7, 27)  # noqa: DTZ001 - MISO's labels have no zone
    return [
        [
            f"{first + n * timedelta(minutes=5):%Y-%m-%dT%H:%M:%S}",
            f"N.{k}",
            f"{n}.{k:02d}",
            "0.10",
            "-0.20",
        ]
        for n in range(intervals)
        for k in range(nodes)
    ]


def test_a_days_five_minutes_come_in_chunks_that_hold_what_one_reading_would(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = five_minutes(many(30, 11))
    whole = feed.read("real_time_lmp", made)
    assert isinstance(whole, Reading)
    monkeypatch.setattr(interval_prices, "CHUNK", 100)
    parts = list(chunks(feed.read("real_time_lmp", made)))
    assert len(parts) == 4
    assert sum(part.rows_read for part in parts) == whole.rows_read == 330

    def rows(reading: Reading) -> Iterator[tuple[Any, ...]]:
        for code, *rest in zip(
            reading.code, reading.interval_start, reading.value, reading.locator, strict=True
        ):
            yield (reading.series[code], *rest)

    assert sorted(map(str, rows(whole))) == sorted(str(row) for part in parts for row in rows(part))


def test_five_minute_locators_lead_to_the_row(feed: Feed) -> None:
    made = five_minutes(many(3, 2))
    reading = feed.read("real_time_lmp", made)
    for code, start, packed in zip(
        reading.code, reading.interval_start, reading.locator, strict=True
    ):
        fragment = json.loads(feed.locate(made, Locator.unpack(int(packed))))
        assert fragment[1] == reading.series[code].location
        assert at(f"{fragment[0]}-05:00") == start + np.timedelta64(5, "m")
    with pytest.raises(NotFound):
        feed.locate(made, Locator(0, 6, 2))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ([], "not_published_yet"),
        ([["2026-07-27T08:15:00", "A", "1", "0"]], "document_damaged"),
        ([["2026-07-27 08:15", "A", "1", "0", "0"]], "feed_format_changed"),
        ([["2026-07-27T08:15:00", "", "1", "0", "0"]], "feed_format_changed"),
        ([["2026-07-27T08:15:00", "A", "x", "0", "0"]], "feed_format_changed"),
        ([["2026-07-27T08:15:00", "A", "inf", "0", "0"]], "feed_format_changed"),
        (
            [
                ["2026-07-27T08:15:00", "A", "1", "0", "0"],
                ["2026-07-27T08:15:00", "A", "2", "0", "0"],
            ],
            "feed_format_changed",
        ),
    ],
)
def test_bad_rows_of_the_five_minute_feed(feed: Feed, data: list[list[Any]], code: str) -> None:
    with pytest.raises(BY_CODE[code]):
        list(chunks(feed.read("real_time_lmp", five_minutes(data))))


@pytest.mark.parametrize(
    ("column", "odd"),
    [
        (column, odd)
        for column in range(5)
        for odd in ([], {}, False, True, float("nan"), float("inf"), 10**400, "1e400", "nan", "N/A")
        if column != 1 or not isinstance(odd, str)
    ]
    + [(0, "0001-01-01T00:00:00"), (0, "9999-12-31T23:59:00"), (0, None), (1, None)],
    ids=lambda value: f"{value!r:.24}",
)
def test_what_is_neither_text_nor_number_is_refused_and_never_zero(
    feed: Feed, column: int, odd: Any
) -> None:
    row: list[Any] = ["2026-07-27T08:15:00", "A", "1", "0", "0"]
    row[column] = odd
    with pytest.raises(FeedFormatChanged):
        feed.read("real_time_lmp", five_minutes([row]))


@pytest.mark.parametrize("odd", [None, 1, [], {}])
def test_headers_that_are_no_text_are_drift(feed: Feed, odd: Any) -> None:
    with pytest.raises(FeedFormatChanged):
        feed.read("real_time_lmp", five_minutes([], [odd, *interval_prices.HEADERS[1:]]))


def test_null_and_zero_and_numbers_are_told_apart(feed: Feed) -> None:
    data: list[list[Any]] = [["2026-07-27T08:15:00", "A", None, 0, 1.5]]
    reading = feed.read("real_time_lmp", five_minutes(data))
    states = [State(state) for state in reading.state]
    assert states == [State.MISSING, State.MISSING, State.OK, State.OK]
    assert reading.value[2:].tolist() == [1.5, 0.0]


# ---------------------------------------------------------------- displays


def load(**changed: Any) -> Document:
    info: dict[str, Any] = {
        "RefId": "27-Jul-2026 - Interval 08:10 EST",
        "ClearedMW": [{"ClearedMWHourly": {"Hour": "1", "Value": "90916"}}],
        "MediumTermLoadForecast": [{"Forecast": {"HourEnding": "24", "LoadForecast": "89,367"}}],
        "FiveMinTotalLoad": [{"Load": {"Time": "08:10", "Value": "93419"}}],
    }
    return Document("RealTimeTotalLoad.json", json.dumps({"LoadInfo": info | changed}).encode())


def test_load_has_three_runs_and_thousands_may_have_commas(feed: Feed) -> None:
    reading = feed.read("load", load())
    found = {
        str(reading.series[code]): (str(start), value)
        for code, start, value in zip(
            reading.code, reading.interval_start, reading.value, strict=True
        )
    }
    assert found == {
        "miso/day_ahead-ex_post/load/system/MISO": ("2026-07-27T05:00:00.000000", 90916.0),
        "miso/forecast-mtlf/load/system/MISO": ("2026-07-28T04:00:00.000000", 89367.0),
        "miso/actual/load/system/MISO": ("2026-07-27T13:05:00.000000", 93419.0),
    }
    issued = {one.run: stamp for one, stamp in zip(reading.series, reading.issued_at, strict=True)}
    assert issued["forecast-mtlf"] == at("2026-07-27T13:10Z")
    assert np.isnat(issued["actual"])
    assert reading.document_stamp == parse_instant("2026-07-27T13:10Z")
    assert reading.rows_read == 3


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"RefId": "27-Jul-2026 08:10"}, "feed_format_changed"),
        ({"ClearedMW": [{"ClearedMWHourly": {"Hour": "25", "Value": "1"}}]}, "feed_format_changed"),
        (
            {"ClearedMW": [{"ClearedMWHourly": {"HourEndEST": "1", "Value": "1"}}]},
            "feed_format_changed",
        ),
        ({"ClearedMW": {}}, "feed_format_changed"),
        ({"MediumTermLoadForecast": [{"Forecast": None}]}, "feed_format_changed"),
        ({"FiveMinTotalLoad": [{"Load": {"Time": "24:00", "Value": "1"}}]}, "feed_format_changed"),
        (
            {"FiveMinTotalLoad": [{"Load": {"Time": "08:10", "Value": "many"}}]},
            "feed_format_changed",
        ),
        (
            {"FiveMinTotalLoad": [{"Load": {"Time": "23:55", "Value": "1"}}]},
            "feed_format_changed",
        ),  # yesterday's
        (
            {"ClearedMW": [], "MediumTermLoadForecast": [], "FiveMinTotalLoad": []},
            "not_published_yet",
        ),
    ],
)
def test_bad_load(feed: Feed, changed: dict[str, Any], code: str) -> None:
    with pytest.raises(BY_CODE[code]):
        feed.read("load", load(**changed))


@pytest.mark.parametrize(
    "odd",
    ["9" * 400, 10**400, float("nan"), float("inf"), True, [], {}, "N/A", "-", "\u0661", " "],
    ids=lambda value: f"{value!a:.24}",
)
def test_a_load_that_is_no_finite_number_is_drift(feed: Feed, odd: Any) -> None:
    with pytest.raises(FeedFormatChanged):
        feed.read("load", load(FiveMinTotalLoad=[{"Load": {"Time": "08:10", "Value": odd}}]))


@pytest.mark.parametrize(
    ("dataset", "run", "start", "issued", "published"),
    [
        ("load", "actual", "2026-07-27T13:05Z", None, "2026-07-27T13:20Z"),
        # forecasts are out when they are issued, not when their hour is over
        ("load", "forecast-mtlf", "2026-07-28T04:00Z", "2026-07-27T13:10Z", "2026-07-27T13:20Z"),
        ("load", "day_ahead-ex_post", "2026-07-28T04:00Z", None, "2026-07-27T05:15Z"),
        ("load_daily", "actual", "2025-11-02T05:00Z", None, "2025-11-03T17:00Z"),
        # the report of a day has the actual load of the day before: one document, one publication
        ("load_daily", "forecast-mtlf", "2025-11-09T05:00Z", "2025-11-03T05:00Z", "2025-11-03T17:00Z"),
    ],
)  # fmt: skip
def test_load_is_due_by_its_run(
    feed: Feed, dataset: str, run: str, start: str, issued: str | None, published: str
) -> None:
    facts, begin = feed.card.datasets[dataset], np.array([at(start)])
    length = np.timedelta64(5 if (dataset, run) == ("load", "actual") else 60, "m")
    issues = np.array([at(issued) if issued else np.datetime64("NaT", "us")])
    due = publication_times(facts, begin, begin + length, issues, rule=facts.due_for(run))
    assert due.tolist() == [at(published).tolist()]


def test_locators_of_load_tell_the_lists_apart(feed: Feed) -> None:
    made = sample("load/RealTimeTotalLoad_20251102T0210.json")
    reading = feed.read("load", made)
    for code, value, packed in zip(reading.code, reading.value, reading.locator, strict=True):
        fragment = json.loads(feed.locate(made, Locator.unpack(int(packed))))
        key = {"actual": "Time", "forecast-mtlf": "HourEnding", "day_ahead-ex_post": "Hour"}
        assert key[reading.series[code].run] in fragment
        assert float(list(fragment.values())[1]) == value


def fuels(*categories: str) -> Document:
    rows = [
        {
            "INTERVALEST": "2026-07-27 8:10:00 AM",
            "CATEGORY": one,
            "ACT": "-5",
            "FUEL_CATEGORY": f"{one}  (-5 MW)",
        }
        for one in categories
    ]
    content = {"RefId": "27-Jul-2026 - Interval 08:10 EST", "TotalMW": "0", "Fuel": {"Type": rows}}
    return Document("FuelMix.json", json.dumps(content).encode())


def test_fuels_are_the_vocabularys_and_storage_is_signed(feed: Feed) -> None:
    words = [
        "Coal",
        "Natural Gas",
        "Nuclear",
        "Wind",
        "Solar",
        "Hydro",
        "Other",
        "Battery Storage",
        "Imports",
    ]
    reading = feed.read("fuel_mix", fuels(*words))
    assert [one.measure for one in reading.series] == [
        "generation_coal", "generation_gas", "generation_nuclear", "generation_wind", "generation_solar",
        "generation_hydro", "generation_other", "generation_battery", "net_import",
    ]  # fmt: skip
    assert set(reading.value) == {-5.0}


def test_an_unknown_category_is_drift_never_other(feed: Feed) -> None:
    with pytest.raises(FeedFormatChanged, match="Antimatter"):
        feed.read("fuel_mix", fuels("Coal", "Antimatter"))


def test_a_wind_forecast_is_not_taken_for_a_solar_one(feed: Feed) -> None:
    body = sample("solar_forecast/getSolarForecast_20251102.json").body
    wind = Document("getWindForecast_20251102.json", body)
    assert feed.recognise(wind) == ()
    with pytest.raises(FeedFormatChanged, match="wind"):
        feed.read("solar_forecast", wind)


@pytest.mark.parametrize(
    ("name", "url", "solar"),
    [
        ("x.json", "https://public-api.misoenergy.org/api/WindSolar/getsolarforecast", True),
        ("x.json", "https://public-api.misoenergy.org/api/WindSolar/getwindforecast", False),
        ("api_WindSolar_getsolarforecast.json", "", True),
        ("api_WindSolar_getwindforecast.json", "", False),
        ("wind-solar.json", "", False),
        ("solar_and_wind.json", "", False),
    ],
)
def test_the_path_that_both_forecasts_share_does_not_say_solar(
    feed: Feed, name: str, url: str, *, solar: bool
) -> None:
    body = sample("solar_forecast/getSolarForecast_20251102.json").body
    made = Document(name, body, url=url)
    assert feed.recognise(made) == (("solar_forecast",) if solar else ())
    if not solar:
        with pytest.raises(FeedFormatChanged, match="wind"):
            feed.read("solar_forecast", made)


def test_a_forecast_whose_hour_contradicts_its_time_is_drift(feed: Feed) -> None:
    body = sample("solar_forecast/getSolarForecast_20251102.json").body
    with pytest.raises(FeedFormatChanged, match="hour ending"):
        feed.read(
            "solar_forecast",
            Document("getSolarForecast.json", body.replace(b'EST":"5"', b'EST":"6"', 1)),
        )


# ---------------------------------------------------------------- answers in place of data


BLOB = b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>BlobNotFound</Code></Error>'


@pytest.mark.parametrize(
    "dataset", ["day_ahead_lmp", "real_time_hourly_lmp", "real_time_lmp", "load", "fuel_mix"]
)
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", DocumentDamaged),
        (b" \n", DocumentDamaged),
        (b"<!DOCTYPE html><html><body>Sorry</body></html>", DocumentDamaged),
        (b"<feed></feed>", DocumentDamaged),
        (BLOB, NotPublishedYet),
        (BLOB.replace(b"BlobNotFound", b"ServerBusy"), FeedUnavailable),
    ],
)
def test_what_servers_say_in_place_of_data(
    feed: Feed, dataset: str, body: bytes, error: type[Carbon254Error]
) -> None:
    with pytest.raises(error):
        feed.read(dataset, Document("it", body))


@pytest.mark.parametrize("dataset", ["real_time_lmp", "load", "fuel_mix", "solar_forecast"])
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error": "no data"}', NotPublishedYet),  # a retired address answers so under status 200
        (b'{"error": "timeout"}', FeedUnavailable),
        (b'{"statusCode": 429, "message": "Rate limit is exceeded."}', FeedUnavailable),
        (b'{"headers": [', DocumentDamaged),
        (b"[]", FeedFormatChanged),
        (b"{}", FeedFormatChanged),
    ],
)
def test_what_displays_say_in_place_of_data(
    feed: Feed, dataset: str, body: bytes, error: type[Carbon254Error]
) -> None:
    with pytest.raises(error):
        feed.read(dataset, Document("it", body))


# ---------------------------------------------------------------- requests


def asked(
    feed: Feed, dataset: str, window: Window, answers: dict[str, Document | Carbon254Error]
) -> list[str]:
    """The URLs that a market asks for; answers are by the end of the URL, else an empty document."""
    found, steps = [], feed.requests(dataset, window)
    try:
        request: Request = next(steps)
        while True:
            found.append(request.url)
            answer = next(
                (a for end, a in answers.items() if request.url.endswith(end)), Document("x", b"")
            )
            request = steps.throw(answer) if isinstance(answer, Exception) else steps.send(answer)
    except StopIteration:
        return found


def window(start: str, end: str) -> Window:
    return Window(parse_instant(start), parse_instant(end))


REPORTS = "https://docs.misoenergy.org/marketreports/"


def test_reports_are_asked_for_by_operating_day_in_est(feed: Feed) -> None:
    span = window("2025-11-02T04:59Z", "2025-11-03T05:00Z")
    assert asked(feed, "day_ahead_lmp", span, {}) == [
        f"{REPORTS}20251101_da_expost_lmp.csv",
        f"{REPORTS}20251102_da_expost_lmp.csv",
    ]
    assert asked(
        feed, "day_ahead_ex_ante_lmp", window("2025-11-02T05:00Z", "2025-11-03T05:00Z"), {}
    ) == [f"{REPORTS}20251102_da_exante_lmp.csv"]


def test_preliminary_prices_are_asked_for_where_there_are_no_final_ones(feed: Feed) -> None:
    span = window("2025-11-02T05:00Z", "2025-11-04T05:00Z")
    answers: dict[str, Document | Carbon254Error] = {
        "20251103_rt_lmp_final.csv": NotPublishedYet("404")
    }
    assert asked(feed, "real_time_hourly_lmp", span, answers) == [
        f"{REPORTS}20251102_rt_lmp_final.csv",
        f"{REPORTS}20251103_rt_lmp_final.csv",
        f"{REPORTS}20251103_rt_lmp_prelim.csv",
    ]


def test_a_days_actual_load_is_in_the_next_days_report(feed: Feed) -> None:
    span = window("2025-11-02T05:00Z", "2025-11-03T05:00Z")
    assert asked(feed, "load_daily", span, {}) == [
        f"{REPORTS}20251102_df_al.xls",
        f"{REPORTS}20251103_df_al.xls",
    ]


@pytest.mark.parametrize(
    ("start", "paths"),
    [
        ("2026-07-27T13:10Z", ["Current"]),
        ("2026-07-27T13:05Z", ["Current", "Rolling"]),
        ("2026-07-27T04:55Z", ["Current", "Rolling"]),
        ("2026-07-27T04:50Z", ["Current", "Rolling", "Previous"]),
    ],
)
def test_five_minute_prices_are_asked_for_from_the_smallest_document_on(
    feed: Feed, start: str, paths: list[str]
) -> None:
    answers: dict[str, Document | Carbon254Error] = {
        "Current": five_minutes([["2026-07-27T08:15:00", "A", "1", "0", "0"]]),
        "Rolling": five_minutes(many(3, 2)),
        "Previous": five_minutes([["2026-07-26T00:00:00", "A", "1", "0", "0"]]),
    }
    found = asked(feed, "real_time_lmp", window(start, "2026-07-27T13:15Z"), answers)
    base = "https://public-api.misoenergy.org/api/MarketPricing/GetRealTimeFiveMinExPost/"
    assert found == [base + path for path in paths]


@pytest.mark.parametrize(
    ("start", "paths"),
    [
        ("2026-07-27T13:05Z", ["FuelMix"]),
        ("2026-07-27T12:00Z", ["FuelMix", "FuelMix/Today", "FuelMix/Yesterday"]),
    ],
)
def test_the_fuel_mix_is_asked_for_from_the_newest_on(
    feed: Feed, start: str, paths: list[str]
) -> None:
    answers: dict[str, Document | Carbon254Error] = {
        "FuelMix": fuels("Coal"),
        "Today": fuels("Coal"),
    }
    found = asked(feed, "fuel_mix", window(start, "2026-07-27T13:10Z"), answers)
    assert found == [f"https://public-api.misoenergy.org/api/{path}" for path in paths]


def test_requests_for_an_unknown_dataset_say_what_there_is(feed: Feed) -> None:
    with pytest.raises(InvalidRequest, match="day_ahead_lmp"):
        feed.requests("lmp", window("2025-11-02T05:00Z", "2025-11-03T05:00Z"))


# ---------------------------------------------------------------- writing


@pytest.mark.parametrize(
    "dataset", [name for name in read_card(MISO / "market.toml").datasets if name != "load_daily"]
)
@pytest.mark.parametrize("start", ["2025-03-09T05:00Z", "2025-11-02T05:00Z"])
def test_made_up_days_are_read_back_as_they_were(feed: Feed, dataset: str, start: str) -> None:
    span = Window(parse_instant(start), parse_instant(start) + timedelta(days=2))
    made = synthesise(feed.card, dataset, span)
    documents = list(feed.write(dataset, made))
    back = [chunk for document in documents for chunk in chunks(feed.read(dataset, document))]
    before, after = by_key([made]), by_key(back)
    assert before.items() <= after.items()
    assert {key[0].measure for key in after.keys() - before.keys()} <= {"price_energy"}


def by_key(readings: list[Reading]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {
        (reading.series[code], start, end, str(issued)): (value, finality, state)
        for reading in readings
        for code, start, end, issued, value, finality, state in zip(
            reading.code, reading.interval_start, reading.interval_end, reading.issued_at,
            reading.value, reading.finality, reading.state, strict=True,
        )
    }  # fmt: skip


def test_written_reports_bear_the_operators_names(feed: Feed) -> None:
    for path in (
        "day_ahead_lmp/20251102_da_expost_lmp.csv",
        "day_ahead_ex_ante_lmp/20251102_da_exante_lmp.csv",
        "real_time_hourly_lmp/20251102_rt_lmp_prelim.csv",
        "real_time_hourly_lmp/20251102_rt_lmp_final.csv",
    ):
        dataset, name = path.split("/")
        (written,) = feed.write(dataset, feed.read(dataset, sample(path)))
        assert written.name == name
        assert written.body == sample(path).body


def test_a_price_whose_parts_do_not_add_up_cannot_be_written(feed: Feed) -> None:
    reading = feed.read("day_ahead_lmp", day(node("A.B", "5", "1", "0")))
    other = np.array(reading.value)
    other[reading.flags == Flag.DERIVED] += 0.01
    with pytest.raises(InvalidRequest, match="price_energy"):
        list(feed.write("day_ahead_lmp", replaced(reading, value=other)))


def test_a_price_without_its_parts_cannot_be_written(feed: Feed) -> None:
    reading = feed.read("day_ahead_lmp", day(node("A.B", "5", "1", "0")))
    with pytest.raises(InvalidRequest, match="states all three"):
        list(feed.write("day_ahead_lmp", reading.take(reading.code == 0)))


def replaced(reading: Reading, **columns: Any) -> Reading:
    own = {name: reading.column(name) for name in Reading.column_names()}
    return Reading(reading.series, reading.units, **(own | columns))


def test_hours_outside_the_window_are_blank_and_read_as_missing(feed: Feed) -> None:
    reading = feed.read("day_ahead_lmp", day(node("A.B", "5", "1", "0")))
    some = reading.take(reading.interval_start >= at("2026-07-14T20:00Z"))
    (written,) = feed.write("day_ahead_lmp", some)
    back = feed.read("day_ahead_lmp", written)
    assert by_key([some]).items() <= by_key([back]).items()
    assert set(back.state[back.interval_start < at("2026-07-14T20:00Z")]) == {State.MISSING}


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (92, ".92"),
        (-94, "-.94"),
        (2900, "29"),
        (3810, "38.1"),
        (0, "0"),
        (-5, "-.05"),
        (100001, "1000.01"),
        (10, ".1"),
    ],
)
def test_prices_are_written_as_the_reports_print_them(cents: int, text: str) -> None:
    assert numbers.write_cents(cents) == text


def test_every_data_row_is_accounted_for(feed: Feed) -> None:
    for dataset in feed.card.datasets:
        for path in sorted((MISO / "samples" / dataset).iterdir()):
            try:
                readings = list(chunks(feed.read(dataset, sample(f"{dataset}/{path.name}"))))
            except Carbon254Error:
                continue
            assert all(not reading.rows_ignored for reading in readings)
            if path.suffix == ".csv":
                assert (
                    sum(r.rows_read for r in readings)
                    == len(path.read_text().strip().split("\n")) - 5
                )


def test_runs_of_day_prices_are_those_of_the_card(feed: Feed) -> None:
    for dataset, run in day_prices.RUNS.items():
        assert feed.card.datasets[dataset].runs == (run,)
