"""Steps of features/time."""

from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_bdd import given, parsers, scenarios, when

from carbon254.core.domain.documents import Document
from carbon254.core.domain.time import Window, parse_instant
from carbon254.ports.testing.market_kit import load_market

DEMO = Path(__file__).parents[1] / "contract" / "demo"

scenarios("time")


def report(day: str, hours: dict[int, str], columns: int = 24) -> Document:
    """A day-ahead report of MISO, typed line by line; its date is written month first."""
    at = datetime.fromisoformat(day)
    prices = ",".join(hours.get(hour, "") for hour in range(1, columns + 1))
    noughts = ",".join("0.00" if hour in hours else "" for hour in range(1, columns + 1))
    lines = [
        "Day Ahead Market ExPost LMPs",
        f"{at:%m/%d/%Y}",
        "",
        ",,,All Hours-Ending are Eastern Standard Time (EST)",
        "Node,Type,Value," + ",".join(f"HE {hour}" for hour in range(1, columns + 1)),
        f"ILLINOIS.HUB,Hub,LMP,{prices}",
        f"ILLINOIS.HUB,Hub,MCC,{noughts}",
        f"ILLINOIS.HUB,Hub,MLC,{noughts}",
        "",
    ]
    return Document(f"{at:%Y%m%d}_da_expost_lmp.csv", "\n".join(lines).encode(), "text/csv")


@given(parsers.parse("MISO's day-ahead report of {day} prints for ILLINOIS.HUB:"))
def _(desk: Any, day: str, datatable: list[list[str]]) -> None:
    hours = {int(hour): price for hour, price in datatable[1:]}
    desk.documents["MISO's report"] = [report(day, hours)]
    desk.arrive("MISO's report", "2025-12-01 12:00")


@given(parsers.parse("MISO's day-ahead report of {day} has a column for hour ending 25"))
def _(desk: Any, day: str) -> None:
    hours = dict.fromkeys(range(1, 26), "20.00")
    desk.documents["MISO's report"] = [report(day, hours, columns=25)]


@given(parsers.parse("the Australian dispatch report stamped {stamp} prints {price} for NSW1"))
def _(desk: Any, stamp: str, price: str) -> None:
    label = f'"{datetime.fromisoformat(stamp):%Y/%m/%d %H:%M:%S}"'
    columns = "SETTLEMENTDATE,RUNNO,REGIONID,INTERVENTION,RRP,ROP,APCFLAG,MARKETSUSPENDEDFLAG,PRICE_STATUS,LASTCHANGED"
    lines = [
        "C,NEMP.WORLD,DISPATCHIS,AEMO,PUBLIC,2025/10/05,03:00:21,0000000484500701,DISPATCHIS,0000000484500700",
        f"I,DISPATCH,PRICE,5,{columns}",
        f'D,DISPATCH,PRICE,5,{label},1,NSW1,0,{price},{price},0,0,FIRM,"2025/10/05 03:00:17"',
        'C,"END OF REPORT",4',
    ]
    body = "".join(f"{line}\r\n" for line in lines).encode()
    desk.documents["dispatch"] = [Document("PUBLIC_DISPATCHIS_202510050305.CSV", body)]
    desk.arrive("dispatch", "2025-12-01 12:00")


@when(parsers.parse('I ask for "{name}" between the texts "{start}" and "{end}"'))
def _(desk: Any, name: str, start: str, end: str) -> None:
    desk.ask(name, lambda: Window(parse_instant(start), parse_instant(end)))


@given("a demo exchange on Lord Howe Island that trades hours")
def _(desk: Any, tmp_path: Path) -> None:
    for file in DEMO.glob("*.*"):
        text = file.read_text(encoding="utf-8").replace("Europe/Berlin", "Australia/Lord_Howe")
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    desk.catalogue.replace(load_market(str(tmp_path)))
