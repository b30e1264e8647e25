"""MISO's own documents, read in place: against an independent reading where there is one, else by hand."""

import csv
from pathlib import Path

import numpy as np
import pytest

from carbon254.core.domain.cards import read_card
from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import parse_instant
from carbon254.core.domain.vocabulary import Finality, Flag
from carbon254.plugins.markets.miso.feed import Feed

pytestmark = pytest.mark.recorded

MISO = Path(__file__).resolve().parents[2] / "plugins" / "markets" / "miso"
DAY_AHEAD = "20260714_da_expost_lmp.cut.csv"
LOAD = "20250310_df_al.xls"
SOLAR = "getSolarForecast_20250310.json"
FUEL = "getfuelmix_20180125T0430EST.ALTERED.json"


@pytest.fixture(scope="module")
def feed() -> Feed:
    return Feed(read_card(MISO / "market.toml"))


def document(recorded: Path, name: str) -> Document:
    return Document(name, (recorded / "miso" / name).read_bytes())


def rows(reading: Reading) -> dict[tuple[str, np.datetime64], tuple[np.datetime64, float]]:
    """End and value by series and start."""
    names = [str(one) for one in reading.series]
    return {
        (names[code], start): (end, value)
        for code, start, end, value in zip(
            reading.code, reading.interval_start, reading.interval_end, reading.value, strict=True
        )
    }


def at(text: str) -> np.datetime64:
    return np.datetime64(parse_instant(text).replace(tzinfo=None), "us")


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        (DAY_AHEAD, "day_ahead_lmp"),
        (LOAD, "load_daily"),
        (SOLAR, "solar_forecast"),
        (FUEL, "fuel_mix"),
    ],
)
def test_each_recorded_document_is_recognised(
    feed: Feed, recorded: Path, name: str, dataset: str
) -> None:
    assert feed.recognise(document(recorded, name)) == (dataset,)


def test_day_ahead_prices_equal_the_independent_reading_row_for_row(
    feed: Feed, recorded: Path
) -> None:
    reading = feed.read("day_ahead_lmp", document(recorded, DAY_AHEAD))
    found = rows(reading)
    measures = {
        "LMP": "price",
        "Energy": "price_energy",
        "Congestion": "price_congestion",
        "Loss": "price_loss",
    }
    kinds = {"Hub": "hub"}
    with (recorded / "expected" / "na" / "miso.csv").open(newline="") as file:
        expected = list(csv.DictReader(file))
    assert len(expected) == 72
    for line in expected:
        assert line["Market"] == "DAY_AHEAD_HOURLY"
        start = at(line["Interval Start"].replace(" ", "T"))
        for column, measure in measures.items():
            kind = kinds[line["Location Type"]]
            series = SeriesId("miso", "day_ahead-ex_post", measure, kind, line["Location"])
            end, value = found.pop((str(series), start))
            assert end == at(line["Interval End"].replace(" ", "T"))
            assert value == round(float(line[column]), 2), (line["Location"], start, column)
    assert not found, "rows that the independent reading does not have"
    assert reading.rows_read == 9
    assert set(reading.finality) == {Finality.FINAL}


def test_the_energy_part_is_the_same_at_all_hubs_and_flagged_derived(
    feed: Feed, recorded: Path
) -> None:
    reading = feed.read("day_ahead_lmp", document(recorded, DAY_AHEAD))
    energy = np.array([one.measure == "price_energy" for one in reading.series])[reading.code]
    by_hour = reading.value[energy].reshape(3, 24)
    np.testing.assert_array_equal(by_hour[0], by_hour[1])
    np.testing.assert_array_equal(by_hour[0], by_hour[2])
    assert set(reading.flags[energy]) == {int(Flag.DERIVED)}
    assert set(reading.flags[~energy]) == {0}


