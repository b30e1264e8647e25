"""Casbin and the fake against the contract of `Policy`; files that change, and scopes against `enforce`."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon254.adapters.casbin.policy import SHIPPED, CasbinPolicy
from carbon254.core.domain.entitlements import ACTIONS, OF_SERIES, Scope
from carbon254.core.domain.errors import SettingsInvalid
from carbon254.core.domain.policies import Grant, read_lines
from carbon254.core.domain.series import SeriesId, escape
from carbon254.ports.testing.fakes.policy import LinesPolicy
from carbon254.ports.testing.policy import EXAA, HUB, NODE, PolicyOf, PolicySuite, caller


class TestLines(PolicySuite):
    @pytest.fixture
    def policy_of(self) -> PolicyOf:
        return LinesPolicy


class TestCasbin(PolicySuite):
    @pytest.fixture
    def policy_of(self, tmp_path: Path) -> PolicyOf:
        def make(text: str) -> CasbinPolicy:
            (tmp_path / "lines.csv").write_text(text)
            return CasbinPolicy(tmp_path)

        return make


# ---------------------------------------------------------------- files


PILOT = "p, pilot, *, read, caiso, *, *, hub, *, allow\n"


def rewrite(path: Path, text: str) -> None:
    """Write a file as an editor does: a new one takes the old one's place."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def test_a_change_is_in_force_at_the_next_call(tmp_path: Path) -> None:
    path = tmp_path / "roles.csv"
    path.write_text(PILOT)
    policy = CasbinPolicy(tmp_path)
    assert policy.scope(caller("pilot"), "read").allows(HUB)
    rewrite(path, PILOT + "p, pilot, acme, read, caiso, *, *, *, *, deny\n")
    assert not policy.scope(caller("pilot"), "read").allows(HUB)
    assert not policy.explain(caller("pilot"), "read", HUB).allowed
    (tmp_path / "more.csv").write_text("p, pilot, *, read, entsoe, *, *, zone, *, allow\n")
    assert policy.scope(caller("pilot"), "read").allows(EXAA)
    (tmp_path / "more.csv").unlink()
    assert not policy.scope(caller("pilot"), "read").allows(EXAA)


def test_a_change_in_place_is_seen_too(tmp_path: Path) -> None:
    path = tmp_path / "roles.csv"
    path.write_text(PILOT)
    policy = CasbinPolicy(tmp_path)
    path.write_text(PILOT.replace("hub", "zone"))
    os.utime(path, ns=(1, 1))
    assert not policy.scope(caller("pilot"), "read").allows(HUB)


def test_a_change_to_something_wrong_lets_nobody_in_until_it_is_put_right(tmp_path: Path) -> None:
    path = tmp_path / "roles.csv"
    path.write_text(PILOT)
    policy = CasbinPolicy(tmp_path)
    rewrite(path, PILOT.replace("hub", "hu*"))
    for ask in (
        lambda: policy.scope(caller("pilot"), "read"), lambda: policy.may(caller("pilot"), "audit"),
        lambda: policy.explain(caller("pilot"), "read", HUB), policy.roles,
    ):  # fmt: skip
        with pytest.raises(SettingsInvalid, match=r"roles\.csv, line 1: kind 'hu\*'"):
            ask()
    rewrite(path, PILOT)
    assert policy.scope(caller("pilot"), "read").allows(HUB)


def test_a_folder_without_lines_and_lines_that_stand_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no policy"):
        CasbinPolicy(tmp_path)
    (tmp_path / "a.csv").write_text(PILOT)
    (tmp_path / "b.csv").write_text(f"# again\n{PILOT}")
    with pytest.raises(SettingsInvalid, match=r"b\.csv, line 2: .* a\.csv, line 1"):
        CasbinPolicy(tmp_path)
    (tmp_path / "b.csv").write_bytes(b"p, \xff")
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        CasbinPolicy(tmp_path)


# ---------------------------------------------------------------- what is shipped


def shipped() -> list[Grant]:
    lines = read_lines((SHIPPED / "roles.csv").read_text(), "roles.csv")
    return [line for line in lines if isinstance(line, Grant)]


KINDS = ["system", "zone", "hub", "aggregate", "node", "interface", "border", "area", "reserve_zone", "constraint",
         "unit", "platform"]  # fmt: skip


def test_a_caiso_pilot_sees_hubs_and_nothing_else() -> None:
    policy = CasbinPolicy()
    for action in OF_SERIES:
        scope = policy.scope(caller("pilot"), action)
        seen = {
            (market, kind)
            for market in ("caiso", "miso", "pjm")
            for kind in KINDS
            if scope.allows(SeriesId(market, "day_ahead", "price", kind, "TH_NP15_GEN-APND"))
        }
        assert seen == {("caiso", "hub")}, action
    assert not any(policy.may(caller("pilot"), action) for action in ("audit", "administer"))


