"""NEM: every recorded document of our datasets against what independent parsers read in it, row for row.

``nemosis__*`` and ``nemweb__*`` are other people's parsers; the legacy report has no independent reading, so values
that a person read in it stand here. NEMOSIS windows leave out their start and include their end.
"""

import csv
import io
import math
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from carbon254.core.domain.cards import read_card
from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.observations import Reading, from_instant64
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.plugins.markets.nem import carbon254_market
from carbon254.ports.markets import Market, chunks

pytestmark = pytest.mark.recorded
CARD = Path(__file__).resolve().parents[2] / "plugins/markets/nem/market.toml"
AEST = timezone(timedelta(hours=10))
Key = tuple[str, str, datetime]  # run/measure, place, label
DATASETS = {
    "PUBLIC_ARCHIVE%23TRADINGPRICE%23FILE01%23202408010000.zip": "trading",
    "PUBLIC_DISPATCHIS_20251227_0005.CSV": "dispatch",
    "PUBLIC_DISPATCHSCADA_20251227_0005.CSV": "unit_output",
    "PUBLIC_DISPATCH_202403151945_20240315194011_LEGACY.zip": "dispatch",
    "PUBLIC_DVD_DISPATCHPRICE_202001010000.zip": "dispatch",
    "PUBLIC_DVD_TRADINGPRICE_201804010000.zip": "trading",
    "PUBLIC_DVD_TRADINGREGIONSUM_202001010000.zip": "trading",
    "PUBLIC_TRADINGIS_202403031335_0000000412683134.CSV": "trading",
    "PUBLIC_TRADINGIS_202403031335_0000000412683134.zip": "trading",
}


@pytest.fixture(scope="module")
def market() -> Market:
    return carbon254_market(read_card(CARD))


@pytest.fixture(scope="module")
def read(market: Market, recorded: Path) -> Callable[[str], Reading]:
    def of(name: str) -> Reading:
        document = Document(name, (recorded / "nem" / name).read_bytes())
        (reading,) = chunks(market.read(DATASETS[name], document))
        return reading

    return of


