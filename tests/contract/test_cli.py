"""The command line over a demo folder: results, refusals and exit codes, as a person or a script meets them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from attrs import frozen

from carbon254.adapters.cli import errors
from carbon254.adapters.cli.app import create_command
from carbon254.adapters.cli.options import spread_documents
from carbon254.adapters.cli.rows import READ_COLUMNS
from carbon254.config.main import Doors

NP15 = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
SUNDAY = "2026-11-01"  # has 25 hours in California
COMMAND = [sys.executable, "-c", "from carbon254.config.main import main; main()"]


@frozen
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.out)))


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process."""
    monkeypatch.delenv(errors.DEBUG, raising=False)

    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        code = errors.run(
            lambda words: create_command(Doors(), "1.2.3", words), [str(a) for a in arguments]
        )
        return Ran(code, *capsys.readouterr())

    return call


def spawn(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=env
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that ``carbon254 demo --once`` has filled."""
    folder = tmp_path_factory.mktemp("demo") / "data-demo"
    done = spawn("demo", "--once", "--data", folder)
    assert done.returncode == 0, done.stderr
    assert "SYNTHETIC" in done.stdout
    assert "stored" in done.stdout
    return folder


def test_a_second_demo_adds_nothing(run: Run, demo: Path) -> None:
    before = run("series", "find", "--data", demo, "--format", "csv")
    again = run("demo", "--once", "--data", demo)
    assert again.code == 0
    assert "samples" not in again.err  # no bar: nothing is made
    assert run("series", "find", "--data", demo, "--format", "csv").out == before.out


def test_the_demo_shows_a_revision(run: Run, demo: Path) -> None:
    """MISO's hourly prices are taken in as preliminary, then as final: the board says what changed and by how much."""
    lines = run("board", "--data", demo, "--format", "csv").rows()
    told = [line for line in lines if line["figure"] == "revised"]
    assert {line["run"] for line in told} == {"real_time-hourly"}
    assert "-1.25" in run("board", "--data", demo).out


# -- the board -----------------------------------------------------------------------------------------------


def test_the_board_for_people_fits_and_says_what_it_is(run: Run, demo: Path) -> None:
    found = run("board", "--data", demo)
    assert found.code == 0
    lines = found.out.splitlines()
    assert lines[0] == "Board at 2026-11-02T22:30:00Z"
    assert lines[1].startswith("SYNTHETIC")
    assert max(map(len, lines)) <= 118
    assert "Sun 1  Mon 2  Tue 3" in found.out
    assert any(line.startswith("eu_ets  auction-eua price, EUR/t") for line in lines)
    assert "\x1b[" not in found.out


def test_the_board_for_programs_names_block_run_and_finality(run: Run, demo: Path) -> None:
    rows = run("board", "--data", demo, "--day", SUNDAY, "--format", "csv").rows()
    mine = [row for row in rows if (row["location"], row["day"]) == ("TH_NP15_GEN-APND", SUNDAY)]
    (base,) = [row for row in mine if (row["figure"], row["block"]) == ("average", "base")]
    assert (base["run"], base["unit"], base["finality"], base["hours"]) == (
        "day_ahead",
        "USD/MWh",
        "final",
        "25.0",
    )
    prices = run("series", "get", NP15, "--start", SUNDAY, "--data", demo, "--format", "csv").rows()
    assert len(prices) == 25
    assert float(base["value"]) == pytest.approx(sum(float(row["value"]) for row in prices) / 25)
    lowest = min(float(row["value"]) for row in prices)
    assert float(next(row for row in mine if row["figure"] == "lowest")["value"]) == lowest
    assert {"average", "change", "lowest", "highest", "negative", "less real_time"} <= {
        row["figure"] for row in mine
    }
    assert {"age", "auction"} <= {row["figure"] for row in rows}


def test_a_board_of_a_day_without_data_says_so(run: Run, demo: Path) -> None:
    found = run("board", "--data", demo, "--day", "2020-01-01")
    assert found.code == 0
    assert "caiso  nothing is stored of 2020-01-01; there is 2024-08-" in found.out


# -- formats -------------------------------------------------------------------------------------------------


def test_csv_and_json_and_parquet_say_the_same(run: Run, demo: Path, tmp_path: Path) -> None:
    question = ("series", "get", NP15, "--start", SUNDAY, "--data", demo)
    rows = run(*question, "--format", "csv").rows()
    said = json.loads(run(*question, "--format", "json").out)
    file = tmp_path / "np15.parquet"
    assert run(*question, "--format", "parquet", "--output", file).code == 0
    table = pyarrow.parquet.read_table(file)
    assert (
        [float(row["value"]) for row in rows]
        == [one["value"] for one in said]
        == table["value"].to_pylist()
    )
    assert rows[0]["interval_start"] == said[0]["interval_start"] == "2026-11-01T07:00:00Z"
    assert table["interval_start"][0].as_py() == datetime(2026, 11, 1, 7, tzinfo=UTC)
    assert table.schema.field("interval_start").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("issued_at").type == pa.timestamp(
        "us", tz="UTC"
    )  # though it holds nothing
    assert table.schema.field("value").type == pa.float64()


def test_the_board_as_parquet_has_types(run: Run, demo: Path, tmp_path: Path) -> None:
    file = tmp_path / "board.parquet"
    assert run("board", "--data", demo, "--format", "parquet", "-o", file).code == 0
    schema = pyarrow.parquet.read_schema(file)
    assert (schema.field("value").type, schema.field("day").type) == (pa.float64(), pa.date32())


def test_a_plot_over_a_day_of_25_hours_and_a_gap(run: Run, demo: Path, tmp_path: Path) -> None:
    picture = tmp_path / "np15.png"
    done = run(
        "series",
        "get",
        NP15,
        "--start",
        SUNDAY,
        "--end",
        "2026-11-05",
        "--plot",
        picture,
        "--data",
        demo,
    )
    assert (done.code, done.out, done.err) == (0, "", f"wrote {picture}\n")
    assert picture.read_bytes().startswith(b"\x89PNG")
    nowhere = run(
        "series",
        "get",
        NP15,
        "--start",
        SUNDAY,
        "--plot",
        tmp_path / "no" / "x.png",
        "--data",
        demo,
    )
    assert nowhere.code == 4


# -- reading documents without a store -----------------------------------------------------------------------


@pytest.fixture
def document() -> Path:
    """A day of 25 hours as the market `eu_ets` or `caiso` ships it."""
    samples = (
        Path(__file__).resolve().parents[2]
        / "plugins"
        / "markets"
        / "caiso"
        / "samples"
        / "day_ahead_lmp"
    )
    return min(samples.glob("*.zip"))


def test_read_prints_exactly_the_columns_that_are_promised(run: Run, document: Path) -> None:
    found = run("read", "caiso", "day_ahead_lmp", document, "--format", "csv")
    assert found.code == 0, found.err
    header = "series,interval_start,interval_end,value,unit,currency,state,finality,flags,issued_at,published_at"
    assert found.out.splitlines()[0] == header == ",".join(READ_COLUMNS)
    for row in found.rows():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["interval_start"])
        assert (row["unit"], row["currency"]) == ("USD/MWh", "USD")
        assert (row["value"] == "") == (row["state"] != "ok")
        assert row["state"] != "ok" or repr(float(row["value"])) == row["value"]


