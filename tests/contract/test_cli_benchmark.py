"""`carbon254 benchmark epf` over made-up files of the benchmark's form."""

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbon254.adapters.cli import errors
from carbon254.adapters.cli.app import create_command
from carbon254.config.main import Doors
from carbon254.core.domain.errors import DocumentDamaged
from carbon254.core.usecases.benchmark_epf import compare
from carbon254.core.usecases.epf_files import read_history, read_published
from carbon254.ports.testing.models import LOAD, PRICE, WIND, made_up

DAYS = 70
STARTS = pd.date_range("2020-01-06", periods=24 * DAYS, freq="h", name="date")  # a Monday
SHORT = 'short=lear:{"windows":[42]}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A market XX of ten weeks, and published forecasts of its last twenty days that are 1 and 2 too high."""
    tables = made_up(DAYS, 24)
    price = tables[PRICE].ravel()
    columns = {" Load": tables[LOAD].ravel(), " Wind": tables[WIND].ravel(), "OT": price}
    pd.DataFrame(columns, index=STARTS).to_csv(tmp_path / "XX.csv", date_format="%Y/%m/%d %H:%M")
    said = {"Real price": price, "short": price + 1, "LEAR Ensemble": price + 2}
    published = pd.DataFrame(said, index=STARTS).tail(24 * 20)
    published.to_csv(tmp_path / "Forecasts_XX_DNN_LEAR_ensembles.csv")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = errors.run(
        lambda given: create_command(Doors(), "1", given), [str(one) for one in words]
    )
    return (code, *capsys.readouterr())


def test_a_row_for_each_forecast_ours_beside_the_published(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    words = [
        "--data",
        folder,
        "--market",
        "XX",
        "--days",
        3,
        "--models",
        "naive",
        "--models",
        SHORT,
    ]
    code, out, err = run(capsys, "benchmark", "epf", *words, "--format", "json")
    assert code == 0, err
    rows = {row["forecast"]: row for row in json.loads(out)}
    assert list(rows) == ["short", "LEAR Ensemble", "naive"]
    assert rows["short"]["published_mae"] == pytest.approx(1.0)
    assert rows["LEAR Ensemble"]["published_rmse"] == pytest.approx(2.0)
    assert rows["LEAR Ensemble"]["mae"] is None
    assert rows["naive"]["published_mae"] is None
    assert rows["short"]["mae"] < rows["naive"]["mae"]
    assert "forecasts in epf-XX.csv" in err
    with (folder / "epf-XX.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 72
    naive = np.array([float(line["naive"]) for line in lines])
    actual = np.array([float(line["Real price"]) for line in lines])
    assert np.abs(naive - actual).mean() == pytest.approx(rows["naive"]["mae"])
    ours = np.array([float(line["short"]) for line in lines])
    assert np.abs(ours - (actual + 1)).mean() == pytest.approx(rows["short"]["apart"])
    week_before = made_up(DAYS, 24)[PRICE][
        -10:-7
    ].ravel()  # Friday repeats Thursday, the others last week
    np.testing.assert_allclose(naive[24:], week_before[24:])


def test_what_was_kept_is_not_computed_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = folder / "made.csv"
    words = [
        "--data",
        folder,
        "--market",
        "XX",
        "--days",
        2,
        "--models",
        "naive",
        "--keep",
        folder / "kept",
    ]
    first = run(capsys, "benchmark", "epf", *words, "--forecasts", target, "--format", "csv")
    body = target.read_bytes()
    again = run(capsys, "benchmark", "epf", *words, "--forecasts", target, "--format", "csv")
    assert first[:2] == again[:2]
    assert first[0] == 0
    assert target.read_bytes() == body
    assert (folder / "kept" / "records.sqlite").is_file()


def test_for_people_shares_are_per_cent_and_empty_columns_stay_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", folder, "--market", "XX", "--days", 2, "--models", "naive"]
    code, out, _ = run(capsys, "benchmark", "epf", *words, "--forecasts", folder / "f.csv")
    assert code == 0
    assert out.startswith("XX, 2020-03-14 to 2020-03-15, EUR/MWh\n")
    assert "pinball" not in out
    assert "%" in out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--market", "YY"], 4, "YY.csv is not there; there are XX."),
        (["--market", "XX", "--days", "70"], 2, "XX has 70 days, too few for 70 that end 0 days earlier"),
        (["--market", "XX", "--days", "2", "--models", "oracle"], 4, "no model 'oracle' is installed"),
        (["--market", "XX", "--days", "2", "--models", "lear:{"], 2, "are no JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    got, _, err = run(capsys, "benchmark", "epf", "--data", folder, *words)
    assert got == code
    assert message in " ".join(err.split())


def _body(**columns: object) -> bytes:
    out = io.StringIO()
    pd.DataFrame(columns, index=STARTS[:48]).to_csv(out)
    return out.getvalue().encode()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "cannot be read"),
        (_body(Price=["x"] * 48), "cannot be read"),
        (_body(Cost=[1.0] * 48), "one column must be the price"),
        (_body(Price=[1.0] * 48, OT=[1.0] * 48), "one column must be the price"),
        (_body(Price=[1.0] * 47 + [np.nan]), "an hour or a number is missing"),
        (b"\n".join(_body(Price=[1.0] * 48).splitlines()[:-1]), "no whole days of 24 hours"),
        (_body(Price=[1.0] * 48).splitlines()[0], "no whole days of 24 hours"),
        (_body(Price=[1.0] * 48).replace(b"2020-01-07 05", b"2020-02-07 05"), "an hour or a number"),
    ],
)  # fmt: skip
def test_a_damaged_history_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(DocumentDamaged, match=message):
        read_history("XX", body)


