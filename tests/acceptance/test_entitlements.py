"""Steps of features/entitlements."""

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from pytest_bdd import given, parsers, scenarios, then, when

from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import SettingsInvalid
from carbon254.core.domain.time import parse_day, parse_instant
from carbon254.core.usecases.query_series import Question

scenarios("entitlements")


# ---------------------------------------------------------------- policy and cards


@given("the policy is:")
@given("the policy is changed to:")
@when("the policy is changed to:")
def _(desk: Any, docstring: str, tmp_path: Path) -> None:
    desk.policies = tmp_path
    (tmp_path / "roles.csv").write_text(docstring)


@then(parsers.parse('the policy is refused as "{code}"'))
def _(desk: Any, code: str) -> None:
    desk.attempt(lambda: desk.admit)
    assert desk.refusal().code == code == SettingsInvalid.code


@given(parsers.parse('the card of "{market}" says "{word}"'))
def _(desk: Any, market: str, word: str) -> None:
    found = desk.catalogue.market(market)
    desk.catalogue.replace(type(found)(evolve(found.card, redistribution=word)))


# ---------------------------------------------------------------- what somebody does


@when(parsers.parse('"{who}" looks for "{text}"'))
def _(desk: Any, who: str, text: str) -> None:
    desk.call(who, "read", lambda scope: desk.find.run((), scope, text=text))


@when(parsers.parse('"{who}" asks how much is stored'))
def _(desk: Any, who: str) -> None:
    desk.call(who, "read", desk.summary.run)


@when(parsers.parse('"{who}" asks how far "{pattern}" reaches'))
def _(desk: Any, who: str, pattern: str) -> None:
    wanted = [SeriesPattern.parse(pattern)]
    desk.call(who, "read", lambda scope: [c.entry for c in desk.find.coverage(wanted, scope)])


@when(parsers.parse('"{who}" traces the number of "{name}" at {start}'))
def _(desk: Any, who: str, name: str, start: str) -> None:
    at = parse_instant(start.replace(" ", "T") + "Z")
    desk.call(who, "read", lambda scope: desk.trace.run(desk.series(name), at, scope))


@when(parsers.parse('"{who}" asks for findings on quality from {start} to {end}'))
def _(desk: Any, who: str, start: str, end: str) -> None:
    span = desk.window(start, end)
    desk.call(who, "read", lambda scope: desk.quality.run(scope, window=span))


@when(parsers.parse('"{who}" looks at the board of {day}'))
def _(desk: Any, who: str, day: str) -> None:
    desk.call(who, "read", lambda scope: desk.board.run(scope, day=parse_day(day)))


@when(parsers.parse('"{who}" exports "{name}"'))
def _(desk: Any, who: str, name: str) -> None:
    desk.call(who, "export", lambda scope: desk.query.run(Question((desk.series(name),)), scope))


@when(parsers.parse('"{who}" subscribes to "{name}"'))
def _(desk: Any, who: str, name: str) -> None:
    desk.call(who, "stream", lambda scope: scope.restrict(Selection([desk.series(name)])))


@when(parsers.parse('"{who}" exports everything'))
def _(desk: Any, who: str) -> None:
    everything = Question((), (SeriesPattern(),))
    desk.call(who, "export", lambda scope: desk.query.run(everything, scope))


@when(parsers.parse('"{who}" tries to {do} a key'))
def _(desk: Any, who: str, do: str) -> None:
    principal = desk.admit.authenticate(desk.tokens[who])
    id_ = desk.tokens[who].split("_")[1]
    keys = desk.manage_keys
    desk.attempt(
        {
            "make": lambda: keys.create("pilot", "another", by=principal),
            "end": lambda: keys.revoke(id_, by=principal),
        }[do]
    )


@when(parsers.parse('"{who}" tries to list the keys'))
def _(desk: Any, who: str) -> None:
    principal = desk.admit.authenticate(desk.tokens[who])
    desk.attempt(lambda: desk.manage_keys.list(by=principal))


@when("somebody asks with a key that was never made")
def _(desk: Any) -> None:
    desk.attempt(lambda: desk.admit.authenticate(f"c254_{'0' * 12}_{'0' * 64}"))