def test_the_solar_forecast_holds_values_read_by_eye_there_is_no_independent_reading(
    feed: Feed, recorded: Path
) -> None:
    reading = feed.read("solar_forecast", document(recorded, SOLAR))
    found = rows(reading)
    series = "miso/forecast-solar/generation_solar/system/MISO"
    assert len(found) == reading.rows_read == 48
    assert set(reading.issued_at) == {at("2025-03-10T11:00Z")}  # "10-Mar-2025 - Interval 06:00 EST"
    by_eye = {
        "2025-03-10T05:00Z": 0.0,  # 12:00:00 AM, hour ending 1
        "2025-03-10T11:00Z": 3.0,
        "2025-03-10T12:00Z": 1042.0,
        "2025-03-10T16:00Z": 11466.0,
        "2025-03-10T17:00Z": 11301.0,  # 12:00:00 PM
        "2025-03-11T00:00Z": 8.0,
        "2025-03-11T12:00Z": 1123.0,
        "2025-03-11T22:00Z": 6848.0,
        "2025-03-12T04:00Z": 0.0,  # the last one, hour ending 24 of the second day
    }
    for start, value in by_eye.items():
        assert found[series, at(start)] == (at(start) + np.timedelta64(1, "h"), value)


def test_load_by_region_holds_values_read_by_eye_there_is_no_independent_reading(
    feed: Feed, recorded: Path
) -> None:
    pytest.importorskip("xlrd", reason="the extra 'xls' is not installed")
    reading = feed.read("load_daily", document(recorded, LOAD))
    found = {key: (end, round(value, 2)) for key, (end, value) in rows(reading).items()}
    assert reading.rows_read == 7 * 24
    assert len(found) == 7 * 7 * 24 + 7 * 24  # forecasts of seven days, actual load of the first
    by_eye = {
        ("forecast-mtlf", "area/LRZ1", "2025-03-09T05:00Z"): 9729.0,
        ("actual", "area/LRZ1", "2025-03-09T05:00Z"): 11097.2,
        (
            "actual",
            "area/LRZ2_7",
            "2025-03-09T07:00Z",
        ): 14372.82,  # hour ending 3: not skipped, EST has no clock change
        ("actual", "area/LRZ6", "2025-03-09T06:00Z"): 9444.96,
        ("actual", "area/LRZ8_9_10", "2025-03-10T04:00Z"): 17066.82,
        ("actual", "system/MISO", "2025-03-10T04:00Z"): 64878.22,
        ("forecast-mtlf", "system/MISO", "2025-03-10T05:00Z"): 63085.0,
        ("forecast-mtlf", "area/LRZ3_5", "2025-03-16T04:00Z"): 8917.0,
        ("forecast-mtlf", "system/MISO", "2025-03-16T04:00Z"): 67758.0,
    }
    for (run, place, start), value in by_eye.items():
        key = (f"miso/{run}/load_energy/{place}", at(start))
        assert found[key] == (at(start) + np.timedelta64(1, "h"), value)
    actual = {start for (series, start) in found if series.startswith("miso/actual/")}
    assert max(actual) == at("2025-03-10T04:00Z")
    forecast = np.array([one.run == "forecast-mtlf" for one in reading.series])[reading.code]
    assert set(reading.issued_at[forecast]) == {at("2025-03-10T05:00Z")}


def test_the_altered_fuel_mix_is_refused_for_its_unknown_category(
    feed: Feed, recorded: Path
) -> None:
    with pytest.raises(FeedFormatChanged, match="Antimatter"):
        feed.read("fuel_mix", document(recorded, FUEL))


@pytest.mark.parametrize(
    ("name", "dataset"), [(DAY_AHEAD, "day_ahead_lmp"), (SOLAR, "solar_forecast")]
)
def test_every_locator_leads_to_a_fragment_with_the_number(
    feed: Feed, recorded: Path, name: str, dataset: str
) -> None:
    made = document(recorded, name)
    reading = feed.read(dataset, made)
    for value, flags, packed in zip(reading.value, reading.flags, reading.locator, strict=True):
        fragment = feed.locate(made, Locator.unpack(int(packed)))
        if flags & Flag.DERIVED:
            lines = fragment.split(b"\n")
            assert len(lines) == 3
            assert all(line + b"\n" in made.body for line in lines)
        else:
            assert fragment in made.body
            texts = fragment.decode().replace('"', ",").replace("}", ",").split(",")
            assert value in [
                float(text) for text in texts if text.strip("-.0123456789") == "" and text
            ]