@pytest.mark.parametrize("name", ["Price", " Prices", "OT", "Zonal COMED price"])
def test_the_price_is_found_under_the_names_that_archives_give_it(name: str) -> None:
    history = read_history(
        "XX", _body(**{" Load": [9.0] * 48, name: [1.0] * 48, "Zonal load": [8.0] * 48})
    )
    assert (history.prices == 1.0).all()
    assert [one[0, 0] for one in history.exogenous] == [9.0, 8.0]


def test_prices_of_the_day_are_not_known_and_exogenous_series_are(folder: Path) -> None:
    history = read_history("XX", (folder / "XX.csv").read_bytes())
    knowledge = history.knowledge()
    day = history.days(1)[0]
    gate = np.datetime64(day, "us") - np.timedelta64(12, "h")
    known = knowledge.rows.take(knowledge.rows.published_at <= gate)
    last = [known.interval_start[known.code == one].max() for one in range(3)]
    midnight = np.datetime64(day, "us")
    assert last[0] == midnight - np.timedelta64(1, "h")
    assert last[1] == last[2] == midnight + np.timedelta64(23, "h")


def test_choices_are_made_on_days_before_the_test(folder: Path) -> None:
    history = read_history("XX", (folder / "XX.csv").read_bytes())
    assert [day.isoformat() for day in history.days(2, before=3)] == ["2020-03-11", "2020-03-12"]


def test_the_naive_forecast_of_rmae_knows_the_scored_days_and_has_no_first_week(
    folder: Path,
) -> None:
    """As in the published table; ours are 1 and 2 too high throughout, so rMAE is that over the naive's error."""
    history = read_history("XX", (folder / "XX.csv").read_bytes())
    published = read_published(
        history, (folder / "Forecasts_XX_DNN_LEAR_ensembles.csv").read_bytes()
    )
    rows = {row["forecast"]: row for row in compare(history, published, published)}
    price = history.prices[-20:]
    lag = [
        1 if (date(2020, 1, 6) + timedelta(50 + n)).weekday() in (1, 2, 3, 4) else 7
        for n in range(20)
    ]
    naive = np.mean([np.abs(price[n] - price[n - lag[n]]).mean() for n in range(7, 20)])
    assert rows["short"]["rmae"] == pytest.approx(1 / naive)
    assert rows["LEAR Ensemble"]["published_rmae"] == pytest.approx(2 / naive)


def test_better_by_more_than_luck_is_told_against_the_published_ensemble(folder: Path) -> None:
    """Twenty days on which the ensemble is off by 2, and ours by 1 and by 3."""
    history = read_history("XX", (folder / "XX.csv").read_bytes())
    body = (folder / "Forecasts_XX_DNN_LEAR_ensembles.csv").read_bytes()
    frame = pd.read_csv(io.BytesIO(body), index_col=0)
    ours = {"Real price": frame["Real price"], "near": frame["short"], "far": frame["short"] + 2}
    table = read_published(history, pd.DataFrame(ours).to_csv().encode())
    rows = {row["forecast"]: row for row in compare(history, table, read_published(history, body))}
    assert rows["near"]["better_p"] == 0.0
    assert rows["far"]["better_p"] == 1.0
    assert np.isnan(rows["LEAR Ensemble"]["better_p"])
    assert rows["far"]["mae"] == pytest.approx(3.0)
    alone = {row["forecast"]: row for row in compare(history, table, None)}
    assert list(alone) == ["near", "far"]
    assert np.isnan(alone["near"]["better_p"])