@when("somebody asks with a word that is no key")
def _(desk: Any) -> None:
    desk.attempt(lambda: desk.admit.authenticate("sesame"))


@when(parsers.parse('"{who}" asks why'))
def _(desk: Any, who: str) -> None:
    decision = desk.refusal().decision
    principal = desk.admit.authenticate(desk.tokens[who])
    desk.attempt(lambda: desk.decisions.run(decision, principal))


# ---------------------------------------------------------------- what comes of it


@then(parsers.parse('the refusal says nothing of "{text}"'))
def _(desk: Any, text: str) -> None:
    assert text not in str(desk.refusal())


@then(parsers.parse('the refusal is that of "{name}", but for its name'))
def _(desk: Any, name: str) -> None:
    error, other = desk.refusal(), desk.series(name)
    assert str(error).replace(error.series, str(other)) == f"{other} is outside what you may see."


@then("the refusal is the same for every wrong key")
def _(desk: Any) -> None:
    assert str(desk.refusal()) == (
        "the API key is not known or not right: use one that 'carbon254 keys create' printed."
    )


@then("the list is:")
def _(desk: Any, datatable: list[list[str]]) -> None:
    found = [
        {
            "series": entry.series, "first": f"{entry.first:%Y-%m-%d %H:%M}", "last": f"{entry.last:%Y-%m-%d %H:%M}",
            "rows": str(entry.rows),
        }
        for entry in desk.granted()
    ]  # fmt: skip
    head, *rows = datatable
    wanted = [dict(zip(head, row, strict=True)) for row in rows]
    wanted = [{**row, "series": desk.series(row["series"])} for row in wanted]
    assert [{name: row[name] for name in head} for row in found] == wanted


@then("the list is empty")
def _(desk: Any) -> None:
    assert list(desk.granted()) == []


@then(parsers.parse("{series:d} series with {intervals:d} intervals is told"))
def _(desk: Any, series: int, intervals: int) -> None:
    assert [(line.series, line.intervals) for line in desk.granted()] == [(series, intervals)]


@then(parsers.parse("the number is {value:g}"))
def _(desk: Any, value: float) -> None:
    assert float(desk.granted().row.value[0]) == pytest.approx(value)


@then(parsers.parse('the fragment says nothing of "{text}"'))
def _(desk: Any, text: str) -> None:
    assert text.encode() not in desk.granted().fragment


@then(parsers.parse('findings are told of "{name}"'))
def _(desk: Any, name: str) -> None:
    assert desk.series(name) in {one.series for one in desk.granted()}


@then("no finding is told of any other series")
def _(desk: Any) -> None:
    assert {str(one.series) for one in desk.granted()} == {
        "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
    }


@then(parsers.parse('no finding says anything of "{text}"'))
def _(desk: Any, text: str) -> None:
    assert text not in repr(desk.granted())


@then(parsers.parse('the board shows "{name}" and nothing else'))
def _(desk: Any, name: str) -> None:
    board, own = desk.granted(), desk.series(name)
    assert [line.series for line in board.lines] == [own]
    assert {one.market for one in board.feeds} == {own.market}
    assert (list(board.allowances), list(board.revised), list(board.absent)) == ([], [], [])
    assert "9876.5" not in repr(board)


@then(parsers.parse('it brings "{name}" and nothing else'))
def _(desk: Any, name: str) -> None:
    assert [one.series for one in desk.granted()] == [desk.series(name)]


@then("the decision says:")
def _(desk: Any, datatable: list[list[str]]) -> None:
    told = desk.granted()
    found = [
        told.principal.title(),
        told.tenant,
        told.action,
        f"{told.at:%Y-%m-%d %H:%M}",
        told.reason,
    ]
    assert found == datatable[1]


@then(parsers.parse('the decision names "{text}"'))
def _(desk: Any, text: str) -> None:
    assert text in desk.granted().reason


def test_a_scope_of_a_pilot_is_not_everything(desk: Any) -> None:
    """The steps above say something only if the desk's own scope is not what they use."""
    assert desk.scope == Scope.everything()
