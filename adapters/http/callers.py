"""What callers may ask about themselves, why something was refused, and what auditors may read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import falcon

from carbon254.adapters.http.cursors import Pinned
from carbon254.adapters.http.door import Door, Made
from carbon254.adapters.http.encoders import plain_json
from carbon254.adapters.http.parameters import AuditAsked, NothingAsked
from carbon254.adapters.http.tables import Cells, counts, moments, texts
from carbon254.core.domain.audit import Kept
from carbon254.core.domain.entitlements import Principal, Scope, SeriesPattern
from carbon254.core.domain.schemas import plain
from carbon254.core.usecases.explain_decisions import ExplainDecisions
from carbon254.ports.audit import AuditQuestion

_OF_SERIES: Final = ("read", "export", "stream")
_TEXTS: Final = (
    "kind", "call", "principal", "tenant", "key", "action", "target", "door", "request_id", "trace", "outcome",
)  # fmt: skip


class Me:
    """The caller."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Who the key speaks for, what it shows, and how often it may ask."""
        call, form = self._door.call(request, response)
        with call:
            who = call.principal
            head = {
                "principal": who.name, "tenant": who.tenant, "roles": list(who.roles), "key": who.key,
                "scopes": {action: self._scope(who, action) for action in _OF_SERIES},
                "limits": {"requests": self._door.limiter.quota, "seconds": self._door.limiter.window},
            }  # fmt: skip
            self._door.give(
                request, response, call, form, NothingAsked, lambda *_: Made(head), keep=False
            )

    def _scope(self, who: Principal, action: str) -> dict[str, list[str]]:
        scope = self._door.admit.scope(who, action)
        return {"allow": _written(scope.allow), "deny": _written(scope.deny)}


def _written(patterns: Sequence[SeriesPattern]) -> list[str]:
    return [
        "/".join((one.market, one.run, one.measure, one.kind, one.location)) for one in patterns
    ]


class Decisions:
    """Refusals, explained."""

    def __init__(self, door: Door, decisions: ExplainDecisions) -> None:
        self._door, self._decisions = door, decisions

    def on_get(self, request: falcon.Request, response: falcon.Response, decision: str) -> None:
        """Which rule refused a call, to whoever was refused and to auditors."""
        call, form = self._door.call(request, response)
        with call:
            found = self._decisions.run(decision, call.principal)
            head = {**plain(found), "reason": found.reason}
            self._door.give(
                request, response, call, form, NothingAsked, lambda *_: Made(head), keep=False
            )


class Audits:
    """The audit log, for auditors."""

    def __init__(self, door: Door, decisions: ExplainDecisions) -> None:
        self._door, self._decisions = door, decisions

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Entries, newest first."""
        call, form = self._door.call(request, response, table=True, action="audit")
        with call:
            who = call.principal

            def make(asked: AuditAsked, pinned: Pinned, scope: Scope) -> Made:
                question = AuditQuestion(
                    pinned.after[0] if pinned.after else None, asked.limit + 1, True, asked.principal, asked.tenant,
                    asked.call, asked.decision, asked.since,
                )  # fmt: skip
                found = self._decisions.entries(question, who)
                place = (found[asked.limit - 1].index,) if len(found) > asked.limit else None
                return Made({}, _table(found[: asked.limit]), place)

            self._door.give(request, response, call, form, AuditAsked, make, keep=False)


def _table(found: Sequence[Kept]) -> dict[str, Cells]:
    entries = [one.entry for one in found]
    return {
        "index": counts([one.index for one in found]),
        "at": moments([one.at for one in entries]),
        **{name: texts([getattr(one, name) for one in entries]) for name in _TEXTS},
        "roles": texts(["|".join(one.roles) for one in entries]),
        "facts": texts([_facts(one.facts) for one in entries]),
        "decision": texts([one.decision.id if one.decision else None for one in entries]),
    }


def _facts(facts: Any) -> str:
    return plain_json(dict(facts)).decode()
