"""Steps of features/revisions."""

from typing import Any

from attrs import evolve
from pytest_bdd import given, parsers, scenarios, then, when

from carbon254.ports.testing.fakes.storage import MemorySeriesStore

scenarios("revisions")


@given(parsers.parse('the document "{label}" is "{other}" without its words for final'))
def _(desk: Any, label: str, other: str) -> None:
    (document,) = desk.documents[other]
    assert "final" in document.name
    assert b"final" not in document.body.lower()  # the operator says it in the name alone
    desk.documents[label] = [evolve(document, name="prices.csv")]


@when(
    parsers.parse('I ask what we had at {at}, published by {by}, of "{name}" from {start} to {end}')
)
def _(desk: Any, at: str, by: str, name: str, start: str, end: str) -> None:
    desk.ask_between(name, start, end, as_of=at, published_by=by)


@given("the demo exchange's translator puts every interval an hour late")
def _(desk: Any) -> None:
    desk.use_demo()
    right = type(desk.catalogue.market("demo")).start
    desk.use_demo(start=lambda self, day, slot: right(self, day, slot + 1))


@when("the demo exchange's translator is corrected")
def _(desk: Any) -> None:
    desk.use_demo()


@when(parsers.parse("the demo exchange's documents are read again at {at}"))
def _(desk: Any, at: str) -> None:
    desk.set_clock(at)
    desk.reread.market("demo")


@when(parsers.parse("the store of numbers is lost and rebuilt at {at}"))
def _(desk: Any, at: str) -> None:
    desk.set_clock(at)
    desk.store = MemorySeriesStore()
    desk.outcomes["rebuilt"] = desk.reread.rebuild()


@given(parsers.parse('the archived copy of "{label}" has rotted'))
def _(desk: Any, label: str) -> None:
    (document,) = desk.documents[label]
    desk.archive.bodies[document.digest] = document.body.replace(b"42.1", b"42.2")


@then(parsers.parse('rebuilding refused one document as "{code}"'))
def _(desk: Any, code: str) -> None:
    assert [one.code for one in desk.outcomes["rebuilt"] if one.status != "recorded"] == [code]
