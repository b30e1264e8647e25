"""Steps of features/units."""

from datetime import date
from typing import Any

from pytest_bdd import parsers, scenarios, then, when

from carbon254.core.domain.blocks import Block
from carbon254.core.domain.board import Figure

scenarios("units")


@then(parsers.parse('the unit of the answer is "{unit}"'))
def _(desk: Any, unit: str) -> None:
    assert desk.answer().unit == unit


@when(parsers.parse('I ask for "{name}" from {start} to {end} in "{unit}"'))
def _(desk: Any, name: str, start: str, end: str, unit: str) -> None:
    desk.ask(name, desk.window(start, end), unit=unit)


@when(parsers.parse("the board is shown for {day}"))
def _(desk: Any, day: str) -> None:
    desk.attempt(lambda: desk.board.run(desk.scope, day=date.fromisoformat(day)))


@when(parsers.parse('I ask for the hours of the block "{block}" on {day}'))
def _(desk: Any, block: str, day: str) -> None:
    desk.attempt(lambda: Block.parse(block).hours_on(date.fromisoformat(day)))


def averages(desk: Any, name: str) -> dict[str, Figure]:
    (line,) = (one for one in desk.granted().lines if one.series == desk.series(name))
    return {one.block: one for one in line.days[1].blocks}


@then(parsers.parse('the averages of "{name}" are:'))
def _(desk: Any, name: str, datatable: list[list[str]]) -> None:
    found = averages(desk, name)
    wanted = {
        block: (float(value) if value else None, float(hours))
        for block, value, hours in datatable[1:]
    }
    assert {block: (one.value, one.hours) for block, one in found.items()} == wanted
    assert all(one.whole for one in found.values())


@then(
    parsers.parse(
        'the average of "{name}" over "{block}" is {value:g} over {present:g} of {hours:g} hours, partial'
    )
)
def _(desk: Any, name: str, block: str, value: float, present: float, hours: float) -> None:
    one = averages(desk, name)[block]
    assert (one.value, one.hours, one.hours_of_block) == (value, present, hours)
    assert one.partial