def test_an_account_adds_up(run: Run, document: Path) -> None:
    rows = run("read", "caiso", "day_ahead_lmp", document, "--account", "--format", "csv").rows()
    counts = {row["rows"]: int(row["count"]) for row in rows}
    assert counts["all"] == sum(n for what, n in counts.items() if what != "all") > 0


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("series get caiso/day_ahead/price/hub/NOPE", 4, "not_found: no series"),
        ("series get nope/*", 4, "not_found: no stored series matches 'nope/*'"),
        ("series get caiso/day_ahead/nope/hub/X", 2, "invalid_request: measure 'nope'"),
        (
            f"series get {NP15} --start 2026-11-01T00:00",
            2,
            "invalid_request: '2026-11-01T00:00:00' has no UTC offset",
        ),
        (
            f"series get {NP15} --start 2026-11-02 --end 2026-11-01T07:00Z",
            2,
            "invalid_request: The window ends",
        ),
        (
            f"series get {NP15} --start 9999-01-01",
            2,
            "invalid_request: '9999-01-01' is outside the years",
        ),
        (f"series get {NP15} --end 2026-11-02", 2, "invalid_request: --end needs a --start"),
        (f"series get {NP15} --as-of 2026-11-01T00:00", 2, "has no UTC offset"),
        (f"series get {NP15} --as-of 2090-01-01T00:00Z", 2, "later than the last commit"),
        ("board --day tomorrow", 2, "invalid_request: 'tomorrow' is no day"),
        (f"provenance {NP15} 2026-11-01T07:00", 2, "has no UTC offset"),
        ("backfill caiso day_ahead_lmp", 2, "invalid_request: a backfill needs a --start"),
        ("ingest", 2, "invalid_request: say what to take in"),
        ("ingest caiso load --documents /dev/null", 2, "leave DATASET, --start and --end out"),
        (
            "ingest --documents /dev/null --end 2026-11-01",
            2,
            "leave DATASET, --start and --end out",
        ),
        *(
            (
                f"{words} --start 2026-11-02 --end 2026-11-01",
                2,
                "The window ends (2026-11-01) before it starts",
            )
            for words in (f"series get {NP15}", f"coverage {NP15}", "quality")
        ),
        (
            "quality --market caisso",
            4,
            "not_found: no market 'caisso' is installed; there are caiso,",
        ),
        ("reread caisso", 4, "not_found: no market 'caisso' is installed; there are caiso,"),
        ("reread caiso --digest 3fa9", 4, "not_found: no document 3fa9 of caiso is archived"),
    ],
)
def test_a_refusal_is_one_clear_line_and_a_code(
    run: Run, demo: Path, words: str, code: int, says: str
) -> None:
    found = run(*words.split(), "--data", demo)
    assert (found.code, found.out) == (code, "")
    assert says in found.err
    assert found.err.startswith("carbon254: ")
    assert found.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("markets nope", 4, "not_found: no market 'nope' is installed; there are caiso,"),
        ("read nope prices /dev/null", 4, "not_found: no market 'nope'"),
        (
            "read caiso nope /dev/null",
            2,
            "invalid_request: 'caiso' has no dataset 'nope': use one of day_ahead_lmp",
        ),
        ("read caiso load /nowhere", 4, "not_found: /nowhere does not exist"),
        ("read caiso load /dev/null", 65, "document_damaged: "),
        ("markets --nope", 2, "No such option: --nope"),
        ("markets --format yaml", 2, "'yaml'"),
        ("nope", 2, "No such command 'nope'"),
        (
            "markets -f parquet -o /nowhere/x.parquet",
            4,
            "not_found: /nowhere/x.parquet cannot be written",
        ),
    ],
)
def test_refusals_without_a_store(run: Run, words: str, code: int, says: str) -> None:
    found = run(*words.split())
    assert found.code == code
    assert says in found.err
    assert "Traceback" not in found.err


