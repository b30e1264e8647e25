"""Why something was allowed or refused: the lines of the policy that decided, or that none allowed it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from attrs import field, frozen

DEFAULT_DENY: Final = "no line of the policy allows it"


@frozen
class Rule:
    """A line of a policy, or a fact of a market's card, that decided: where it stands and what it says."""

    where: str  # as in "roles.csv, line 7"
    text: str
    allows: bool


@frozen
class Ruling:
    """What the policy says to a question, and why. Without rules nothing allowed it: default deny."""

    allowed: bool
    rules: tuple[Rule, ...] = field(default=(), converter=tuple[Rule, ...])

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        return "; ".join(f"{rule.where}: {rule.text}" for rule in self.rules) or DEFAULT_DENY


@frozen
class Decision:
    """A refusal that was recorded: who asked for what, when, and which rules refused it."""

    id: str
    at: datetime
    principal: str
    tenant: str
    roles: tuple[str, ...]
    action: str
    target: str  # what was asked for, as the door names it
    series: str  # "" where no single series was asked for
    code: str  # the stable code of the refusal
    rules: tuple[Rule, ...] = field(converter=tuple[Rule, ...])
    changed_by: str = ""  # who can change it
    request_id: str = ""

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        return Ruling(False, self.rules).reason
