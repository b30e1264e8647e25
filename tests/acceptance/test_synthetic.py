"""Steps of features/synthetic."""

from typing import Any

from pytest_bdd import given, parsers, scenarios, then, when

from carbon254.core.domain.documents import Document
from carbon254.core.usecases.query_series import note

scenarios("synthetic")


@given(parsers.parse('"{label}" was handed over as {nature} at {at}'))
@when(parsers.parse('"{label}" is handed over as {nature} at {at}'))
def _(desk: Any, label: str, nature: str, at: str) -> None:
    desk.set_clock(at)
    desk.attempt(lambda: desk.take_in(label, synthetic=nature == "synthetic"))


@given(parsers.parse('the document "{label}" is a text about something else, handed over as real'))
def _(desk: Any, label: str) -> None:
    desk.documents[label] = [Document("beach.txt", b"We had fine weather.\n")]
    desk.take_in(label)


@when("the platform is closed and opened again")
def _(desk: Any) -> None:
    desk.catalogue = type(desk.catalogue)(desk.catalogue.host)
    desk.made().shutdown_resources()


@when(parsers.parse('the prices of "{name}" for {day} are to be fetched'))
def _(desk: Any, name: str, day: str) -> None:
    window = desk.day(name, day)
    desk.attempt(lambda: desk.fetch.run("miso", "day_ahead_lmp", window))


@then("no operator was asked")
def _(desk: Any) -> None:
    assert desk.fetcher.asked == []


@then(parsers.parse('the store holds nothing of "{label}"'))
def _(desk: Any, label: str) -> None:
    (document,) = desk.documents[label]
    assert document.digest not in {batch.digest for batch in desk.store.batches()}
    assert not desk.archive.has(document.digest)


@then("the answer says that it is made up")
def _(desk: Any) -> None:
    assert desk.answer().synthetic
    assert any(line.startswith("SYNTHETIC") for line in note([desk.answer()]))


@then("the answer does not say that it is made up")
def _(desk: Any) -> None:
    assert not desk.answer().synthetic
    assert not any("SYNTHETIC" in line for line in note([desk.answer()]))


@when(parsers.parse('the sample of "{market}" "{dataset}" is made'))
def _(desk: Any, market: str, dataset: str) -> None:
    card = desk.catalogue.cards()[market]
    desk.outcomes["sample"] = desk.samples.one(card, dataset)


@then("the sample is recorded")
def _(desk: Any) -> None:
    assert {one.status for one in desk.outcomes["sample"]} == {"recorded"}
    assert all(batch.synthetic for batch in desk.store.batches())


@then("the sample adds nothing")
def _(desk: Any) -> None:
    assert {one.status for one in desk.outcomes["sample"]} == {"unchanged"}


@then("every document of the sample is in the archive")
def _(desk: Any) -> None:
    assert {one.digest for one in desk.outcomes["sample"]} == set(desk.archive.bodies)


@then(parsers.parse('"{market}" "{dataset}" is not among the samples'))
def _(desk: Any, market: str, dataset: str) -> None:
    made = {(card.id, name) for card, name in desk.samples.datasets()}
    assert (market, "day_ahead_lmp") in made
    assert (market, dataset) not in made