def failing(error: BaseException) -> Any:
    def command(**_: object) -> None:
        raise error

    return lambda words: command


def test_what_nobody_expected_is_internal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(errors.DEBUG, raising=False)
    assert errors.run(failing(RuntimeError("two\nlines")), []) == 70
    said = capsys.readouterr().err
    assert (
        said
        == "carbon254: internal: RuntimeError: two lines. Run it again with CARBON254_DEBUG=1 for the trace.\n"
    )
    monkeypatch.setenv(errors.DEBUG, "1")
    assert errors.run(failing(RuntimeError("x")), []) == 70
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.run(failing(KeyboardInterrupt()), []) == 130
    assert capsys.readouterr().err == "carbon254: interrupted.\n"


def test_debugging_is_no_setting() -> None:
    done = spawn("series", "get", "nope", "--data", "/dev/null/nowhere", CARBON254_DEBUG="1")
    assert "unknown setting" not in done.stderr
    assert "Traceback" in done.stderr


# -- help ----------------------------------------------------------------------------------------------------

COMMANDS = (
    "demo", "serve", "board", "ingest", "backfill", "reread", "read", "markets", "plugins list", "plugins new",
    "plugins check", "series find", "series get", "coverage", "provenance", "quality", "quality refused",
    "quality accept", "doctor",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(run: Run, command: str) -> None:
    found = run(*command.split(), "-h")
    assert found.code == 0
    assert "Examples:" in found.out
    assert f"carbon254 {command}" in found.out.partition("Examples:")[2]


def test_the_first_help_lists_all_commands(run: Run) -> None:
    for words in (("-h",), ("--help",), ()):
        found = run(*words)
        assert {command.split()[0] for command in COMMANDS} <= set(
            re.findall(r"^  (\w+)", found.out + found.err, re.MULTILINE)
        )
    assert run("--version").out == "carbon254 1.2.3\n"


def test_quality_is_judged_at_an_instant(run: Run, demo: Path) -> None:
    """The hubs of a day that is due at 14:00 of the day before, asked for before and after that."""
    day = (
        "quality",
        "--market",
        "caiso",
        "--start",
        SUNDAY,
        "--end",
        SUNDAY,
        "--data",
        demo,
        "-f",
        "csv",
    )

    def lacking(*clock: str) -> set[str]:
        found = run(*day, *clock)
        assert found.code == 0, found.err
        return {row["series"] for row in found.rows() if row["rule"] == "completeness"}

    assert NP15 in lacking("--as-of", "2026-11-02T22:30:00Z")  # before the first commit
    assert NP15 not in lacking("--published-by", "2026-10-31T20:00Z")
    assert NP15 not in lacking()
    later = run(*day, "--as-of", "2099-01-01T00:00Z")
    assert (later.code, "last commit" in later.err) == (2, True)
    assert run("quality", "refused", "--as-of", "2026-11-02T22:30Z", "--data", demo).code == 0


def test_quality_takes_each_market_s_own_days(run: Run, demo: Path) -> None:
    """Tuesday ends at 08:00Z of Wednesday in California, an hour before its midnight in Brussels."""
    day = ("quality", "--start", SUNDAY, "--end", "2026-11-03", "--data", demo, "-f", "csv")
    found = [row for row in run(*day).rows() if row["rule"] == "completeness"]
    ends = {
        market: {row["to"] for row in found if row["series"].startswith(market)}
        for market in ("caiso", "entsoe")
    }
    assert max(ends["caiso"]) == "2026-11-04T08:00:00Z"
    assert max(ends["entsoe"]) == "2026-11-03T23:00:00Z"


def test_a_terminal_without_the_signs_shows_others(demo: Path) -> None:
    """Bars and a Greek delta on a terminal of ASCII; what is written as CSV is UTF-8 anywhere."""
    shown = spawn("board", "--data", demo, PYTHONIOENCODING="ascii")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "? day" in shown.stdout


def test_documents_are_spread_up_to_the_next_option() -> None:
    words = ["ingest", "--documents", "a", "b", "--data", "d", "-d", "e", "f"]
    assert " ".join(spread_documents(words)) == (
        "ingest --documents a --documents b --data d -d e --documents f"
    )


def test_a_name_that_steers_the_terminal_is_shown_and_does_not(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")  # a narrow one folds the name
    named = tmp_path / "a\x1b[31m\nb.txt"
    named.write_text("nothing anybody knows", encoding="utf-8")
    done = run("ingest", "--documents", named, "--data", tmp_path / "data")
    assert done.code == 0, done.err
    assert "a\\x1b[31m\\nb.txt" in done.out
    assert "\x1b" not in done.out


@pytest.mark.parametrize(
    "words",
    [
        "series find NP15",
        "board",
        "quality",
        "reread caiso",
        "keys list",
        "backtest list",
        "audit verify",
    ],
)
def test_a_folder_that_is_not_there_is_named_and_not_made(
    run: Run, tmp_path: Path, words: str
) -> None:
    """A mistyped --data answered as an empty store would, and left one behind."""
    done = run(*words.split(), "--data", tmp_path / "dtaa")
    assert (done.code, done.out) == (4, "")
    assert f"not_found: there is no data folder {tmp_path / 'dtaa'}" in done.err
    assert not (tmp_path / "dtaa").exists()


def test_ingest_takes_several_documents(run: Run, document: Path, tmp_path: Path) -> None:
    unknown = tmp_path / "notes.txt"
    unknown.write_text("nothing anybody knows", encoding="utf-8")
    done = run(
        "ingest", "--documents", document, unknown, "--data", tmp_path / "data", "--format", "csv"
    )
    assert done.code == 0, done.err
    assert {row["document"]: row["became"] for row in done.rows()} == {
        document.name: "recorded",
        unknown.name: "unrecognised",
    }
    refused = run("ingest", "--documents", document, "--synthetic", "--data", tmp_path / "data")
    assert (refused.code, "conflict" in refused.err) == (5, True)


# -- serving and sharing a folder ----------------------------------------------------------------------------


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A real process that serves the folder on a free port."""
    command = [*COMMAND, "serve", "--port", "0", "--data", str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:(\d+)", told)
            assert found, (told, process.stderr and process.stderr.read())
            assert int(found[1]) > 0
            yield process, found[0]
        finally:
            process.kill()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_and_ends_cleanly(demo: Path, signal_number: signal.Signals) -> None:
    with serving(demo) as (process, url):
        with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:
            assert json.load(answer)["synthetic"] is True
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/v1/markets/nope", timeout=10)
        with refused.value as problem:
            assert problem.headers["Content-Type"] == "application/problem+json"
        process.send_signal(signal_number)
        out, err = process.communicate(timeout=20)
        *events, stopping, stopped = err.splitlines()
        assert (process.returncode, out) == (0, "")
        assert (stopping, stopped) == ("stopping; again to stop at once", "stopped.")
        assert [json.loads(line)["status"] for line in events] == [200, 401]


def test_a_folder_in_use_names_its_owner(run: Run, demo: Path) -> None:
    with serving(demo) as (process, _):
        found = run("board", "--data", demo)
        assert found.code == 75
        assert found.err.startswith("carbon254: store_busy: ")
        assert str(process.pid) in found.err


# -- a quick start -------------------------------------------------------------------------------------------


def test_markets_loads_no_more_than_it_needs() -> None:
    code = """
import sys
from carbon254.adapters.cli import errors
from carbon254.adapters.cli.app import create_command
from carbon254.config.main import Doors
assert errors.run(lambda words: create_command(Doors(), "", words), ["markets"]) == 0
numbers = {"numpy", "pandas", "pyarrow", "duckdb", "sqlmodel"}
sys.exit(" ".join(sorted((numbers | {"httpx2", "rich", "pydantic", "cattrs", "falcon"}) & set(sys.modules))) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("market")


def test_markets_lists_what_is_installed(run: Run) -> None:
    rows = run("markets", "--format", "csv").rows()
    assert [row["market"] for row in rows] == ["caiso", "entsoe", "eu_ets", "miso", "nem"]
    assert run("markets", "caiso", "--format", "csv").rows()[0]["dataset"] == "day_ahead_lmp"


# -- questions that are refused late ---------------------------------------------------------------------------


def test_provenance_leads_to_the_bytes(run: Run, demo: Path) -> None:
    (row,) = run("provenance", NP15, "2026-11-01T09:00Z", "--data", demo, "--format", "csv").rows()
    assert (row["same"], row["value"]) == ("yes", row["read again"])
    assert row["value"] in row["fragment"]


def test_coverage_counts_what_is_not_there(run: Run, demo: Path) -> None:
    (row,) = run(
        "coverage",
        NP15,
        "--start",
        "2026-11-03",
        "--end",
        "2026-11-04",
        "--data",
        demo,
        "-f",
        "csv",
    ).rows()
    assert (row["intervals"], row["share"]) == ("48", "0.5")
    assert row["states"] == "24 ok, 24 pending"
    assert date.fromisoformat(row["gaps"][1:11]) == date(2026, 11, 4)