def test_what_the_other_roles_may() -> None:
    policy = CasbinPolicy()
    found = {role: {a for a in ACTIONS if policy.may(caller(role), a)} for role in policy.roles()}
    assert found == {
        "admin": {"read", "export", "stream", "audit", "administer"},
        "analyst": {"read", "export", "stream"},
        "auditor": {"audit"},
        "pilot": {"read", "export", "stream"},
    }
    for role, sees in (
        ("admin", [HUB, NODE, EXAA]),
        ("analyst", [HUB, NODE, EXAA]),
        ("auditor", []),
    ):
        assert policy.scope(caller(role), "read").filter([HUB, NODE, EXAA]) == sees


@pytest.mark.parametrize("line", shipped(), ids=lambda line: line.rule.text)
def test_every_line_that_is_shipped_decides_something(line: Grant, tmp_path: Path) -> None:
    """Without it, somebody may not do what they may do with it; and it leaves something refused."""
    others = [one.rule.text for one in shipped() if one != line]
    (tmp_path / "roles.csv").write_text("\n".join(others))
    without, whole = CasbinPolicy(tmp_path), CasbinPolicy()
    who = caller(line.role)
    asked = [(action, series) for action in OF_SERIES for series in (HUB, NODE, EXAA)]
    asked += [("audit", None), ("administer", None)]  # type: ignore[list-item]
    granted = [one for one in asked if whole.explain(who, *one).allowed]
    assert len([one for one in asked if without.explain(who, *one).allowed]) < len(granted)
    assert line.role == "admin" or len(granted) < len(asked)


# ---------------------------------------------------------------- scopes against Casbin's own decisions


MARKETS, RUNS, MEASURES, KINDS = (
    ["caiso", "miso"],
    ["day_ahead"],
    ["price", "load"],
    ["hub", "node"],
)
LOCATIONS = ["A", "A*", "A*B", "AXB", "[A]", "MID-ATL/APS", "?", "ä,b", '"', " x"]
ROLES, TENANTS = ["one", "two"], ["acme", "globex"]


def or_any(words: list[str]) -> st.SearchStrategy[str]:
    """Any, mostly: lines that are about nothing in question would test nothing."""
    return st.sampled_from(["*"] * 4 * len(words) + words)


grants = st.tuples(
    st.just("p"), st.sampled_from(ROLES), or_any(TENANTS), or_any(["read"]), or_any(MARKETS), or_any(RUNS),
    or_any(MEASURES), or_any(KINDS), or_any([escape(one) for one in LOCATIONS]),
    st.sampled_from(["allow", "allow", "deny"]),
)  # fmt: skip
inclusions = st.tuples(
    st.just("g"), st.sampled_from(ROLES), st.sampled_from(ROLES), or_any(TENANTS)
)
every_series = st.builds(
    SeriesId, st.sampled_from(MARKETS), st.sampled_from([*RUNS, "day_ahead-exaa"]), st.sampled_from(MEASURES),
    st.sampled_from([*KINDS, "zone"]), st.sampled_from(LOCATIONS),
)  # fmt: skip


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    lines=st.lists(
        st.one_of(grants, grants, grants, inclusions), min_size=4, max_size=10, unique=True
    ),
    asked=st.lists(every_series, min_size=4, max_size=8),
    roles=st.lists(st.sampled_from(ROLES), min_size=1, max_size=2, unique=True),
    tenant=st.sampled_from(TENANTS),
    action=st.sampled_from(["read", "export"]),
)
def test_a_scope_shows_exactly_what_casbin_allows(
    lines: list[tuple[str, ...]], asked: list[SeriesId], roles: list[str], tenant: str, action: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    folder = tmp_path_factory.getbasetemp() / "property"
    folder.mkdir(exist_ok=True)
    (folder / "lines.csv").write_text("\n".join(", ".join(line) for line in lines))
    policy, who = CasbinPolicy(folder), caller(*roles, tenant=tenant)
    decided = [one for one in asked if policy.explain(who, action, one).allowed]
    scope = policy.scope(who, action)
    assert [one for one in asked if scope.allows(one)] == decided
    assert scope.filter(asked) == decided
    by_hand = [
        one
        for one in asked
        if any(pattern.matches(one) for pattern in scope.allow)
        and not any(pattern.matches(one) for pattern in scope.deny)
    ]
    assert by_hand == decided
    naive = LinesPolicy("\n".join(", ".join(line) for line in lines))
    assert naive.scope(who, action).filter(asked) == decided
    seen = [one for one in asked if Scope(scope.allow).allows(one)]
    _LOOKED_AT.update(
        allowed=bool(decided), refused=len(decided) < len(asked), denied=len(decided) < len(seen)
    )


_LOOKED_AT: Counter[str] = Counter()


def test_the_property_was_looked_at_where_it_matters() -> None:
    """In the examples above something was allowed, refused, and denied in spite of an allow: often enough."""
    if not _LOOKED_AT:
        pytest.skip("the property itself was not run")
    assert min(_LOOKED_AT[what] for what in ("allowed", "refused", "denied")) >= 15, _LOOKED_AT
