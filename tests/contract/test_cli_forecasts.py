"""``forecast``, ``backtest`` and ``models`` on the command line, over a small made-up history."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from attrs import evolve, frozen
from matplotlib.colors import to_rgb

from carbon254.adapters.cli import errors
from carbon254.adapters.cli.app import create_command
from carbon254.adapters.cli.asking import model_of, request_file
from carbon254.adapters.cli.forecast_plots import draw_last_days
from carbon254.config.container import open_platform
from carbon254.config.main import Doors
from carbon254.config.settings import load
from carbon254.core.domain.backtests import AskedModel, BacktestPlan, Target
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.errors import InvalidRequest, NotFound
from carbon254.core.domain.series import SeriesId
from carbon254.core.usecases.import_forecasts import import_tables
from carbon254.core.usecases.platform import Platform

NP15 = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
SP15 = "caiso/day_ahead/price/hub/TH_SP15_GEN-APND"
LOAD = "caiso/forecast-dam/load/area/CA ISO-TAC"
NOW = datetime(2026, 11, 3, 22, 30, tzinfo=UTC)
LONG = "2026-11-01"  # has 25 hours in California
PNG = b"\x89PNG"


@frozen
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.out)))


Run = Callable[..., Ran]


class Opened(Doors):
    """The doors to a platform that stays open: opening one for every command would take longest."""

    def __init__(self, platform: Platform) -> None:
        super().__init__()
        self._platform = evolve(platform, close=lambda: None)

    def open(
        self, data: Path | None, pinned: datetime | None = None, *, new: bool = False
    ) -> Platform:
        return self._platform


@pytest.fixture
def run(
    platform: Platform, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run a command in this process."""
    monkeypatch.delenv(errors.DEBUG, raising=False)

    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        code = errors.run(
            lambda words: create_command(Opened(platform), "1.2.3", words), [str(a) for a in arguments]
        )  # fmt: skip
        return Ran(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this module's platform."""
    return tmp_path_factory.mktemp("forecasts")


@pytest.fixture(scope="module")
def platform(data: Path) -> Iterator[Platform]:
    """Forty days of made-up prices and load forecasts of California."""
    with open_platform(load(folder=data, data=data), NOW) as opened:
        for series, like in ((NP15, "day_ahead_lmp"), (SP15, "day_ahead_lmp"), (LOAD, "load")):
            (outcome,) = opened.samples.history(SeriesId.parse(series), like, 40)
            assert outcome.status == "recorded", outcome
        yield opened


@pytest.fixture(scope="module")
def done(platform: Platform) -> str:
    """The id of a backtest of two naive models over two weeks."""
    plan = BacktestPlan(
        targets=(Target(series=SeriesId.parse(NP15)),),
        models=(
            AskedModel(model="naive"),
            AskedModel(model="naive", parameters={"rule": "seasonal"}, label="seasonal"),
        ),
        start=date(2026, 10, 20),
        end=date(2026, 11, 2),
        name="autumn",
    )
    return platform.backtest.run(plan, Scope.everything()).execution.id


# ------------------------------------------------------------ forecast and models


def test_a_forecast_is_printed_and_kept_as_a_series(run: Run, data: Path, tmp_path: Path) -> None:
    picture = tmp_path / "np15.png"
    made = run("forecast", NP15, "--model", "naive", "--configuration", "plain", "--plot", picture, "--data", data,
               "--format", "csv")  # fmt: skip
    assert made.code == 0, made.err
    rows = made.rows()
    assert len(rows) == 24
    assert rows[0]["interval_start"] == "2026-11-05T08:00:00Z"  # the 4th's gate closed at ten
    assert "SYNTHETIC" in made.err
    assert "as of 2026-11-03T22:30:00.000002Z" in made.err  # three documents were taken in at once
    assert picture.read_bytes().startswith(PNG)
    kept = run(
        "series",
        "get",
        NP15.replace("day_ahead", "forecast-plain"),
        "--data",
        data,
        "--format",
        "csv",
    )
    assert [row["value"] for row in kept.rows()] == [row["value"] for row in rows]
    assert {row["issued_at"] for row in kept.rows()} == {"2026-11-03T22:30:00.000002Z"}


def test_a_forecast_of_a_day_of_25_hours_for_people(run: Run, data: Path) -> None:
    made = run("forecast", NP15, "--day", LONG, "--data", data)
    assert made.code == 0, made.err
    lines = made.out.splitlines()
    assert sum(line.startswith("2026-11-0") for line in lines) == 25
    assert "SYNTHETIC: made-up values, not the markets'." in lines
    assert any("naive" in line and "as of 2026-10-31T17:00:00Z; seed 254" in line for line in lines)


def test_a_kept_forecast_is_replayed_and_traced(run: Run, data: Path) -> None:
    made = run("forecast", NP15, "--day", "2026-10-30", "--configuration", "traced", "--data", data)
    digest = re.search(r"document ([0-9a-f]{64})", made.out)
    assert digest
    again = run("forecast", "--replay", digest[1], "--data", data)
    assert (again.code, again.out) == (0, "the same, bit for bit.\n")
    series = NP15.replace("day_ahead", "forecast-traced")
    found = run(
        "provenance", series, "2026-10-30T07:00Z", "--data", data, "--format", "csv"
    ).rows()[0]
    assert found["digest"] == digest[1]
    assert found["same"] == "yes"
    assert found["fragment"].startswith('["2026-10-30T07:00:00Z"')


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("forecast",), 2, "name a series"),
        (("forecast", NP15, "--replay", "x"), 2, "name a series"),
        (("forecast", NP15, "--model", "nobody"), 4, "no model 'nobody'"),
        (("forecast", NP15, "--model", 'naive:{"wrong":1}'), 2, "wrong"),
        (("forecast", NP15, "--model", "naive:{"), 2, "no JSON"),
        (("forecast", NP15, "--model", "naive:[1]"), 2, "no JSON object"),
        (("forecast", NP15, "--model", "=naive"), 2, "no model"),
        (("forecast", NP15, "--configuration", "A-b"), 2, "a-z"),
        (("forecast", NP15, "--day", "2026-09-01"), 2, "too little history"),
        (("forecast", NP15, "--day", "soon"), 2, "no day"),
        (("forecast", NP15, "--gap", "an hour"), 2, "no duration"),
        (("forecast", NP15, "--refit", "0"), 2, "refit"),
        (("forecast", NP15, "--origin", "issued"), 2, "no rule of days"),
        (("forecast", NP15, "-x", NP15), 2, "twice"),
        (("forecast", "caiso/day_ahead/price/hub/NOWHERE"), 4, "NOWHERE"),
        (("forecast", "nowhere/day_ahead/price/hub/X"), 4, "no market"),
        (("forecast", "caiso/real_time-rtd/price/hub/TH_NP15_GEN-APND"), 2, "gate closure"),
        (("forecast", "--replay", "0" * 64), 4, "holds no document"),
        (("models", "nobody"), 4, "no model 'nobody'"),
        (("backtest", "show", "nothing"), 4, "no execution nothing"),
        (("backtest", "resume", "nothing"), 4, "no execution nothing"),
        (("backtest", "run", NP15), 2, "--start"),
        (("backtest", "run", NP15, "--start", "2026-11-02", "--end", "2026-11-01"), 2, "before it starts"),
        (("backtest", "run", "--request", "nowhere.toml"), 4, "not there"),
        (("backtest", "compare"), 2, "--stored"),
        (("backtest", "compare", "--stored", "x", "--series", NP15), 2, "--start"),
        (("backtest", "compare", "--stored", "x", "--series", NP15, "--start", "2026-11-01"), 4, "no series"),
        (("backtest", "compare", "--file", "nowhere.csv"), 4, "nowhere.csv"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_with_its_code(
    run: Run, data: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    refused = run(*arguments, *(() if arguments[0] == "models" else ("--data", data)))
    assert refused.code == code, refused.err
    assert says in refused.err
    assert "Traceback" not in refused.err


def test_models_are_listed_with_their_parameters(run: Run) -> None:
    rows = run("models", "--format", "csv").rows()
    assert {"naive", "lear"} <= {row["model"] for row in rows}
    parameters = run("models", "naive", "--format", "json")
    found = {row["parameter"]: row for row in json.loads(parameters.out)}
    assert found["rule"]["default"] == '"similar_day"'


def test_a_model_is_given_a_name_and_said_by_it(run: Run, data: Path) -> None:
    assert (
        run("models", "--data", data, "--format", "csv").rows() == run("models", "-f", "csv").rows()
    )
    kept = run("models", "--keep", 'weekly=naive:{"rule":"seasonal"}', "--data", data, "-f", "json")
    found = {row["parameter"]: row for row in json.loads(kept.out)}
    assert found["rule"]["value"] == '"seasonal"'
    rows = {row["model"]: row for row in run("models", "--data", data, "--format", "csv").rows()}
    assert (rows["weekly"]["of"], rows["naive"]["of"]) == ("naive", "")
    by_name = run("forecast", NP15, "--model", "weekly", "--data", data, "-f", "json")
    plainly = run(
        "forecast", NP15, "--model", 'naive:{"rule":"seasonal"}', "--data", data, "-f", "json"
    )
    assert by_name.code == plainly.code == 0
    assert [row["value"] for row in json.loads(by_name.out)] == [
        row["value"] for row in json.loads(plainly.out)
    ]
    assert run("models", "--keep", "weekly=naive", "--data", data).code == 5
    assert run("models", "--keep", "naive", "--data", data).code == 2


# ------------------------------------------------------------ backtests


def test_a_backtest_runs_and_says_what_a_reader_must_know(
    run: Run, data: Path, tmp_path: Path
) -> None:
    request = tmp_path / "plan.toml"
    request.write_text(f"""
        name = "from a file"
        start = 2026-10-30
        end = 2026-11-02
        models = [{{ model = "naive" }}, {{ model = "naive", label = "week", parameters = {{ rule = "seasonal" }} }}]
        targets = [{{ series = "{NP15}", exogenous = ["{LOAD}"] }}]
        [conditions]
        refit = 2
    """)  # fmt: skip
    ran = run("backtest", "run", "--request", request, "--data", data)
    assert ran.code == 0, ran.err
    assert re.search(r"backtest [0-9a-f]{12}\n", ran.err)
    text = ran.out
    assert text.splitlines()[0] == f"{NP15}, USD/MWh"
    for line in (
        "SYNTHETIC: made-up values, not the markets'.", "actuals: the final word on each interval",
        "origin: D-1 10:00", "publication by rule: 100.0% of rows", "revised later: 0.0% of intervals",
        "gaps: 0 of 8 forecasts", "learnt: every 2 day(s), from all that is known",
        "what a battery of 1 MW and 2 MWh earns on it",
    ):  # fmt: skip
        assert line in text
    listed = run("backtest", "list", "--data", data, "--format", "csv").rows()
    assert listed[0]["name"] == "from a file"
    assert (listed[0]["state"], listed[0]["done"]) == ("done", "8 of 8")


def test_scores_are_printed_by_group_and_for_programs(run: Run, data: Path, done: str) -> None:
    rows = run("backtest", "show", done, "--by", "hour", "--data", data, "--format", "csv").rows()
    assert len(rows) == 2 * 24
    assert {row["hour"] for row in rows} == {f"{hour:02d}" for hour in range(24)}
    doubled = next(row for row in rows if row["hour"] == "01" and row["model"] == "naive")
    assert doubled["scored"] == "15"  # fourteen days, one of which has that hour twice
    whole = run("backtest", "show", done, "--data", data, "--format", "json")
    (naive, seasonal) = json.loads(whole.out)
    assert naive["model"] == "naive"
    assert naive["scored"] == 14 * 24 + 1
    assert naive["mae"] < seasonal["mae"] * 1.5
    assert naive["coverage"] is None


def test_the_report_needs_nothing_else_and_pictures_are_written(
    run: Run, data: Path, done: str, tmp_path: Path
) -> None:
    report, plots, export = tmp_path / "r.html", tmp_path / "plots", tmp_path / "all.csv"
    shown = run(
        "backtest",
        "show",
        done,
        "--report",
        report,
        "--plots",
        plots,
        "--export",
        export,
        "--data",
        data,
    )
    assert shown.code == 0, shown.err
    text = report.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 3  # no calibration: there are no quantiles
    assert "SYNTHETIC" in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    for words in (
        "What a battery of 1 MW and 2 MWh earns on it",
        "By regime",
        "publication by rule",
        "dm hac p",
    ):
        assert words in text
    names = sorted(path.name for path in plots.iterdir())
    assert names == [
        f"caiso-day_ahead-price-hub-TH_NP15_GEN-APND-24-{what}.png"
        for what in ("by_hour", "cumulative", "forecasts")
    ]
    assert all(path.read_bytes().startswith(PNG) for path in plots.iterdir())
    frame = pd.read_csv(export)
    assert len(frame) == 2 * (14 * 24 + 1)
    assert set(frame["model"]) == {"naive", "seasonal"}


def test_each_of_several_series_has_its_own_pictures_and_tables(
    run: Run, data: Path, tmp_path: Path
) -> None:
    plots, csv_file = tmp_path / "plots", tmp_path / "scores.csv"
    ran = run("backtest", "run", NP15, SP15, "--start", "2026-10-30", "--end", "2026-11-01",
              "--plots", plots, "--data", data)  # fmt: skip
    assert ran.code == 0, ran.err
    assert sorted(path.name for path in plots.iterdir()) == [
        f"caiso-day_ahead-price-hub-{hub}-24-{what}.png"
        for hub in ("TH_NP15_GEN-APND", "TH_SP15_GEN-APND")
        for what in ("by_hour", "forecasts")
    ]
    found = re.search(r"backtest ([0-9a-f]{12})", ran.err)
    assert found
    both = run("backtest", "compare", found[1], "--data", data, "--format", "csv", "-o", csv_file)
    assert both.code == 0, both.err
    written = [pd.read_csv(csv_file.with_stem(name)) for name in ("scores", "scores-1")]
    assert [one["series"].tolist() for one in written] == [[NP15], [SP15]]


def test_an_interval_is_drawn_once_from_its_latest_origin_and_holes_stay_open() -> None:
    head = "model,origin,interval_start,value,actual,p05,p25,p75,p95\n"
    plain = "naive,2025-06-01T10:00Z,2025-06-02T00:00Z,7,5,,,,\n"
    text = (
        head
        + plain
        + "".join(
            f"m,2025-06-0{day}T10:00Z,2025-06-0{2 if hour < 24 else 3}T{hour % 24:02d}:00Z,{day},5,1,2,8,9\n"
            for day, hours in ((1, (0, 1, 2, 30)), (2, (1, 2, 30)))
            for hour in hours
        )
    )
    (table,) = import_tables("f.csv", text.encode(), zone="UTC")
    axes = draw_last_days(table, synthetic=False).axes[0]
    model, actual = axes.lines[1:3]
    moments = model.get_xdata().astype("datetime64[h]").astype(str).tolist()
    assert moments == sorted(moments)
    assert model.get_ydata()[~np.isnan(model.get_ydata())].tolist() == [1, 1, 2, 2, 2, 2, 2, 2]
    assert np.isnan(model.get_ydata()).sum() == np.isnan(actual.get_ydata()).sum() == 1
    assert axes.get_legend_handles_labels()[1].count("90 % band") == 1
    assert (axes.collections[0].get_facecolor()[0, :3] == to_rgb(model.get_color())).all()
    assert "50 % band" not in axes.get_legend_handles_labels()[1]


def test_backtests_are_compared_with_one_another(run: Run, data: Path, done: str) -> None:
    other = run(
        "backtest",
        "run",
        NP15,
        "-m",
        "naive",
        "--start",
        "2026-10-20",
        "--end",
        "2026-11-02",
        "--data",
        data,
    )
    found = re.search(r"backtest ([0-9a-f]{12})", other.err)
    assert found
    both = run("backtest", "compare", done, found[1], "--data", data)
    assert both.code == 0, both.err
    assert f"naive ({done})" in both.out
    assert f"naive ({found[1]})" in both.out
    assert "seasonal" in both.out


def test_kept_forecasts_are_compared_with_what_came(run: Run, data: Path) -> None:
    for day in ("2026-10-28", "2026-10-29", LONG):
        for model, name in (("naive", "a"), ('naive:{"rule":"seasonal"}', "b")):
            made = run(
                "forecast", NP15, "-m", model, "--day", day, "--configuration", name, "--data", data
            )
            assert made.code == 0, made.err
    asked = ("backtest", "compare", "--stored", "a", "--stored", "b", "--series", NP15, "--start", "2026-10-28",
             "--end", LONG, "--data", data, "--format", "csv")  # fmt: skip
    rows = run(*asked).rows()
    assert [(row["model"], row["scored"]) for row in rows] == [("a", "73"), ("b", "73")]
    ahead = run(*asked, "--lead", "PT20H").rows()
    assert int(ahead[0]["scored"]) < 73


def test_alone_or_among_others_a_model_says_the_same_bit_for_bit(
    run: Run, data: Path, tmp_path: Path
) -> None:
    """Sums come out otherwise in their last bits where algebra has more threads: all is computed in workers."""
    lear, day = 'lear:{"windows":[28]}', "2026-11-03"
    made = run("forecast", NP15, "-m", lear, "--day", day, "--data", data, "--format", "csv")
    assert made.code == 0, made.err
    found = re.search(r"document ([0-9a-f]{64})", made.err)
    assert found
    assert run("forecast", "--replay", found[1], "--data", data).code == 0
    export = tmp_path / "all.csv"
    ran = run("backtest", "run", NP15, "-m", lear, "-m", "naive", "--start", "2026-11-02", "--end", day,
              "--export", export, "--data", data)  # fmt: skip
    assert ran.code == 0, ran.err
    rows = [
        row for row in csv.DictReader(io.StringIO(export.read_text())) if row["model"] == "lear"
    ]
    assert [row["value"] for row in rows[-24:]] == [row["value"] for row in made.rows()]


@pytest.mark.parametrize("kind", ["csv", "parquet", "offset"])
def test_forecasts_of_others_are_scored_from_a_file(run: Run, tmp_path: Path, kind: str) -> None:
    """Errors of one and of two, typed by hand: MAE 1 and 2, bias -2."""
    starts = pd.date_range("2025-03-30T00:00", periods=24 * 12, freq="h")
    if kind == "offset":
        starts = starts.tz_localize("UTC").tz_convert("Europe/Berlin")
    price = pd.Series(range(len(starts)), dtype=float) + 10
    sign = pd.Series([1.0, -1.0] * (len(starts) // 2))
    frame = pd.DataFrame(
        {"date": starts, "price": price, "mine": price + sign, "theirs": price - 2}
    )
    path = tmp_path / f"f.{'parquet' if kind == 'parquet' else 'csv'}"
    if kind == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    found = run(
        "backtest",
        "compare",
        "--file",
        path,
        "--actual",
        "price",
        "--zone",
        "Europe/Berlin",
        "--format",
        "csv",
    )
    assert found.code == 0, found.err
    rows = {row["model"]: row for row in found.rows()}
    assert float(rows["mine"]["mae"]) == pytest.approx(1.0)
    assert float(rows["mine"]["bias"]) == pytest.approx(0.0)
    assert float(rows["theirs"]["mae"]) == pytest.approx(2.0)
    assert float(rows["theirs"]["bias"]) == pytest.approx(-2.0)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_forecasts_that_were_exported_come_back(
    run: Run, data: Path, done: str, tmp_path: Path, suffix: str
) -> None:
    """With their origins: the same scores, and those of quantiles that somebody put beside them."""
    file = tmp_path / f"all.{suffix}"
    ran = run("backtest", "show", done, "--export", file, "--data", data, "--format", "csv")
    assert ran.code == 0, ran.err
    frame = pd.read_csv(file) if suffix == "csv" else pd.read_parquet(file)
    frame["p10"], frame["p90"] = frame["value"] - 5, frame["value"] + 5
    if suffix == "csv":
        frame.to_csv(file, index=False)
    else:
        frame.to_parquet(file, index=False)
    asked = (
        "backtest",
        "compare",
        "--file",
        file,
        "--zone",
        "America/Los_Angeles",
        "--format",
        "csv",
    )
    again = run(*asked)
    assert again.code == 0, again.err
    names = ("series", "model", "scored", "mae", "rmae")
    picked = [[{name: row[name] for name in names} for row in one.rows()] for one in (ran, again)]
    assert picked[0] == picked[1]
    naive = frame[frame["model"] == "naive"]
    inside = (naive["actual"] - naive["value"]).abs() <= 5
    assert float(again.rows()[0]["coverage"]) == pytest.approx(inside.mean())
    assert run(*asked, "--by", "horizon").rows()[0]["horizon"] == "14 h"  # the gate closes at ten


def test_forecasts_of_others_are_set_beside_our_own(
    run: Run, data: Path, done: str, tmp_path: Path
) -> None:
    """A file that says what came an hour too high by one: over the autumn's day of 25 hours, without actuals."""
    got = run("series", "get", NP15, "--start", "2026-10-20", "--end", "2026-11-02", "--data", data,
              "--format", "csv").rows()  # fmt: skip
    file = tmp_path / "theirs.csv"
    lines = [f"{row['interval_start']},{float(row['value']) + 1!r}" for row in got]
    file.write_text("\n".join(["start,theirs", *lines]))
    for day in ("2026-10-28", LONG):
        kept = run(
            "forecast", NP15, "-m", "naive", "--day", day, "--configuration", "mix", "--data", data
        )
        assert kept.code == 0, kept.err
    asked = ("backtest", "compare", done, "--file", file, "--stored", "mix", "--series", NP15,
             "--start", "2026-10-20", "--end", "2026-11-02", "--data", data)  # fmt: skip
    rows = {row["model"]: row for row in run(*asked, "--format", "csv").rows()}
    assert list(rows) == ["naive", "seasonal", "mix", "theirs"]
    assert (rows["theirs"]["scored"], rows["mix"]["scored"]) == ("337", "49")
    assert float(rows["theirs"]["mae"]) == pytest.approx(1.0)
    assert float(rows["theirs"]["rmae"]) == pytest.approx(1.0 / float(rows["naive"]["mae"]))
    assert float(rows["mix"]["mase"]) > 0
    tests = run(*asked).out
    assert re.search(r"naive +theirs +14 ", tests)
    assert re.search(r"naive +mix +0 ", tests)  # two days are too few


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read"),
        ("date,actual,m\n", "no row"),
        ("date,price,m\n2025-01-01T00:00Z,1,2\n", "no column 'actual'"),
        ("date,actual\n2025-01-01T00:00Z,1\n2025-01-01T01:00Z,1\n", "no column of forecasts"),
        ("date,actual,m\n2025-01-01T00:00Z,1,inf\n2025-01-01T01:00Z,1,1\n", "no finite number"),
        (
            "date,actual,m\n2025-01-01T00:00Z,1,2\n2025-01-01T01:00Z,1,1\n2025-01-03T01:30Z,1,1\n",
            "between two intervals",
        ),
        ("date,actual,m\n2025-10-26T02:00,1,2\n2025-10-26T02:00,1,1\n", "with an offset"),
        ("model,interval_start,value\na,2025-01-01T00:00Z,1\na,2025-01-01T01:00Z,1\n", "'actual'"),
        ("date,actual,m\nyesterday,1,2\n2025-01-01,1,2\n", "no instants"),
        ("date,actual,m\n2025-01-01T00:00Z,1,x\n2025-01-01T01:00Z,1,2\n", "no numbers"),
        ("date,actual,m\n2025-01-01T00:00Z,1,2\n2025-01-01T00:00Z,1,2\n", "twice"),
        ("date,actual,m\n2025-01-01T00:00Z,1,2\n", "no resolution"),
        ("date,actual,m\n,1,2\n2025-01-01T00:00Z,1,2\n", "without an instant"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused(run: Run, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text)
    refused = run("backtest", "compare", "--file", path)
    assert refused.code in (2, 65), refused.err
    assert says in refused.err


def test_models_and_requests_are_read_from_text(tmp_path: Path) -> None:
    asked = model_of('short=lear:{"windows":[56,84]}')
    assert (asked.model, asked.label, asked.parameters) == ("lear", "short", {"windows": [56, 84]})
    assert model_of("naive").label == ""
    (tmp_path / "r.json").write_text('{"start": "2025-01-01"}')
    assert request_file(tmp_path / "r.json") == {"start": "2025-01-01"}
    for text, error in (("[1]", InvalidRequest), ("{", InvalidRequest)):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(error):
            request_file(tmp_path / "r.json")
    with pytest.raises(NotFound):
        request_file(tmp_path / "none.toml")


@pytest.mark.parametrize("command", ["forecast", "models", "backtest"])
def test_every_command_has_help_with_examples(run: Run, command: str) -> None:
    commands = [(command,)]
    if command == "backtest":
        commands = [(command, one) for one in ("run", "resume", "list", "show", "compare")]
    for words in commands:
        found = run(*words, "--help")
        assert found.code == 0
        assert "Examples:" in found.out
