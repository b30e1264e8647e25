"""Lines of a policy: whole words or *, and anything else is refused with its file and line."""

import pytest

from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import SettingsInvalid
from carbon254.core.domain.policies import Grant, Inclusion, read_lines, scope_of
from carbon254.core.domain.series import SeriesId

GOOD = "p, pilot, *, read, caiso, day_ahead-x, price-sek, hub, A=2A=2FB, allow"


def test_a_line_is_read_and_written_back() -> None:
    (line,) = read_lines(f"\n# comment, with commas\n  {GOOD}  \n", "roles.csv")
    assert isinstance(line, Grant)
    assert (line.where, line.rule.where) == ("roles.csv, line 3", "roles.csv, line 3")
    assert (line.rule.text, line.rule.allows) == (GOOD, True)
    assert line.pattern.matches(SeriesId("caiso", "day_ahead-x", "price-sek", "hub", "A*/B"))
    assert not line.pattern.matches(SeriesId("caiso", "day_ahead-x", "price-sek", "hub", "AA/B"))


def test_a_role_may_include_another() -> None:
    (line,) = read_lines("g, boss, analyst, acme", "roles.csv")
    assert line == Inclusion("boss", "analyst", "acme", "roles.csv, line 1")


@pytest.mark.parametrize(("line", "says"), [
    ("p, pilot, *, read, caiso, *, *, hub, *", "expected 'p, role"),
    ("p, pilot, *, read, caiso, *, *, hub, A, B, allow", "expected"),
    ("q, pilot, *, read, caiso, *, *, hub, *, allow", "expected"),
    ("g, boss, analyst", "expected"),
    ("g, boss, *, acme", r"role '\*'"),
    ("g, boss, analyst, a*", r"tenant 'a\*'"),
    ("p, *, *, read, caiso, *, *, hub, *, allow", r"role '\*'"),
    ("p, owner, *, read, caiso, *, *, hub, *, allow", "role 'owner'"),
    ("p, Pilot, *, read, caiso, *, *, hub, *, allow", "role 'Pilot'"),
    ("p, pilot, acme*, read, caiso, *, *, hub, *, allow", r"tenant 'acme\*'"),
    ("p, pilot, *, reed, caiso, *, *, hub, *, allow", "action 'reed'.*there are administer, audit, export"),
    ("p, pilot, *, read, ca*, *, *, hub, *, allow", r"market 'ca\*'"),
    ("p, pilot, *, read, caiso, day*, *, hub, *, allow", "one whole word"),
    ("p, pilot, *, read, caiso, tomorrow, *, hub, *, allow", "run 'tomorrow'"),
    ("p, pilot, *, read, caiso, *, price_[ab], hub, *, allow", "one whole word"),
    ("p, pilot, *, read, caiso, *, prize, hub, *, allow", "prize"),
    ("p, pilot, *, read, caiso, *, *, hub*, *, allow", r"kind 'hub\*'.*aggregate, area"),
    ("p, pilot, *, read, caiso, *, *, hubs, *, allow", "kind 'hubs'"),
    ("p, pilot, *, read, caiso, *, *, , *, allow", "kind ''"),
    ("p, pilot, *, read, caiso, *, *, hub, TH_*, allow", r"location 'TH_\*'"),
    ("p, pilot, *, read, caiso, *, *, hub, A?, allow", r"location 'A\?'"),
    ("p, pilot, *, read, caiso, *, *, hub, A=2a, allow", "A=2a"),
    ("p, pilot, *, read, caiso, *, *, hub, A=41, allow", "location 'A=41'"),
    ("p, pilot, *, read, caiso, *, *, hub, , allow", "location ''"),
    ("p, pilot, *, read, caiso, *, *, hub, *, maybe", "effect 'maybe'"),
    ("p, pilot, *, audit, caiso, *, *, *, *, allow", "action 'audit' has no series"),
])  # fmt: skip
def test_a_wrong_line_is_refused_with_its_place(line: str, says: str) -> None:
    with pytest.raises(SettingsInvalid, match=rf"^policy roles\.csv, line 2: .*{says}"):
        list(read_lines(f"# first\n{line}\n", "roles.csv"))


def test_lines_add_up_to_a_scope() -> None:
    lines = [
        line
        for line in read_lines(f"{GOOD}\n{GOOD.replace('allow', 'deny')}\n", "roles.csv")
        if isinstance(line, Grant)
    ]
    pattern = SeriesPattern("caiso", "day_ahead-x", "price-sek", "hub", "A[*]/B")
    assert scope_of(lines) == Scope([pattern], [pattern])
    assert scope_of([]) == Scope()
