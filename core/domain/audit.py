"""What the audit log keeps: one entry when a call starts, one when it is finished, both signed for by the log's tree.

The written form of an entry is what the tree hashes: JSON with sorted keys and no spaces, text, whole numbers, true
and false only, instants as ISO 8601 in UTC. Secrets never stand in it; where one must be found again, its HMAC does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from attrs import field, frozen

from carbon254.core.domain.decisions import Decision, Rule
from carbon254.core.domain.errors import DocumentDamaged, InvalidRequest
from carbon254.core.domain.time import format_instant, parse_instant, utc

Kind = Literal["started", "finished", "refused"]
Fact = str | int | bool
LONGEST: Final = 2048  # characters of a text in an entry; a longer one is cut, and says so
_WRITTEN: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode
_TEXTS: Final = ("kind", "call", "principal", "tenant", "key", "action", "target", "door", "request_id", "trace",
                 "outcome")  # fmt: skip


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _plain(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    if not facts:
        return {}
    for name, fact in facts.items():
        if not isinstance(fact, str | int):
            raise InvalidRequest(
                f"audit fact '{name}': text, a whole number, true or false, not {fact!r}."
            )
    return {name: _cut(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}


@frozen
class AuditEntry:
    """One line of the log. ``call`` ties what was started to what was finished; ``outcome`` is ``ok`` or a code."""

    kind: str
    at: datetime = field(converter=utc)
    call: str
    principal: str
    tenant: str
    action: str
    target: str = field(converter=_cut)
    door: str = ""
    key: str = ""
    request_id: str = field(default="", converter=_cut)
    trace: str = field(default="", converter=_cut)
    outcome: str = ""
    roles: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    facts: Mapping[str, Fact] = field(factory=dict, converter=_plain)
    decision: Decision | None = None


@frozen
class Kept:
    """An entry as the log keeps it: its place from 0, its written form, its leaf's hash, the root up to and with it."""

    index: int
    body: bytes
    leaf: bytes = field(repr=False)
    root: bytes = field(repr=False)

    @property
    def entry(self) -> AuditEntry:
        """The entry, read. Raises `DocumentDamaged`."""
        return decode(self.body)


def canonical(value: Mapping[str, Any]) -> bytes:
    """The written form of plain values. Raises `TypeError` or `ValueError` for what JSON has not."""
    return _WRITTEN(value).encode()


def encode(entry: AuditEntry) -> bytes:
    """The written form of an entry; empty facts are left out."""
    plain: dict[str, Any] = {name: text for name in _TEXTS if (text := getattr(entry, name)) != ""}
    plain |= {"v": 1, "at": format_instant(entry.at)}
    if entry.roles:
        plain["roles"] = list(entry.roles)
    if entry.facts:
        plain["facts"] = dict(entry.facts)
    if entry.decision is not None:
        plain["decision"] = _of_decision(entry.decision)
    return canonical(plain)


def _of_decision(decision: Decision) -> dict[str, Any]:
    """What the entry does not say already."""
    return {
        "id": decision.id, "series": _cut(decision.series), "changed_by": decision.changed_by,
        "rules": [[rule.where, rule.text, rule.allows] for rule in decision.rules],
    }  # fmt: skip


def decode(body: bytes) -> AuditEntry:
    """Read what `encode` wrote. Raises `DocumentDamaged`."""
    try:
        plain = json.loads(body)
        texts = {name: plain.get(name, "") for name in _TEXTS}
        entry = AuditEntry(
            at=parse_instant(plain["at"]), roles=plain.get("roles", ()), facts=plain.get("facts", {}), **texts
        )  # fmt: skip
        return _with_decision(entry, plain["decision"]) if "decision" in plain else entry
    except (ValueError, KeyError, TypeError, AttributeError, InvalidRequest) as error:
        raise DocumentDamaged(
            f"an audit entry cannot be read ({error}): 'carbon254 audit verify' names it."
        ) from None


def _with_decision(entry: AuditEntry, told: Mapping[str, Any]) -> AuditEntry:
    from attrs import evolve

    rules = tuple(Rule(*rule) for rule in told["rules"])
    return evolve(entry, decision=Decision(
        told["id"], entry.at, entry.principal, entry.tenant, entry.roles, entry.action, entry.target, told["series"],
        entry.outcome, rules, told["changed_by"], entry.request_id,
    ))  # fmt: skip
