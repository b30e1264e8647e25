"""Steps of features/identity."""

from typing import Any

from pytest_bdd import given, parsers, scenarios, then

scenarios("identity")
_SEQUENCE = b"classificationSequence_AttributeInstanceComponent.position>"


@given(parsers.parse('the document "{label}" speaks of a third auction'))
def _(desk: Any, label: str) -> None:
    (document,) = desk.documents[label]
    desk.documents[label] = [
        desk.replaced(document, b"<" + _SEQUENCE + b"2<", b"<" + _SEQUENCE + b"3<")
    ]


@then(parsers.parse("these prices from {start} to {end} stand apart:"))
def _(desk: Any, start: str, end: str, datatable: list[list[str]]) -> None:
    for name, value in datatable[1:]:
        desk.ask_between(name, start, end)
        assert desk.answer().value.tolist() == [float(value)], name
        assert str(desk.answer().series) == str(desk.series(name))
    assert len({desk.series(name) for name, _ in datatable[1:]}) == len(datatable) - 1