def expected(recorded: Path, name: str) -> list[dict[str, str]]:
    with (recorded / "expected" / "apac" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def label_of(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("/", "-")).replace(tzinfo=AEST).astimezone(UTC)


def told(reading: Reading) -> Iterator[tuple[Key, float, timedelta]]:
    for code, start, end, value in zip(
        reading.code, reading.interval_start, reading.interval_end, reading.value, strict=True
    ):
        series = reading.series[code]
        label = from_instant64(end)
        first = from_instant64(start)
        assert label is not None
        assert first is not None
        yield (
            (f"{series.run}/{series.measure}", series.location, label),
            float(value),
            label - first,
        )


def compare(
    reading: Reading, rows: list[tuple[Key, str]], length: timedelta, *, window: bool = False
) -> int:
    """Hold all rows of the named measures against the expected ones; both must be the same set."""
    wanted = {key: float(text) for key, text in rows}
    assert len(wanted) == len(rows)
    measures = {key[0] for key in wanted}
    ours = {key: value for key, value, _ in told(reading) if key[0] in measures}
    assert {span for key, _, span in told(reading) if key[0] in measures} == {length}
    if window:
        first, last = (pick(key[2] for key in wanted) for pick in (min, max))
        ours = {key: value for key, value in ours.items() if first <= key[2] <= last}
    assert ours == wanted
    return len(wanted)


FIVE, HALF_HOUR = timedelta(minutes=5), timedelta(minutes=30)


def test_dispatch_prices_of_a_month_with_interventions_equal_nemosis(read, recorded):
    reading = read("PUBLIC_DVD_DISPATCHPRICE_202001010000.zip")
    runs = {"0": "real_time-dispatch/price", "1": "real_time-intervention/price"}
    rows = [
        ((runs[row["INTERVENTION"]], row["REGIONID"], label_of(row["SETTLEMENTDATE"])), row["RRP"])
        for row in expected(recorded, "nemosis__DISPATCHPRICE_202001_with_intervention.csv")
    ]
    assert compare(reading, rows, FIVE, window=True) == 1296


@pytest.mark.parametrize(
    ("document", "answers", "length", "count"),
    [
        (
            "PUBLIC_DVD_TRADINGPRICE_201804010000.zip",
            "nemosis__TRADINGPRICE_201804.csv",
            HALF_HOUR,
            192,
        ),
        (
            "PUBLIC_ARCHIVE%23TRADINGPRICE%23FILE01%23202408010000.zip",
            "nemosis__TRADINGPRICE_202408.csv",
            FIVE,
            1152,
        ),
    ],
)
def test_trading_prices_before_and_after_five_minute_settlement_equal_nemosis(
    read, recorded, document, answers, length, count
):
    rows = [
        (("settlement-trading/price", row["REGIONID"], label_of(row["SETTLEMENTDATE"])), row["RRP"])
        for row in expected(recorded, answers)
    ]
    assert compare(read(document), rows, length, window=True) == count


def test_trading_region_sums_equal_nemosis_with_the_exchange_turned_round(read, recorded):
    reading = read("PUBLIC_DVD_TRADINGREGIONSUM_202001010000.zip")
    rows = []
    for row in expected(recorded, "nemosis__TRADINGREGIONSUM_202001.csv"):
        place = (row["REGIONID"], label_of(row["SETTLEMENTDATE"]))
        rows += [
            (("settlement-trading/load", *place), row["TOTALDEMAND"]),
            (("settlement-trading/capacity_available", *place), row["AVAILABLEGENERATION"]),
            (("settlement-trading/net_import", *place), str(-float(row["NETINTERCHANGE"]))),
        ]
    assert compare(reading, rows, HALF_HOUR, window=True) == 3 * 192


def test_a_dispatch_report_equals_nemweb_in_price_region_and_interconnector(read, recorded):
    reading = read("PUBLIC_DISPATCHIS_20251227_0005.CSV")
    price, region, line = [], [], []
    stem = "nemweb__DISPATCHIS_20251227_0005__"
    for row in expected(recorded, f"{stem}PRICE.csv"):
        place = (row["REGIONID"], label_of(row["SETTLEMENTDATE"]))
        price += [
            (("real_time-dispatch/price", *place), row["RRP"]),
            (("real_time-dispatch/price-original", *place), row["ROP"]),
        ]
        assert (row["INTERVENTION"], row["APCFLAG"]) == ("0", "0")
    for row in expected(recorded, f"{stem}REGIONSUM.csv"):
        place = (row["REGIONID"], label_of(row["SETTLEMENTDATE"]))
        region += [
            (("real_time-dispatch/load", *place), row["TOTALDEMAND"]),
            (("real_time-dispatch/capacity_available", *place), row["AVAILABLEGENERATION"]),
            (("real_time-dispatch/generation", *place), row["DISPATCHABLEGENERATION"]),
            (("real_time-dispatch/net_import", *place), str(-float(row["NETINTERCHANGE"]))),
        ]
    measured = []
    for row in expected(recorded, f"{stem}INTERCONNECTORRES.csv"):
        label = label_of(row["SETTLEMENTDATE"])
        line.append((("real_time-dispatch/flow", row["INTERCONNECTORID"], label), row["MWFLOW"]))
        taken = (row["INTERCONNECTORID"], label - FIVE)
        measured.append((("actual-scada/flow", *taken), row["METEREDMWFLOW"]))
    assert compare(reading, [*price, *region, *line], FIVE) == 10 + 20 + 6
    assert compare(reading, measured, timedelta(0)) == 6
    assert not reading.flags[
        [reading.series[code].measure == "price" for code in reading.code]
    ].any()


def test_unit_output_equals_nemweb(read, recorded):
    rows = [
        (
            ("actual-scada/generation", row["DUID"], label_of(row["SETTLEMENTDATE"])),
            row["SCADAVALUE"],
        )
        for row in expected(recorded, "nemweb__DISPATCHSCADA_20251227_0005.csv")
    ]
    reading = read("PUBLIC_DISPATCHSCADA_20251227_0005.CSV")
    assert compare(reading, rows, timedelta(0)) == 493


@pytest.mark.parametrize("ending", ["CSV", "zip"])
def test_trading_prices_of_a_report_equal_nemweb_packed_or_not(read, recorded, ending):
    reading = read(f"PUBLIC_TRADINGIS_202403031335_0000000412683134.{ending}")
    rows = []
    for row in expected(recorded, "nemweb__TRADINGIS_202403031335__PRICE.csv"):
        place = (row["REGIONID"], label_of(row["SETTLEMENTDATE"]))
        rows += [
            (("settlement-trading/price", *place), row["RRP"]),
            (("settlement-trading/price-original", *place), row["ROP"]),
        ]
        assert row["INVALIDFLAG"] == "0"
    assert compare(reading, rows, FIVE) == 10


def test_settled_half_hours_are_means_of_the_pricing_run_not_of_the_physical_run(read, recorded):
    values = {
        key: value for key, value, _ in told(read("PUBLIC_DVD_DISPATCHPRICE_202001010000.zip"))
    }
    rows = expected(recorded, "check__nem_intervention_20200131.csv")
    physical = 0
    for row in rows:
        end = label_of(row["settlementdate_end"])
        labels = [end - FIVE * n for n in range(6)]

        def mean(run: str, labels: list[datetime] = labels, region: str = row["region"]) -> float:
            six = [values.get((f"{run}/price", region, label)) for label in labels]
            known = [value for value in six if value is not None]
            return sum(known) / len(known)

        priced = mean("real_time-dispatch")
        settled = float(row["trading_rrp_published"])
        assert round(priced, 5) == float(row["mean_dispatch_rrp_intervention0"])
        assert math.isclose(priced, settled, abs_tol=0.0051)
        twin = mean("real_time-intervention")
        assert round(twin, 5) == float(row["mean_dispatch_rrp_intervention1"])
        physical += math.isclose(twin, settled, abs_tol=0.0051)
    assert (len(rows), physical) == (24, 2)


def test_rows_with_a_physical_twin_are_flagged_and_price_flags_follow_apcflag(read, recorded):
    """No independent reading of flags: the document's own columns, by the standard library."""
    name = "PUBLIC_DVD_DISPATCHPRICE_202001010000.zip"
    with zipfile.ZipFile(recorded / "nem" / name) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    lines = [row for row in csv.reader(io.StringIO(text)) if row[0] == "D"]
    twins = {(row[4], row[6]) for row in lines if row[8] == "1"}
    words: Counter[tuple[str, ...]] = Counter()
    for row in lines:
        bits, run = int(row[12]), row[8]
        limit = "capped" if float(row[11]) > float(row[9]) else "floored"
        said = [word for bit, word in ((4, limit), (16, "scaled")) if bits & bit]
        said += ["intervention"] * (run == "0" and (row[4], row[6]) in twins)
        words[(run, *said)] += 1
    reading = read(name)
    ours: Counter[tuple[str, ...]] = Counter()
    for code, flags in zip(reading.code, reading.flags, strict=True):
        series = reading.series[code]
        if series.measure == "price":
            ours[
                "1" if series.run == "real_time-intervention" else "0", *Flag.words(int(flags))
            ] += 1
    assert ours == words
    assert words["0", "floored", "intervention"] == 1  # NSW1 at -1000 on 2020-01-31 18:50
    assert words["0", "capped", "scaled", "intervention"] == 15


def test_the_legacy_report_reads_as_a_person_reads_it(read):
    """No independent reading exists: values typed by hand from the document."""
    reading = read("PUBLIC_DISPATCH_202403151945_20240315194011_LEGACY.zip")
    values = {key: value for key, value, _ in told(reading)}
    end = datetime(2024, 3, 15, 9, 45, tzinfo=UTC)
    assert values["real_time-dispatch/price", "NSW1", end] == 88.88002
    assert values["real_time-dispatch/price", "QLD1", end] == 95.04872
    assert values["real_time-dispatch/load", "NSW1", end] == 8025.43
    assert values["real_time-dispatch/net_import", "NSW1", end] == -268.61
    assert values["real_time-dispatch/net_import", "QLD1", end] == 123.83
    assert values["real_time-dispatch/capacity_available", "NSW1", end] == 12714.36401
    assert set(reading.finality[reading.code == 0].tolist()) == {int(Finality.PRELIMINARY)}


def test_net_import_is_what_demand_needs_beyond_generation(read):
    values = {key: value for key, value, _ in told(read("PUBLIC_DISPATCHIS_20251227_0005.CSV"))}
    end = datetime(2025, 12, 26, 14, 5, tzinfo=UTC)
    # QLD1 and SA1 dispatch 8 and 50 MW of load, which demand does not hold; each number is rounded by itself.
    for region, dispatched_load in {"NSW1": 0, "QLD1": 8, "SA1": 50, "TAS1": 0, "VIC1": 0}.items():
        load, made, imported = (
            values[f"real_time-dispatch/{measure}", region, end]
            for measure in ("load", "generation", "net_import")
        )
        assert math.isclose(load + dispatched_load - made, imported, abs_tol=0.0151), region
    zero = values["real_time-dispatch/net_import", "TAS1", end]
    assert math.copysign(1, zero) == 1


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_row_is_accounted_for_and_every_number_is_found_again(
    market, recorded, read, name
):
    document = Document(name, (recorded / "nem" / name).read_bytes())
    assert market.recognise(document) == (DATASETS[name],)
    body = document.body
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            body = archive.read(archive.namelist()[0])
    reading = read(name)
    assert reading.rows_read + sum(reading.rows_ignored.values()) == len(
        re.findall(rb"(?m)^D,", body)
    )
    for row in range(0, len(reading), max(1, len(reading) // 40)):
        line = market.locate(document, Locator.unpack(int(reading.locator[row])))
        assert line in body
        fields = next(csv.reader([line.decode()]))
        found = float(fields[int(reading.locator[row]) & 0xFFFF])
        turned = reading.series[reading.code[row]].measure == "net_import"
        assert (-found if turned else found) == reading.value[row]


@pytest.mark.parametrize("name", DATASETS)
def test_what_is_written_from_a_recorded_document_reads_the_same(market, read, name):
    reading = read(name)
    written = list(market.write(DATASETS[name], reading))
    again = [chunk for one in written for chunk in chunks(market.read(DATASETS[name], one))]

    def rows(readings: list[Reading]) -> dict[tuple[object, ...], tuple[object, ...]]:
        return {
            (r.series[r.code[n]], str(r.interval_start[n]), str(r.interval_end[n])): (
                repr(float(r.value[n])), r.state[n], r.finality[n], r.flags[n], str(r.published_at[n])
            )
            for r in readings
            for n in range(len(r))
        }  # fmt: skip

    assert rows(again) == rows([reading])
    assert {chunk.document_stamp for chunk in again} == {reading.document_stamp}


def test_only_a_copy_without_all_its_rows_disagrees_with_its_footer(read):
    for name in DATASETS:
        rules = {finding.rule for finding in read(name).findings}
        copied = "DVD" in name or "ARCHIVE" in name
        assert rules == ({"footer_count"} if copied else set()), name


def test_publication_is_lastchanged_and_the_stamp_is_the_first_line(read):
    reading = read("PUBLIC_DISPATCHIS_20251227_0005.CSV")
    assert set(reading.published_at.astype(str)) == {"2025-12-26T14:00:15.000000"}
    assert reading.document_stamp == datetime(2025, 12, 26, 14, 0, 21, tzinfo=UTC)
    archive = read("PUBLIC_DVD_DISPATCHPRICE_202001010000.zip")
    assert archive.document_stamp == datetime(2020, 2, 6, 14, 35, 5, tzinfo=UTC)
    assert str(archive.published_at[0]) == "2019-12-31T14:00:05.000000"
    assert set(archive.state.tolist()) == {int(State.OK)}


def test_other_reports_are_nobodys(market, recorded):
    ours = set(DATASETS)
    for path in sorted((recorded / "nem").iterdir()):
        if path.name not in ours:
            assert market.recognise(Document(path.name, path.read_bytes())) == (), path.name


def test_the_recorded_listing_leads_to_its_three_reports(market, recorded):
    window = Window(
        datetime(2024, 3, 11, 19, 30, tzinfo=UTC), datetime(2024, 3, 11, 19, 45, tzinfo=UTC)
    )
    asking = market.requests("trading", window)
    first = next(asking)
    assert (first.role, first.url) == (
        "index",
        "https://nemweb.com.au/Reports/Current/TradingIS_Reports/",
    )
    listing = Document(
        "TradingIs.html", (recorded / "nem" / "TradingIs.html").read_bytes(), url=first.url
    )
    found = [asking.send(listing), *asking]
    stem = "https://nemweb.com.au/Reports/Current/TradingIS_Reports/PUBLIC_TRADINGIS_"
    assert [request.url for request in found] == [
        f"{stem}202403120535_0000000413460134.zip",
        f"{stem}202403120540_0000000413460407.zip",
        f"{stem}202403120545_0000000413460679.zip",
    ]
