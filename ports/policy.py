"""The policy: what each role of a tenant may do, compiled to scopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from carbon254.core.domain.decisions import Ruling
from carbon254.core.domain.entitlements import Principal, Scope
from carbon254.core.domain.series import SeriesId


class Policy(Protocol):
    """Default deny; a deny wins over every allow. A change is in force at the next call.

    Every method raises `SettingsInvalid` that names the line when the policy was changed to something wrong.
    """

    def scope(self, principal: Principal, action: str) -> Scope:
        """Which series the principal may do this to; compiled once per roles, tenant and action."""
        ...

    def may(self, principal: Principal, action: str) -> bool:
        """Whether the principal may do this at all; the whole answer for actions that have no series."""
        ...

    def explain(self, principal: Principal, action: str, series: SeriesId | None) -> Ruling:
        """Whether it is allowed, for this series or at all, and the lines that decided."""
        ...

    def roles(self) -> Sequence[str]:
        """The roles that the policy knows, in order."""
        ...
