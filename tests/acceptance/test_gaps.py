"""Steps of features/gaps."""

from typing import Any

import numpy as np
from attrs import evolve
from pytest_bdd import given, parsers, scenarios, then, when

from carbon254.core.domain.blocks import Block, block_average
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import State

scenarios("gaps")


@given("the demo exchange's translator cannot place slot 2")
def _(desk: Any) -> None:
    desk.use_demo()
    right = type(desk.catalogue.market("demo")).read

    def read(self: Any, dataset: str, document: Any) -> Any:
        reading = right(self, dataset, document)
        second = reading.interval_start > reading.interval_start.min()
        return evolve(reading, state=np.where(second, State.QUARANTINED, reading.state))

    desk.use_demo(read=read)


@then(
    parsers.parse(
        "the average of the answer from {start} to {end} is {value:g} over {present:d} of {hours:d} hours"
    )
)
def _(desk: Any, start: str, end: str, value: float, present: int, hours: int) -> None:
    answer = desk.answer()
    found = block_average(
        answer.value,
        start=answer.interval_start,
        end=answer.interval_end,
        state=answer.state,
        block=Block.parse("base"),
        window=desk.window(start, end),
        zone="Europe/Berlin",
    )
    assert (found.value, found.hours_present, found.hours_expected) == (value, present, hours)


@given("a customer who may see the hubs of California and nothing else")
def _(desk: Any) -> None:
    desk.scope = Scope((SeriesPattern("caiso", kind="hub"),))


@when(parsers.parse('I ask at {at} for the coverage of "{name}" from {start} to {end}'))
def _(desk: Any, at: str, name: str, start: str, end: str) -> None:
    desk.set_clock(at)
    series = desk.series(name)
    pattern = SeriesPattern(series.market, series.run, series.measure, series.kind, series.location)
    desk.attempt(lambda: desk.find.coverage([pattern], desk.scope, desk.window(start, end)))


@then(parsers.parse("{there:d} of {count:d} intervals are there"))
def _(desk: Any, there: int, count: int) -> None:
    found = desk.answer()
    assert found.intervals == count
    assert found.share == there / count


@then("the stretches that are not there are:")
def _(desk: Any, datatable: list[list[str]]) -> None:
    found = [
        [f"{span.start:%Y-%m-%d %H:%M}", f"{span.end:%Y-%m-%d %H:%M}", reason]
        for span, reason in desk.answer().gaps
    ]
    assert found == datatable[1:]


@when(parsers.parse('the quality of "{market}" is checked at {at}'))
def _(desk: Any, market: str, at: str) -> None:
    desk.set_clock(at)
    desk.attempt(lambda: desk.quality.run(desk.scope, markets=[market]))


@then(parsers.parse('"{rule}" is found for "{name}"'))
def _(desk: Any, rule: str, name: str) -> None:
    assert (rule, desk.series(name)) in _found(desk)


@then(parsers.parse('"{rule}" is not found for "{name}"'))
def _(desk: Any, rule: str, name: str) -> None:
    assert (rule, desk.series(name)) not in _found(desk)


def _found(desk: Any) -> set[tuple[str, SeriesId | None]]:
    return {(one.rule, one.series) for one in desk.result}
