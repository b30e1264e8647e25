"""Steps of features/documents: documents broken in the ways that the features name."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

from attrs import evolve
from pytest_bdd import given, parsers, scenarios, then, when

from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.errors import NotPublishedYet

scenarios("documents")

CALIFORNIA = {
    "series": "NP15 day-ahead",
    "from": "2025-06-10 07:00",
    "to": "2025-06-10 08:00",
    "value": "31.337",
}
MISO = {
    "series": "Illinois day-ahead",
    "from": "2025-06-10 05:00",
    "to": "2025-06-10 06:00",
    "value": "31.37",
}
EUROPE = {
    "series": "Netherlands SDAC",
    "from": "2024-06-12 10:00",
    "to": "2024-06-12 11:00",
    "value": "61.37",
}
FUEL = {**EUROPE, "series": "entsoe/actual/generation_gas/zone/10YNL----------L", "value": "613"}
AUSTRALIA = {
    "series": "New South Wales dispatch",
    "from": "2025-01-10 04:00",
    "to": "2025-01-10 04:05",
    "value": "91.37",
}
AUCTION = {
    "series": "EUA",
    "from": "2025-03-09 23:00",
    "to": "2025-03-10 23:00",
    "value": "71.37",
}
PAGE = b"<!DOCTYPE html><html><body>Our site is being improved.</body></html>"
ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<m:OASISReport '
    b'xmlns:m="http://www.caiso.com/soa/OASISReport_v1.xsd"><m:ERROR><m:ERR_CODE>1000</m:ERR_CODE>'
    b"<m:ERR_DESC>No data returned for the specified selection</m:ERR_DESC></m:ERROR></m:OASISReport>"
)
ENTITIES = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>\n<Publication'
)


def zipped(name: str, body: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, body)
    return out.getvalue()


class Workshop:
    """Makes good documents and breaks them."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk

    def good(self, *rows: dict[str, str]) -> Document:
        self.desk.write("made", list(rows))
        (document,) = self.desk.documents.pop("made")
        return document

    def changed(self, row: dict[str, str], old: bytes, new: bytes) -> Document:
        return self.desk.replaced(self.good(row), old, new)

    def cut(self, row: dict[str, str], keep: float) -> Document:
        document = self.good(row)
        return evolve(document, body=document.body[: int(len(document.body) * keep)])

    def page(self) -> Document:
        return evolve(self.good(CALIFORNIA), body=PAGE, media_type="text/html")

    def no_price(self) -> Document:
        head = self.good(MISO).body.split(b"ILLINOIS.HUB", 1)[0]
        return evolve(self.good(MISO), body=head)

    def no_footer(self) -> Document:
        document = self.good(AUSTRALIA)
        with zipfile.ZipFile(io.BytesIO(document.body)) as packed:
            (name,) = packed.namelist()
            text = packed.read(name)
        cut = text[: text.index(b'C,"END OF REPORT"')]
        return evolve(document, body=zipped(name, cut))

    def bomb(self) -> Document:
        """Two megabytes of lines in a few thousand bytes, for a market that allows one."""
        market = self.desk.catalogue.market("caiso")
        card = market.card
        facts = evolve(card.datasets["day_ahead_lmp"], max_unpacked_bytes=1_000_000)
        datasets = {**card.datasets, "day_ahead_lmp": facts}
        self.desk.catalogue.replace(type(market)(evolve(card, datasets=datasets)))
        document = self.good(CALIFORNIA)
        with zipfile.ZipFile(io.BytesIO(document.body)) as packed:
            (name,) = packed.namelist()
            head, line = packed.read(name).splitlines(keepends=True)
        return evolve(document, body=zipped(name, head + line * (2_000_000 // len(line))))

    def second_price(self) -> Document:
        point = (
            b"<position>1</position>\n        <price.amount>61.37</price.amount>\n      </Point>\n"
        )
        twice = point + b"      <Point>\n        " + point.replace(b"61.37", b"62.00")
        return self.changed(EUROPE, point, twice)

    def solver(self) -> Document:
        table = b"DISPATCH,CASE_SOLUTION,2,"
        row = b"I,%bSETTLEMENTDATE,RUNNO\r\nD,%b2025/01/10 14:05:00,1\r\nI," % (table, table)
        two = [AUSTRALIA, {**AUSTRALIA, "series": "nem/real_time-dispatch/price/zone/QLD1"}]
        return self.desk.replaced(self.good(*two), b"I,", row)

    def wider(self) -> Document:
        document = self.good(MISO)
        head, lines = document.body.split(b",HE 24\n")
        return evolve(document, body=head + b",HE 24,Remark\n" + lines.replace(b"\n", b",fine\n"))

    def again(self, value: bytes) -> Document:
        return self.changed(
            MISO,
            b"ILLINOIS.HUB,Hub,MCC",
            b"ILLINOIS.HUB,Hub,LMP," + value + b"," * 23 + b"\nILLINOIS.HUB,Hub,MCC",
        )


BROKEN: dict[str, Callable[[Workshop], Document]] = {
    "California's prices in a zip cut in half": lambda w: w.cut(CALIFORNIA, 0.5),
    "a web page under the name of California's prices": lambda w: w.page(),
    "MISO's report cut in the middle of a line": lambda w: w.cut(MISO, 0.95),
    "MISO's report without any price": lambda w: w.no_price(),
    "an Australian report without its last line": lambda w: w.no_footer(),
    "a European price document cut in half": lambda w: w.cut(EUROPE, 0.5),
    "a workbook of auctions whose sheet is cut": lambda w: w.changed(
        AUCTION, b"</sheetData></worksheet>", b"</sheet"
    ),
    "a European price document with entities that grow": lambda w: w.changed(
        EUROPE, b"<Publication", ENTITIES
    ),
    "California's prices in a zip that unpacks beyond its limit": lambda w: w.bomb(),
    "MISO's report with a renamed column": lambda w: w.changed(MISO, b",HE 7,", b",Hour 7,"),
    "California's prices with an unknown part of the price": lambda w: w.changed(
        CALIFORNIA, b",LMP,", b",MXX,"
    ),
    "an Australian report with an unknown bit in its price flag": lambda w: w.changed(
        AUSTRALIA, b",91.37,0,,0,", b",91.37,0,,32,"
    ),
    "European generation by a fuel that has no name": lambda w: w.changed(FUEL, b">B04<", b">B77<"),
    "an auction with a status that has no name": lambda w: w.changed(
        AUCTION, b"successful", b"postponed"
    ),
    "a European price document with two prices for one hour": lambda w: w.second_price(),
    "a text about something else": lambda w: Document("beach.txt", b"We had fine weather.\n"),
    "an Australian report with two prices and one row about its solver": lambda w: w.solver(),
    "MISO's report with an added column": lambda w: w.wider(),
    "MISO's report with a line that stands twice": lambda w: w.again(b"31.37"),
    "MISO's report with two prices for one hour": lambda w: w.again(b"32.00"),
}


@given(parsers.parse('the document "{label}" is {what}'))
def _(desk: Any, label: str, what: str) -> None:
    desk.documents[label] = [BROKEN[what](Workshop(desk))]


ANSWERS: dict[str, Any] = {
    "nothing at all": Document("answer", b"", "text/csv"),
    "a web page": Document("answer", PAGE, "text/html"),
    "its message that there is no data": Document(
        "answer.zip", zipped("INVALID_REQUEST.xml", ERROR)
    ),
    "its page that we ask too often": Document(
        "answer", b"<html><title>Acceptable Use Policy Violation</title></html>", "text/html"
    ),
    "nothing under that name yet": NotPublishedYet("404"),
    "an error of its server": Document(
        "answer", b"<?xml version='1.0'?><Error><Code>ServerBusy</Code></Error>"
    ),
}
MARKETS = {"MISO": "miso", "California": "caiso"}


@when(parsers.parse("{operator} answers our request for the prices of {day} at {at} with {what}"))
def _(desk: Any, operator: str, day: str, at: str, what: str) -> None:
    market = MARKETS[operator]
    series = "Illinois day-ahead" if market == "miso" else "NP15 day-ahead"
    window = desk.day(series, day)
    request = next(desk.catalogue.market(market).requests("day_ahead_lmp", window))
    assert isinstance(request, Request)
    desk.set_clock(at)
    desk.fetcher.give(request, ANSWERS[what])
    desk.outcomes["answer"] = desk.fetch.run(market, "day_ahead_lmp", window)
    desk.documents["answer"] = [ANSWERS[what]]


@when(parsers.parse('"{one}", "{two}" and "{three}" are handed over together at {at}'))
def _(desk: Any, one: str, two: str, three: str, at: str) -> None:
    labels = (one, two, three)
    desk.set_clock(at)
    outcomes = desk.ingest.run([desk.documents[label][0] for label in labels])
    desk.outcomes |= {label: [found] for label, found in zip(labels, outcomes, strict=True)}


@then(parsers.parse('the answer is refused as "{code}"'))
def _(desk: Any, code: str) -> None:
    outcome = desk.outcome("answer")
    assert (outcome.status, outcome.code) == ("quarantined", code), outcome


@then(parsers.parse('the answer is told as "{code}"'))
def _(desk: Any, code: str) -> None:
    outcome = desk.outcome("answer")
    assert outcome.code == code, outcome
    assert outcome.status in ("no_data", "unavailable"), outcome


@then("the answer is kept as it was served")
def _(desk: Any) -> None:
    _kept(desk, "answer")


@then(parsers.parse('"{label}" is kept as it was served'))
def _(desk: Any, label: str) -> None:
    _kept(desk, label)


def _kept(desk: Any, label: str) -> None:
    (document,) = desk.documents[label]
    assert desk.archive.get(document.digest) == document.body
    assert [one.digest for one in desk.quality.refused(Scope.everything())] == [document.digest]


@then(parsers.parse('"{label}" is listed in quarantine as "{code}"'))
@then(parsers.parse('the document of {label} is listed in quarantine as "{code}"'))
def _(desk: Any, label: str, code: str) -> None:
    (document,) = desk.documents[label]
    (listed,) = desk.quality.refused(Scope.everything())
    assert (listed.digest, listed.code, listed.name) == (document.digest, code, document.name)
    assert listed.message


@then(parsers.parse('the demo exchange\'s document of {label} is refused as "{code}"'))
def _(desk: Any, label: str, code: str) -> None:
    outcome = desk.outcome(label)
    assert (outcome.status, outcome.code) == ("quarantined", code), outcome


@then("the quarantine is empty")
def _(desk: Any) -> None:
    assert list(desk.quality.refused(Scope.everything())) == []


@then(parsers.parse('the price of "{name}" from {start} is still {value:g}'))
def _(desk: Any, name: str, start: str, value: float) -> None:
    desk.trace_number(name, start)
    assert desk.granted().row.value.tolist() == [value]


@then(parsers.parse('nothing of "{label}" is recorded'))
def _(desk: Any, label: str) -> None:
    (document,) = desk.documents[label]
    assert document.digest not in {batch.digest for batch in desk.store.batches()}


@when("the demo exchange's translator learns of a third auction")
def _(desk: Any) -> None:
    desk.use_demo()
    older = type(desk.catalogue.market("demo"))
    row = older.row

    def learnt(self: Any, line: str, name: str) -> dict[str, str]:
        known = line.startswith("third,")
        found: dict[str, str] = row(self, line.replace("third,", "second,", 1), name)
        return {**found, "auction": "third"} if known else found

    desk.use_demo(row=learnt)


@when(parsers.parse("someone accepts the document of {label} at {at}"))
def _(desk: Any, label: str, at: str) -> None:
    desk.set_clock(at)
    (document,) = desk.documents[label]
    desk.attempt(lambda: desk.quality.accept(document.digest))
    desk.granted()


@when("someone accepts a document that nobody refused")
def _(desk: Any) -> None:
    desk.attempt(lambda: desk.quality.accept("0" * 64))


@then(parsers.parse('"{label}" is told as not recognised'))
def _(desk: Any, label: str) -> None:
    (document,) = desk.documents[label]
    assert desk.outcome(label).status == "unrecognised"
    assert not desk.archive.has(document.digest)


@then(parsers.parse('of the {count:d} rows of "{label}" {read:d} are read and {ignored:d} is not'))
def _(desk: Any, count: int, label: str, read: int, ignored: int) -> None:
    outcome = desk.outcome(label)
    assert (outcome.rows_read, outcome.rows_ignored) == (read, ignored)
    assert read + ignored == count


@then(parsers.parse('the finding "{rule}" is told of "{label}"'))
def _(desk: Any, rule: str, label: str) -> None:
    assert rule in {one.rule for one in desk.outcome(label).findings}
