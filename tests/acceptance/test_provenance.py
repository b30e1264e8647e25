"""Steps of features/provenance."""

from typing import Any

from pytest_bdd import given, parsers, scenarios, then, when

from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.usecases.trace_number import Provenance

scenarios("provenance")


@given(
    parsers.parse("MISO's day-ahead report of 2025-06-10 prints for ILLINOIS.HUB in hour ending 1:")
)
def _(desk: Any, datatable: list[list[str]]) -> None:
    blank = "," * 23
    lines = [
        "Day Ahead Market ExPost LMPs",
        "06/10/2025",
        "",
        ",,,All Hours-Ending are Eastern Standard Time (EST)",
        "Node,Type,Value," + ",".join(f"HE {hour}" for hour in range(1, 25)),
        *(
            f"ILLINOIS.HUB,Hub,{part},{value}{blank}"
            for part, value in zip(("LMP", "MCC", "MLC"), datatable[1], strict=True)
        ),
        "",
    ]
    body = "\n".join(lines).encode()
    desk.documents["report"] = [Document("20250610_da_expost_lmp.csv", body, "text/csv")]
    desk.arrive("report", "2025-06-09 19:20")


@given("a customer who may see California and nothing else")
def _(desk: Any) -> None:
    desk.scope = Scope((SeriesPattern("caiso"),))


@given("the demo exchange's translator turns the sign of prices around")
def _(desk: Any) -> None:
    desk.use_demo(value=lambda self, text: -float(text))


@given(parsers.parse('in the archive\'s copy of "{label}" "{text}" became "{other}"'))
def _(desk: Any, label: str, text: str, other: str) -> None:
    (document,) = desk.documents[label]
    assert text.encode() in desk.archive.bodies[document.digest]
    changed = document.body.replace(text.encode(), other.encode())
    desk.archive.bodies[document.digest] = changed


@given(parsers.parse('the archive\'s copy of "{label}" is gone'))
def _(desk: Any, label: str) -> None:
    (document,) = desk.documents[label]
    del desk.archive.bodies[document.digest]


@when(parsers.parse('I trace the number of "{name}" at {start}'))
def _(desk: Any, name: str, start: str) -> None:
    desk.trace_number(name, start)


@when(parsers.parse('I trace what we had at {at} of "{name}" at {start}'))
def _(desk: Any, at: str, name: str, start: str) -> None:
    desk.trace_number(name, start, as_of=at)


def traced(desk: Any) -> Provenance:
    found = desk.granted()
    assert isinstance(found, Provenance)
    return found


@then(parsers.parse('it stands in the document "{name}" that arrived at {at}'))
def _(desk: Any, name: str, at: str) -> None:
    receipt = traced(desk).receipt
    assert receipt.name.startswith(name)
    assert f"{receipt.archived_at:%Y-%m-%d %H:%M}" == at
    assert desk.archive.has(receipt.digest)


@then(parsers.parse('the fragment holds "{text}"'))
def _(desk: Any, text: str) -> None:
    fragment = traced(desk).fragment.decode()
    assert text in fragment, fragment


@then(parsers.parse("the number is {value:g}"))
def _(desk: Any, value: float) -> None:
    assert traced(desk).row.value.tolist() == [value]


@then(parsers.parse("reading the fragment again gives {value:g}"))
def _(desk: Any, value: float) -> None:
    assert traced(desk).same
    assert traced(desk).reread == value


@then(parsers.parse("reading the fragment again gives {value:g}, which is not the same"))
def _(desk: Any, value: float) -> None:
    assert not traced(desk).same
    assert traced(desk).reread == value


@then(parsers.parse('the archive holds "{label}" as it was served'))
def _(desk: Any, label: str) -> None:
    (document,) = desk.documents[label]
    assert desk.archive.get(document.digest) == document.body
