"""The desk at which the features' steps work: all use cases over fakes, and the steps that several topics share.

Documents are those of the real markets, made by their `write` or typed here; values and expected answers stand in the
features. Instants in features are UTC.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import define, evolve, field
from pytest_bdd import given, parsers, then, when

from carbon254.adapters.files.seal import Masks
from carbon254.adapters.plugins.host import PluginHost
from carbon254.config.container import Container
from carbon254.config.settings import Settings
from carbon254.core.domain.cards import MarketCard, read_card
from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.errors import Carbon254Error
from carbon254.core.domain.expectations import day_zone_of
from carbon254.core.domain.observations import Reading, from_instant64, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import unit_of
from carbon254.core.domain.time import Window, day_window, parse_day, parse_instant
from carbon254.core.domain.vocabulary import Finality, Flag, PublishedBasis, State
from carbon254.core.usecases.ingest_documents import Outcome
from carbon254.core.usecases.query_series import Question, SeriesAnswer
from carbon254.ports.audit import AuditQuestion
from carbon254.ports.markets import Market
from carbon254.ports.testing.fakes.archive import MemoryArchive, MemoryJournal
from carbon254.ports.testing.fakes.audit import MacSigner, MemoryAuditLog, MemoryCheckpoints
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.fetching import CannedFetcher
from carbon254.ports.testing.fakes.identity import MemoryKeyStore
from carbon254.ports.testing.fakes.records import MemoryRecordStore
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.market_kit import load_market

DEMO = Path(__file__).parents[1] / "contract" / "demo"

LISTED = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)
README = Path(__file__).parents[2] / "features" / "README.md"
SERIES = dict(LISTED.findall(README.read_text(encoding="utf-8")))  # what the features call a series
USE_CASES = frozenset(
    ["ingest", "fetch", "reread", "query", "find", "trace", "quality", "board", "samples", "summary", "admit",
     "manage_keys", "decisions", "verify", "checkpoint"]
)  # fmt: skip
Table = list[list[str]]


def series_of(name: str) -> SeriesId:
    """A series by its name in the features, or by its id."""
    return SeriesId.parse(SERIES.get(name, name))


def moment(text: str) -> datetime:
    """An instant of a feature, UTC."""
    return parse_instant(text.replace(" ", "T") + "Z")


def dicts(table: Table) -> list[dict[str, str]]:
    """The rows of a table by its first line."""
    head, *rows = table
    return [dict(zip(head, row, strict=True)) for row in rows]


class Installed:
    """The installed markets, some of them replaced by a variant for a scenario."""

    def __init__(self, host: PluginHost) -> None:
        self.host, self.replaced = host, dict[str, Market]()

    def cards(self) -> Mapping[str, MarketCard]:
        own = {name: market.card for name, market in self.replaced.items()}
        return dict(sorted({**self.host.cards(), **own}.items()))

    def market(self, market: str) -> Market:
        return self.replaced.get(market) or self.host.market(market)

    def parser_version(self, market: str) -> str:
        if market in self.replaced:
            return f"{type(self.replaced[market]).__name__}"
        return self.host.parser_version(market)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.host, name)

    def replace(self, market: Market) -> None:
        self.replaced[market.card.id] = market


@define
class Desk:
    """Stores, clock and use cases of one scenario, its documents by label, and what was last answered or refused."""

    catalogue: Installed
    clock: PinnedClock = field(factory=lambda: PinnedClock(datetime(2020, 1, 1, tzinfo=UTC)))
    archive: MemoryArchive = field(factory=MemoryArchive)
    journal: MemoryJournal = field(factory=MemoryJournal)
    store: MemorySeriesStore = field(factory=MemorySeriesStore)
    records: MemoryRecordStore = field(factory=MemoryRecordStore)
    scope: Scope = field(factory=Scope.everything)
    credentials: dict[str, str] = field(factory=dict, repr=False)
    keys: MemoryKeyStore = field(factory=MemoryKeyStore)
    audit: MemoryAuditLog = field(factory=MemoryAuditLog)
    book: MemoryCheckpoints = field(factory=MemoryCheckpoints)
    policies: Path | None = None
    tokens: dict[str, str] = field(factory=dict)
    fetcher: CannedFetcher = field(init=False)
    documents: dict[str, list[Document]] = field(factory=dict)
    outcomes: dict[str, list[Outcome]] = field(factory=dict)
    door: Callable[[SeriesId, Window, dict[str, Any]], list[SeriesAnswer]] | None = (
        None  # not the use case
    )
    result: Any = None
    _error: Carbon254Error | None = None
    looked_at: bool = False
    more: dict[str, Any] = field(factory=dict)  # other parts of the wiring that a topic replaces

    def __attrs_post_init__(self) -> None:
        self.fetcher = CannedFetcher(self.clock)

    def made(self) -> Container:
        """The platform's own wiring over this desk's fakes."""
        return Container(settings=self.settings(), **self.parts())

    def settings(self) -> Settings:
        """The settings of this desk."""
        return Settings(credentials=self.credentials, policies=self.policies)

    def parts(self) -> dict[str, Any]:
        """What stands in the wiring's place."""
        return {
            "catalogue": self.catalogue,
            "clock": self.clock,
            "archive": self.archive,
            "journal": self.journal,
            "store": self.store,
            "records": self.records,
            "fetcher": self.fetcher,
            **self.more,
            "machine_clock": self.clock,
            "keys": self.keys,
            "audit": self.audit,
            "book": self.book,
            "signer": MacSigner(),
            "masks": Masks(b"salt"),
        }

    def __getattr__(self, name: str) -> Any:
        """A use case by its name; it holds nothing that the stores do not hold."""
        if name in USE_CASES:
            return getattr(self.made(), name)()
        raise AttributeError(name)

    def set_clock(self, at: str) -> None:
        """Have it be an instant of the feature."""
        self.clock.move(moment(at) - self.clock.now())

    def attempt(self, do: Callable[[], Any]) -> None:
        """Do what may be refused; the scenario must then look at the refusal."""
        assert self._error is None or self.looked_at, f"not expected: {self._error!r}"
        self.result, self._error, self.looked_at = None, None, False
        try:
            self.result = do()
        except Carbon254Error as error:
            self._error = error

    def refusal(self) -> Carbon254Error:
        """The refusal that a scenario expects."""
        assert self._error is not None, f"it was granted: {self.result!r}"
        self.looked_at = True
        return self._error

    def granted(self) -> Any:
        """What was granted."""
        assert self._error is None, f"refused as {self._error.code}: {self._error}"
        return self.result

    def call(
        self, who: str, action: str, do: Callable[[Scope], Any], target: str = "a question"
    ) -> None:
        """Have somebody prove who they are with their key, and do something within a call."""

        def whole() -> Any:
            principal = self.admit.authenticate(self.tokens[who])
            with self.admit.call(principal, action, target, door="desk", request_id="r") as call:
                return do(call.scope)

        self.attempt(whole)

    def answer(self) -> SeriesAnswer:
        """The one answer that a scenario expects."""
        (answer,) = self.granted()
        return answer

    def series(self, name: str) -> SeriesId:
        """A series by its name in the features."""
        return series_of(name)

    def window(self, start: str, end: str) -> Window:
        """A window of the features."""
        return Window(moment(start), moment(end))

    def ask(self, name: str, window: Window | Callable[[], Window], **more: Any) -> None:
        """Ask for one series; a window that is still to be read may be refused as well."""

        def question() -> list[SeriesAnswer]:
            span = window() if callable(window) else window
            if self.door is not None:
                return self.door(series_of(name), span, more)
            return self.query.run(Question((series_of(name),), window=span, **more), self.scope)

        self.attempt(question)

    def ask_between(self, name: str, start: str, end: str, **clocks: str) -> None:
        """Ask for one series; `clocks` are as_of and published_by."""
        instants = {clock: moment(at) for clock, at in clocks.items()}
        self.ask(name, lambda: self.window(start, end), **instants)

    def trace_number(self, name: str, start: str, **clocks: str) -> None:
        """Follow the number of an interval back."""
        instants = {clock: moment(at) for clock, at in clocks.items()}
        self.attempt(lambda: self.trace.run(series_of(name), moment(start), self.scope, **instants))

    def day(self, name: str, day: str) -> Window:
        """An operating day of the series' market."""
        series = series_of(name)
        card = self.catalogue.cards()[series.market]
        facts = card.feeding(series)
        assert facts is not None
        return day_window(parse_day(day), day_zone_of(card, facts, series), facts.day_start)

    def use_demo(self, **changed: Any) -> None:
        """Install the demo exchange, some methods of its translator changed."""
        kind = type(load_market(str(DEMO)))
        variant = type("_".join(["Demo", *changed]), (kind,), changed)
        self.catalogue.replace(variant(read_card(DEMO / "market.toml")))

    def write(self, label: str, rows: list[dict[str, str]], stamp: str = "") -> None:
        """Have the market write a document that holds the rows."""
        first = series_of(rows[0]["series"])
        card = self.catalogue.cards()[first.market]
        dataset = next(name for name, facts in card.datasets.items() if facts.feeds(first))
        reading = reading_of(card, dataset, rows, moment(stamp) if stamp else None)
        made = list(self.catalogue.market(card.id).write(dataset, reading))
        assert made, "nothing was written"
        self.documents[label] = made

    def replaced(self, document: Document, text: bytes, other: bytes) -> Document:
        """The document with every occurrence of a text replaced, in the members of a zip too; it must occur."""
        if not document.body.startswith(b"PK"):
            assert text in document.body
            return evolve(document, body=document.body.replace(text, other))
        out, found = io.BytesIO(), 0
        with (
            zipfile.ZipFile(io.BytesIO(document.body)) as old,
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for member in old.infolist():
                body = old.read(member)
                found += body.count(text)
                new.writestr(member, body.replace(text, other))
        assert found
        return evolve(document, body=out.getvalue())

    def take_in(self, label: str, *, synthetic: bool = False) -> None:
        """Hand over a document, as a file of a folder."""
        self.outcomes[label] = self.ingest.run(self.documents[label], synthetic=synthetic)

    def arrive(self, label: str, at: str) -> None:
        """Take a document in at an instant; it must be taken."""
        self.set_clock(at)
        self.take_in(label)
        for one in self.outcomes[label]:
            assert one.status in ("recorded", "unchanged"), one

    def outcome(self, label: str) -> Outcome:
        """What became of a document that belongs to one dataset."""
        (outcome,) = self.outcomes[label]
        return outcome


def reading_of(
    card: MarketCard, dataset: str, rows: list[dict[str, str]], stamp: datetime | None
) -> Reading:
    """A reading typed as a table: series, from, to, value and, where they matter, finality, marks, published."""
    rows = [more for row in rows for more in _with_parts(row)]
    ids = tuple(dict.fromkeys(series_of(row["series"]) for row in rows))
    facts = card.dataset(dataset)
    states = [_STATES.get(row["value"], State.OK) for row in rows]
    words = [row.get("marks", "").replace(",", " ").split() for row in rows]
    return Reading(
        ids,
        tuple(unit_of(card, facts, one) for one in ids),
        [ids.index(series_of(row["series"])) for row in rows],
        [instant64(moment(row["from"])) for row in rows],
        [instant64(moment(row["to"])) for row in rows],
        [
            float(row["value"]) if state == State.OK else np.nan
            for row, state in zip(rows, states, strict=True)
        ],
        state=states,
        finality=[Finality[row.get("finality", facts.finality).upper()] for row in rows],
        flags=[sum(int(Flag[word.upper()]) for word in one) for one in words],
        published_at=[
            instant64(moment(row["published"])) if row.get("published") else np.datetime64("NaT")
            for row in rows
        ],
        document_stamp=stamp,
    )


_STATES = {"empty": State.MISSING, "none": State.NOT_APPLICABLE}


def _with_parts(row: dict[str, str]) -> Iterator[dict[str, str]]:
    """MISO prints a price with its congestion and loss: nothing, where the feature does not care."""
    yield row
    one = series_of(row["series"])
    if one.market == "miso" and one.measure == "price":
        for part in ("price_congestion", "price_loss"):
            nought = "0" if row["value"] != "empty" else "empty"
            yield {**row, "series": str(evolve(one, measure=part)), "value": nought}


# ---------------------------------------------------------------- fixtures


@pytest.fixture(scope="session")
def host() -> PluginHost:
    """The markets that are installed."""
    return PluginHost()


@pytest.fixture(scope="session")
def names() -> dict[str, str]:
    """What the features call a series."""
    return SERIES


@pytest.fixture
def desk(host: PluginHost) -> Iterator[Desk]:
    """A desk with empty stores; a refusal that the scenario did not expect fails it."""
    made = Desk(Installed(host))
    yield made
    made.attempt(lambda: None)


# ---------------------------------------------------------------- documents


@given(parsers.parse("it is {at}"))
@when(parsers.parse("it is {at}"))
def _(desk: Desk, at: str) -> None:
    desk.set_clock(at)


@given(parsers.parse('the document "{label}" says:'))
@given(parsers.parse('the document "{label}", made at {stamp}, says:'))
def _(desk: Desk, label: str, datatable: Table, stamp: str = "") -> None:
    desk.write(label, dicts(datatable), stamp)


@given(parsers.parse('"{label}" arrived at {at}'))
@when(parsers.parse('"{label}" arrives at {at}'))
def _(desk: Desk, label: str, at: str) -> None:
    desk.arrive(label, at)


@given(parsers.parse("a document arrived at {at} that says:"))
@when(parsers.parse("a document arrives at {at} that says:"))
def _(desk: Desk, at: str, datatable: Table) -> None:
    desk.write(at, dicts(datatable))
    desk.arrive(at, at)


@given(parsers.parse('in the document "{label}" "{text}" is printed as "{other}"'))
def _(desk: Desk, label: str, text: str, other: str) -> None:
    (document,) = desk.documents[label]
    desk.documents[label] = [desk.replaced(document, text.encode(), other.encode())]


@given(
    parsers.parse(
        'a document arrived at {at} with {count:d} prices of "{name}" from {first} on, each of {minutes:d} minutes: '
        "{price:g}, then {step:g} more each time"
    )
)
def _(
    desk: Desk, at: str, count: int, name: str, first: str, minutes: int, price: float, step: float
) -> None:
    begin, length = moment(first), timedelta(minutes=minutes)
    rows = [
        {
            "series": name,
            "from": f"{begin + n * length:%Y-%m-%d %H:%M}",
            "to": f"{begin + (n + 1) * length:%Y-%m-%d %H:%M}",
            "value": str(round(price + n * step, 5)),
        }
        for n in range(count)
    ]
    desk.write(at, rows)
    desk.arrive(at, at)


@given(parsers.parse("the demo exchange's document of {day} arrived at {at}:"))
@when(parsers.parse("the demo exchange's document of {day} arrives at {at}:"))
def _(desk: Desk, day: str, at: str, datatable: Table) -> None:
    if "demo" not in desk.catalogue.cards():
        desk.use_demo()
    desk.documents[at] = [demo_document(day, datatable)]
    desk.set_clock(at)
    desk.take_in(at)


def demo_document(day: str, table: Table) -> Document:
    """Prices of the demo exchange, typed line by line: auction, slot of the day, price; no congestion."""
    lines = [
        f"demo exchange;{day};{len(table) - 1};final",
        "auction,hub,slot,price,energy,congestion",
    ]
    lines += [f"{auction},NORTH,{slot},{price},{price},0" for auction, slot, price in table[1:]]
    return Document(
        f"prices_{day.replace('-', '')}.csv", "\n".join([*lines, ""]).encode(), "text/csv"
    )


# ---------------------------------------------------------------- questions


@when(parsers.parse('I ask for "{name}" from {start} to {end}'))
@when(parsers.parse('I ask at {at} for "{name}" from {start} to {end}'))
def _(desk: Desk, name: str, start: str, end: str, at: str = "") -> None:
    if at:
        desk.set_clock(at)
    desk.ask_between(name, start, end)


@when(parsers.parse('I ask for the operating day {day} of "{name}"'))
def _(desk: Desk, day: str, name: str) -> None:
    desk.ask(name, lambda: desk.day(name, day))


@when(parsers.parse('I ask what we had at {at} of "{name}" from {start} to {end}'))
def _(desk: Desk, at: str, name: str, start: str, end: str) -> None:
    desk.ask_between(name, start, end, as_of=at)


@when(
    parsers.parse('I ask what the market had published by {at} of "{name}" from {start} to {end}')
)
def _(desk: Desk, at: str, name: str, start: str, end: str) -> None:
    desk.ask_between(name, start, end, published_by=at)


@when(parsers.parse('I ask for every revision of "{name}" from {start} to {end}'))
def _(desk: Desk, name: str, start: str, end: str) -> None:
    desk.ask(name, lambda: desk.window(start, end), include_history=True)


# ---------------------------------------------------------------- callers


@given(parsers.parse('"{who}" of "{tenant}" holds a key as "{role}"'))
@given(parsers.parse('"{who}" of "{tenant}" holds a key as "{role}" that lives {hours:d} hours'))
def _(desk: Desk, who: str, tenant: str, role: str, hours: int = 24 * 90) -> None:
    made = desk.manage_keys.create(role, who.lower(), tenant=tenant, life=timedelta(hours=hours))
    desk.tokens[who] = made.token


@given(parsers.parse('the key of "{who}" is ended'))
@when(parsers.parse('the key of "{who}" is ended'))
def _(desk: Desk, who: str) -> None:
    desk.manage_keys.revoke(desk.tokens[who].split("_")[1])


@when(parsers.parse('"{who}" is given another key'))
def _(desk: Desk, who: str) -> None:
    (role,) = {
        role for key in desk.keys.all() if key.principal == who.lower() for role in key.roles
    }
    (tenant,) = {key.tenant for key in desk.keys.all() if key.principal == who.lower()}
    desk.attempt(lambda: desk.manage_keys.create(role, who.lower(), tenant=tenant))


@when(parsers.parse('"{who}" asks for "{name}" from {start} to {end}'))
def _(desk: Desk, who: str, name: str, start: str, end: str) -> None:
    def ask(scope: Scope) -> list[SeriesAnswer]:
        question = Question((series_of(name),), window=desk.window(start, end))
        return desk.query.run(question, scope)

    desk.call(who, "read", ask)


@when(parsers.parse('"{who}" lists every series'))
def _(desk: Desk, who: str) -> None:
    desk.call(who, "read", lambda scope: desk.find.run((), scope))


@when(parsers.parse('"{who}" tries to read the audit log'))
def _(desk: Desk, who: str) -> None:
    principal = desk.admit.authenticate(desk.tokens[who])
    question = AuditQuestion(limit=1000)
    desk.call(who, "audit", lambda _: desk.decisions.entries(question, principal))


@when("somebody asks with nothing")
def _(desk: Desk) -> None:
    desk.attempt(lambda: desk.admit.authenticate(None))


@when(parsers.parse('somebody asks with the key of "{who}" with another ending'))
def _(desk: Desk, who: str) -> None:
    token = desk.tokens[who]
    desk.tokens["somebody"] = token[:-1] + ("0" if token[-1] != "0" else "1")
    desk.attempt(lambda: desk.admit.authenticate(desk.tokens["somebody"]))


@then("it is granted")
def _(desk: Desk) -> None:
    desk.granted()


# ---------------------------------------------------------------- answers


def written(value: float) -> str:
    """A number of an answer to five digits; nothing where there is none."""
    return "" if np.isnan(value) else f"{value:.5f}".rstrip("0").rstrip(".")


def shown(answer: SeriesAnswer, row: int) -> dict[str, str]:
    """A row of an answer in the words of the features."""

    def at(name: str) -> str:
        instant = from_instant64(getattr(answer, name)[row])
        if instant is None:
            return ""
        return f"{instant:%Y-%m-%d %H:%M:%S}".removesuffix(":00")

    state, there = State(int(answer.state[row])).word, answer.batch[row] >= 0
    return {
        "from": at("interval_start"),
        "to": at("interval_end"),
        "value": written(answer.value[row]),
        "state": state,
        "finality": Finality(int(answer.finality[row])).word if there else "",
        "marks": ", ".join(Flag.words(int(answer.flags[row]))),
        "published": at("published_at"),
        "known from": PublishedBasis(int(answer.published_basis[row])).word if there else "",
        "recorded": at("recorded_at"),
        "issued": at("issued_at"),
        "unit": answer.unit,
    }


@then("the answer is:")
def _(desk: Desk, datatable: Table) -> None:
    answer = desk.answer()
    wanted = [
        {**row, "value": written(float(row["value"]))} if row.get("value") else row
        for row in dicts(datatable)
    ]
    found = [
        {name: shown(answer, row)[name] for name in datatable[0]} for row in range(len(answer))
    ]
    assert found == wanted


@then(parsers.parse("the answer has {count:d} intervals from {start} to {end}, all with a price"))
def _(desk: Desk, count: int, start: str, end: str) -> None:
    answer = desk.answer()
    assert len(answer) == count
    assert set(answer.state.tolist()) == {State.OK}
    assert (answer.interval_start[1:] == answer.interval_end[:-1]).all()
    edges = (answer.interval_start[0], answer.interval_end[-1])
    assert edges == (instant64(moment(start)), instant64(moment(end)))


@then(parsers.parse("the answer has {count:d} intervals"))
def _(desk: Desk, count: int) -> None:
    assert len(desk.answer()) == count


@then(parsers.parse('the interval from {start} is {value:g} and "{state}"'))
@then(parsers.parse('the interval from {start} has no price and is "{state}"'))
def _(desk: Desk, start: str, state: str, value: float = np.nan) -> None:
    rows = [shown(desk.answer(), row) for row in range(len(desk.answer()))]
    (row,) = [row for row in rows if row["from"] == start]
    assert (row["value"], row["state"]) == (written(value), state)


@then(parsers.parse('it is refused as "{code}"'))
def _(desk: Desk, code: str) -> None:
    assert desk.refusal().code == code, desk.refusal()


@then(parsers.parse('the refusal names "{text}"'))
def _(desk: Desk, text: str) -> None:
    assert text in str(desk.refusal())


# ---------------------------------------------------------------- what became of documents


@given(parsers.parse('"{label}" was handed over at {at}'))
@when(parsers.parse('"{label}" is handed over at {at}'))
def _(desk: Desk, label: str, at: str) -> None:
    desk.set_clock(at)
    desk.attempt(lambda: desk.take_in(label))


@then(parsers.parse('"{label}" is refused as "{code}"'))
def _(desk: Desk, label: str, code: str) -> None:
    outcome = desk.outcome(label)
    assert (outcome.status, outcome.code) == ("quarantined", code), outcome


@then(parsers.parse('"{label}" is recorded'))
def _(desk: Desk, label: str) -> None:
    outcome = desk.outcome(label)
    assert outcome.status == "recorded", outcome
