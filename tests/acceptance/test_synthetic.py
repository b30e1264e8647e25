"""Steps of features/synthetic."""

from pathlib import Path
from typing import Any

from pytest_bdd import given, parsers, scenarios, then, when

import carbon254
from carbon254.core.domain.documents import Document
from carbon254.core.usecases.ingest_documents import Outcome
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


@given(parsers.parse('a store on disk took "{label}" as {nature}'))
@when(parsers.parse('it is opened again and "{label}" is handed over as {nature}'))
def _(desk: Any, tmp_path: Path, label: str, nature: str) -> None:
    def take() -> list[Outcome]:
        with carbon254.open(tmp_path / "data") as platform:
            documents = desk.documents[label]
            return platform.ingest.run(documents, synthetic=nature == "synthetic")

    desk.attempt(take)


@then(parsers.parse('the store on disk holds "{one}" and "{two}"'))
def _(desk: Any, tmp_path: Path, one: str, two: str) -> None:
    desk.granted()
    with carbon254.open(tmp_path / "data") as platform:
        held = {batch.digest for batch in platform.store.batches()}
    assert held == {desk.documents[label][0].digest for label in (one, two)}


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
