"""Values over HTTP: every interval with a number or a reason, in every format, on both clocks. Expected by hand."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

NP15 = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
SP15 = "caiso/day_ahead/price/hub/TH_SP15_GEN-APND"
DUTCH = "entsoe/day_ahead-sdac/price/zone/10YNL----------L"
LOAD = "caiso/actual/load/area/CA=20ISO-TAC"
AUTUMN = "start=2025-11-02T07:00Z&end=2025-11-03T08:00Z"
SPRING = "start=2025-03-09T08:00Z&end=2025-03-10T07:00Z"
JUNE = "start=2025-06-09T22:00Z&end=2025-06-10T22:00Z"


def of(series: str, query: str = AUTUMN) -> str:
    return f"/v1/series/{series}/values?{query}"


def test_the_day_of_25_hours(world: Any) -> None:
    answer = world.get(of(NP15)).json
    assert (answer["series"], answer["unit"], answer["synthetic"]) == (NP15, "USD/MWh", False)
    rows = answer["rows"]
    assert [row["value"] for row in rows] == [99.0, *(20.0 + n for n in range(1, 25))]
    assert (rows[0]["interval_start"], rows[0]["interval_end"]) == (
        "2025-11-02T07:00:00Z",
        "2025-11-02T08:00:00Z",
    )
    assert rows[-1]["interval_end"] == "2025-11-03T08:00:00Z"
    assert {row["state"] for row in rows} == {"ok"}
    assert {row["finality"] for row in rows} == {"final"}
    assert rows[0]["recorded_at"] == "2025-11-02T12:00:00Z"
    assert answer["next_cursor"] is None


def test_the_day_of_23_hours(world: Any) -> None:
    assert [row["value"] for row in world.rows(of(NP15, SPRING))] == [10.0 + n for n in range(23)]


def test_an_interval_that_is_not_there_says_why(world: Any) -> None:
    rows = world.rows(of(SP15))
    assert len(rows) == 25
    last = rows[-1]
    assert (last["value"], last["state"], last["finality"], last["recorded_at"]) == (
        None,
        "late",
        None,
        None,
    )
    assert rows[0]["value"] == -1.5


@pytest.mark.parametrize(
    ("clock", "value"), [("2025-11-01T20:30:02Z", 20.0), ("2025-11-02T12:00:00Z", 99.0)]
)
def test_what_we_had(world: Any, clock: str, value: float) -> None:
    answer = world.get(of(NP15, f"{AUTUMN}&asOf={clock}"))
    assert answer.json["rows"][0]["value"] == value
    assert answer.headers["knowledge-time"] == clock
    assert answer.json["as_of"] == clock


def test_a_gap_of_long_ago_is_judged_as_of_then(world: Any) -> None:
    query = "start=2025-11-03T08:00Z&end=2025-11-03T10:00Z&asOf=2025-11-01T20:30:00Z"
    assert [row["state"] for row in world.rows(of(NP15, query))] == ["pending", "pending"]
    assert [row["state"] for row in world.rows(of(NP15, query.partition("&asOf")[0]))] == [
        "late",
        "late",
    ]


def test_every_revision(world: Any) -> None:
    rows = world.rows(of(NP15, f"{AUTUMN}&includeHistory=true"))
    assert [row["value"] for row in rows if row["interval_start"] == "2025-11-02T07:00:00Z"] == [
        20.0,
        99.0,
    ]
    assert len(rows) == 26
    beyond = AUTUMN.replace("end=2025-11-03T08", "end=2025-11-03T10")
    rows = world.rows(of(NP15, f"{beyond}&includeHistory=true"))
    assert [(row["interval_start"], row["state"]) for row in rows[26:]] == [
        ("2025-11-03T08:00:00Z", "late"),
        ("2025-11-03T09:00:00Z", "late"),
    ]


def test_columns_local_times_and_units(world: Any) -> None:
    query = f"{AUTUMN}&timezone=America/Los_Angeles&columns=interval_start_local,value&unit=USD/kWh&limit=3"
    answer = world.get(of(NP15, query)).json
    assert answer["rows"] == [
        {"interval_start_local": "2025-11-02T00:00:00-07:00", "value": 0.099},
        {"interval_start_local": "2025-11-02T01:00:00-07:00", "value": 0.021},
        {"interval_start_local": "2025-11-02T01:00:00-08:00", "value": 0.022},
    ]
    assert (answer["unit"], answer["conversion"]) == (
        "USD/kWh", {"from": "USD/MWh", "to": "USD/kWh", "factor": "1/1000"},
    )  # fmt: skip


def test_days_of_the_market_and_of_the_caller(world: Any) -> None:
    (day,) = world.rows(of(NP15, f"{AUTUMN}&resample=P1D"))
    # 99 in place of 20, then 21 … 44: (99 + 24·32.5) / 25
    assert (day["value"], day["hours"], day["hours_expected"]) == (35.16, 25.0, 25.0)
    whole = "start=2025-11-02T08:00Z&end=2025-11-02T09:00Z&resample=P1D&dayTimezone=UTC%2D08:00"
    (other,) = world.rows(of(NP15, whole))
    # 24 hours from 08:00 on: 21 … 44
    assert (other["value"], other["interval_start"]) == (32.5, "2025-11-02T08:00:00Z")


def test_a_day_with_a_gap_is_partial(world: Any) -> None:
    (day,) = world.rows(of(SP15, f"{AUTUMN}&resample=P1D"))
    assert (day["hours"], day["hours_expected"], day["state"]) == (24.0, 25.0, "ok")
    assert "partial" in day["flags"]


@pytest.mark.parametrize(
    ("way", "unit", "value"),
    [("", "MW", 25_000.0), ("&as=energy", "MWh", 600_000.0), ("&as=power", "MW", 25_000.0)],
)
def test_power_and_energy(world: Any, way: str, unit: str, value: float) -> None:
    query = (
        f"start=2025-11-02T08:00Z&end=2025-11-03T08:00Z&resample=P1D&dayTimezone=UTC%2D08:00{way}"
    )
    answer = world.get(of(LOAD, query)).json
    assert (answer["unit"], [row["value"] for row in answer["rows"]]) == (unit, [value])


def test_a_block_is_named(world: Any) -> None:
    # Tuesday 10 June 2025, hours 8 … 19 of 0, 1 … 23
    answer = world.get(of(DUTCH, f"{JUNE}&block=peak_eex")).json
    assert (answer["block"], answer["day_zone"]) == ("peak_eex", "Europe/Brussels")
    (row,) = answer["rows"]
    assert (row["block"], row["value"], row["hours"], row["hours_expected"]) == (
        "peak_eex",
        13.5,
        12.0,
        12.0,
    )


def test_a_capture_price_with_its_volume_and_versions(world: Any) -> None:
    answer = world.get(of(DUTCH, f"{JUNE}&stat=capture:generation_solar")).json
    assert answer["volume"] == "entsoe/actual/generation_solar/zone/10YNL----------L"
    (row,) = answer["rows"]
    # 1000 MW at 11 and 12, when the price is 11 and 12: 11.5; the mean of 0 … 23 is 11.5, so the rate is 1
    assert (row["value"], row["mean_price"], row["capture_rate"], row["energy_mwh"]) == (
        11.5,
        11.5,
        1.0,
        2000.0,
    )
    assert (row["hours"], row["hours_expected"]) == (24.0, 24.0)
    assert {row["finality"], row["volume_finality"]} <= {"indicative", "preliminary", "final"}
    query = f"/v1/values?series={DUTCH}&series={answer['volume']}&{JUNE}"
    used = [one["recorded_at"] for one in world.rows(query) if one["state"] == "ok"]
    assert row["recorded_at"] == max(used)


def test_currency_needs_a_source(world: Any) -> None:
    for query in ("currency=EUR", "currency=EUR&fx=ECB"):
        answer = world.get(of(NP15, f"{AUTUMN}&{query}"))
        assert (answer.status_code, answer.json["code"]) == (422, "conversion_unavailable")
    assert world.get(of(NP15, f"{AUTUMN}&currency=USD")).status_code == 200


def test_every_format_holds_the_same_rows(world: Any) -> None:
    rows = world.rows(of(SP15))
    media = {
        "csv": "text/csv", "ndjson": "application/x-ndjson", "arrow": "application/vnd.apache.arrow.stream",
        "parquet": "application/vnd.apache.parquet",
    }  # fmt: skip
    told = {name: world.get(of(SP15), Accept=one) for name, one in media.items()}
    for name, answer in told.items():
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == media[name]
        assert answer.headers["vary"] == "Accept, Accept-Encoding, Authorization"
        assert world.get(of(SP15, f"{AUTUMN}&format={name}")).content == answer.content
    lines = [json.loads(line) for line in told["ndjson"].text.splitlines()]
    assert [{**row, "series": SP15, "unit": "USD/MWh"} for row in rows] == lines
    table = list(csv.DictReader(io.StringIO(told["csv"].text)))
    assert [row["value"] for row in table] == ["-1.5", *(str(20 + n) for n in range(1, 24)), ""]
    assert [row["state"] for row in table] == [row["state"] for row in rows]
    arrow = pa.ipc.open_stream(told["arrow"].content).read_all()
    parquet = pq.read_table(io.BytesIO(told["parquet"].content))
    for found in (arrow, parquet):
        assert found["value"].to_pylist() == [row["value"] for row in rows]
        assert str(found.schema.field("interval_start").type) == "timestamp[us, tz=UTC]"
        assert found.schema.metadata[b"synthetic"] == b"false"


@pytest.mark.parametrize("accept", ["image/png", "application/xml", "application/json;q=0"])
def test_no_format_that_fits(world: Any, accept: str) -> None:
    answer = world.get(of(NP15), Accept=accept)
    assert (answer.status_code, answer.json["code"]) == (406, "not_acceptable")
    assert answer.headers["content-type"] == "application/problem+json"


def test_many_series_long_and_wide(world: Any) -> None:
    query = f"series={NP15}&series=caiso/day_ahead/price/hub/TH_SP*&{AUTUMN}"
    rows = world.rows(f"/v1/values?{query}")
    assert [row["series"] for row in rows] == [NP15] * 25 + [SP15] * 25
    wide = world.rows(f"/v1/values?{query}&layout=wide")
    assert len(wide) == 25
    assert wide[-1] == {
        "interval_start": "2025-11-03T07:00:00Z", "interval_end": "2025-11-03T08:00:00Z",
        NP15: 44.0, f"{NP15} state": "ok", SP15: None, f"{SP15} state": "late",
    }  # fmt: skip


def test_side_by_side_on_local_clocks(world: Any) -> None:
    query = f"series={NP15}&{AUTUMN}&layout=wide&timezone=America/Los_Angeles"
    told = [(row["interval_start_local"], row[NP15]) for row in world.rows(f"/v1/values?{query}")]
    assert told[:3] == [
        ("2025-11-02T00:00:00-07:00", 99.0),
        ("2025-11-02T01:00:00-07:00", 21.0),
        ("2025-11-02T01:00:00-08:00", 22.0),
    ]


def test_pages_are_one_snapshot(world: Any) -> None:
    path, pages = f"/v1/values?series=caiso/day_ahead/price/hub&{AUTUMN}&limit=7", []
    while path:
        answer = world.get(path)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json)
        link = answer.headers.get("link")
        path = link.partition("<")[2].partition(">")[0] if link else ""
        assert bool(link) == bool(answer.json["next_cursor"])
    assert [len(page["rows"]) for page in pages] == [7] * 7 + [1]
    assert len({page["as_of"] for page in pages}) == 1
    walked = [row for page in pages for row in page["rows"]]
    assert walked == world.rows(f"/v1/values?series=caiso/day_ahead/price/hub&{AUTUMN}")


def test_a_walk_stays_on_its_clocks_though_a_correction_comes_between(
    fresh: Any, tmp_path: Path
) -> None:
    with fresh(tmp_path) as own:
        # Half an hour before California publishes the day: 12 of its 25 hours are here, the others are not due.
        own.arrive("2025-11-01T20:30:00", {NP15: ("2025-11-02T07:00", 60, [20.0] * 12)})
        page = own.get(of(NP15, f"{AUTUMN}&limit=10")).json
        own.arrive("2025-11-02T12:00:00", {NP15: ("2025-11-02T07:00", 60, [99.0] * 25)})
        rest = own.rows(of(NP15, f"{AUTUMN}&limit=100&cursor={page['next_cursor']}"))
        assert [(row["value"], row["state"]) for row in rest] == [
            *[(20.0, "ok")] * 2,
            *[(None, "pending")] * 13,
        ]
        assert {row["value"] for row in own.rows(of(NP15))} == {99.0}


def test_a_gap_stays_as_it_was_judged_on_the_first_page(fresh: Any, tmp_path: Path) -> None:
    with fresh(tmp_path) as own:
        own.arrive("2025-11-01T20:30:00", {NP15: ("2025-11-02T07:00", 60, [20.0] * 12)})
        page = own.get(of(NP15, f"{AUTUMN}&limit=10")).json
        own.clock.move(timedelta(hours=3))
        rest = own.rows(of(NP15, f"{AUTUMN}&cursor={page['next_cursor']}"))
        assert [row["state"] for row in rest] == ["ok"] * 2 + ["pending"] * 13
        assert own.rows(of(NP15))[-1]["state"] == "late"


def test_an_answer_that_did_not_change_is_not_sent_again(world: Any) -> None:
    first = world.get(of(NP15))
    again = world.get(of(NP15), If_None_Match=f'"other", {first.headers["etag"]}')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert world.get(of(NP15), If_None_Match='"other"').status_code == 200
    others = (
        world.get(of(NP15), Accept="text/csv"),
        world.get(of(SP15)),
        world.get(of(NP15), "pilot"),
    )
    assert first.headers["etag"] not in {one.headers["etag"] for one in others}


def test_a_day_that_begins_within_an_interval_takes_its_share(world: Any) -> None:
    # India's 3 November begins at 18:30 UTC: half an hour of the one from 18:00, then 13 until the last at 08:00
    query = "start=2025-11-02T18:30Z&end=2025-11-02T19:00Z&resample=P1D&dayTimezone=Asia/Kolkata"
    (day,) = world.rows(of(NP15, query))
    assert (day["interval_start"], day["hours"]) == ("2025-11-02T18:30:00Z", 13.5)
    # values 31 (for half an hour), 32 … 44
    assert day["value"] == pytest.approx((31 / 2 + sum(range(32, 45))) / 13.5, rel=1e-15)


def test_a_gap_is_judged_anew_as_time_passes(world: Any) -> None:
    query = "start=2025-11-05T08:00Z&end=2025-11-05T09:00Z"
    moves = [timedelta(0), timedelta(milliseconds=500), timedelta(hours=20)]
    told = []
    for move in moves:
        world.clock.move(move)
        told.append(world.rows(of(NP15, query))[0]["state"])
    world.clock.move(-sum(moves, timedelta(0)))
    assert told == ["pending", "pending", "late"]  # due on 4 November, 14:00 Pacific


def test_texts_are_compressed_for_who_can_read_it(world: Any) -> None:
    path = of(NP15)
    plain = world.get(path)
    ways = {"gzip": gzip.decompress, "zstd": zstandard.decompress}
    for asked, used in {
        "gzip": "gzip", "zstd": "zstd", "gzip, deflate, br, zstd": "zstd", "zstd;q=0, gzip;q=0.5": "gzip",
        "br": None, "gzip;q=0": None, "identity": None,
    }.items():  # fmt: skip
        answer = world.get(path, Accept_Encoding=asked)
        assert answer.headers.get("content-encoding") == used
        assert (ways[used](answer.content) if used else answer.content) == plain.content
        assert (answer.headers["etag"] == plain.headers["etag"]) == (used is None)
    parquet = world.get(f"{path}&format=parquet", Accept_Encoding="gzip")
    assert "content-encoding" not in parquet.headers
    assert "content-encoding" not in world.get("/v1/me", Accept_Encoding="gzip").headers
