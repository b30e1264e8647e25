"""The contract of `Policy`: every adapter, and the fake, passes all of it.

A subclass gives a fixture ``policy_of``: a policy that is made of the lines of a text, in one file.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from carbon254.core.domain.entitlements import OF_SERIES, Principal
from carbon254.core.domain.errors import SettingsInvalid
from carbon254.core.domain.series import SeriesId
from carbon254.ports.policy import Policy

HUB = SeriesId.parse("caiso/day_ahead/price/hub/TH_NP15_GEN-APND")
NODE = SeriesId.parse("caiso/day_ahead/price/node/ACCORD_1_N001")
EXAA = SeriesId.parse("entsoe/day_ahead-exaa/price/zone/10Y1001A1001A82H")
STAR = SeriesId("caiso", "day_ahead", "price", "node", "A*1")
LIKE_STAR = SeriesId("caiso", "day_ahead", "price", "node", "ABC1")

LINES = """
p, pilot, *, read, caiso, *, *, hub, *, allow
p, analyst, *, read, *, *, *, *, *, allow
p, analyst, acme, read, caiso, *, *, *, *, deny
p, narrow, *, read, caiso, day_ahead, price, node, A=2A1, allow
p, auditor, *, audit, *, *, *, *, *, allow
g, chief, analyst, acme
g, boss, chief, *
"""
PolicyOf = Callable[[str], Policy]


def caller(*roles: str, tenant: str = "acme") -> Principal:
    """Somebody with these roles."""
    return Principal("somebody", tenant, roles)


class PolicySuite:
    """What `Policy` promises."""

    @pytest.fixture
    def policy(self, policy_of: PolicyOf) -> Policy:
        return policy_of(LINES)

    def test_nothing_is_allowed_that_no_line_allows(self, policy: Policy) -> None:
        assert policy.scope(caller("pilot"), "read").filter([HUB, NODE, EXAA]) == [HUB]
        assert policy.scope(caller("pilot"), "export").filter([HUB]) == []
        assert policy.scope(caller("nobody"), "read").filter([HUB]) == []
        assert policy.scope(caller(), "read").filter([HUB]) == []
        assert not policy.may(caller("pilot"), "export")
        assert not policy.may(caller("pilot"), "wonder")
        assert not policy.scope(caller("pilot"), "wonder").allows(HUB)

    def test_a_deny_wins_and_holds_for_its_tenant_alone(self, policy: Policy) -> None:
        assert policy.scope(caller("analyst"), "read").filter([HUB, EXAA]) == [EXAA]
        other = caller("analyst", tenant="globex")
        assert policy.scope(other, "read").filter([HUB, EXAA]) == [HUB, EXAA]

    def test_a_deny_of_one_role_beats_the_allow_of_another(self, policy: Policy) -> None:
        both = caller("pilot", "analyst")
        assert not policy.scope(both, "read").allows(HUB)
        assert not policy.explain(both, "read", HUB).allowed

    def test_a_location_with_a_star_is_that_location(self, policy: Policy) -> None:
        narrow = caller("narrow")
        assert policy.scope(narrow, "read").filter([STAR, LIKE_STAR]) == [STAR]
        assert policy.explain(narrow, "read", STAR).allowed
        assert not policy.explain(narrow, "read", LIKE_STAR).allowed

    def test_a_role_does_what_it_includes_where_the_line_says_so(self, policy: Policy) -> None:
        assert policy.scope(caller("chief"), "read").allows(EXAA)
        assert not policy.scope(caller("chief", tenant="globex"), "read").allows(EXAA)
        assert policy.scope(caller("boss"), "read").allows(EXAA)
        assert not policy.scope(caller("boss"), "read").allows(HUB)

    def test_actions_without_series_are_allowed_or_not(self, policy: Policy) -> None:
        assert policy.may(caller("auditor"), "audit")
        assert not policy.may(caller("auditor"), "administer")
        assert not policy.may(caller("analyst"), "audit")
        assert not policy.may(caller("auditor"), "read")
        assert policy.may(caller("analyst"), "read")

    def test_a_ruling_names_the_line(self, policy: Policy) -> None:
        granted = policy.explain(caller("pilot"), "read", HUB)
        assert granted.allowed
        assert [rule.text for rule in granted.rules] == [
            "p, pilot, *, read, caiso, *, *, hub, *, allow"
        ]
        denied = policy.explain(caller("analyst"), "read", HUB)
        assert not denied.allowed
        assert [(rule.text, rule.allows) for rule in denied.rules] == [
            ("p, analyst, acme, read, caiso, *, *, *, *, deny", False)
        ]
        assert denied.rules[0].where.endswith("line 4")

    def test_without_a_line_it_is_the_default_that_denies(self, policy: Policy) -> None:
        ruling = policy.explain(caller("pilot"), "read", NODE)
        assert (ruling.allowed, ruling.rules) == (False, ())
        assert ruling.reason == "no line of the policy allows it"
        assert not policy.explain(caller("pilot"), "audit", None).allowed
        assert not policy.explain(caller("pilot"), "export", None).allowed
        assert policy.explain(caller("auditor"), "audit", None).allowed

    def test_scopes_and_rulings_agree(self, policy: Policy) -> None:
        for role in policy.roles():
            for action in OF_SERIES:
                for series in (HUB, NODE, EXAA, STAR, LIKE_STAR):
                    seen = policy.scope(caller(role), action).allows(series)
                    assert policy.explain(caller(role), action, series).allowed is seen

    def test_the_roles_are_those_of_the_lines(self, policy: Policy) -> None:
        assert list(policy.roles()) == ["analyst", "auditor", "boss", "chief", "narrow", "pilot"]

    def test_a_wrong_line_is_refused_and_named(self, policy_of: PolicyOf) -> None:
        wrong = LINES + "p, pilot, *, read, caiso, *, *, hubs, *, allow\n"
        with pytest.raises(SettingsInvalid, match=r"line 9: kind 'hubs'"):
            policy_of(wrong).roles()
