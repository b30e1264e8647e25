"""Who calls, what they may do, and what is written down before and after they did it; the same for every door."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final

from attrs import define, field, frozen

from carbon254.core.domain.audit import AuditEntry, Fact
from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.decisions import Decision, Rule, Ruling
from carbon254.core.domain.entitlements import HOUSE, OWNER, Principal, Scope, SeriesPattern
from carbon254.core.domain.errors import Carbon254Error, NotEntitled, Unauthenticated
from carbon254.core.domain.series import SeriesId
from carbon254.ports.audit import AuditLog
from carbon254.ports.clock import Clock
from carbon254.ports.identity import ApiKey, KeyStore
from carbon254.ports.log import Log, silent
from carbon254.ports.policy import Policy

TOKEN: Final = re.compile(r"c254_([0-9a-f]{12})_([0-9a-f]{64})")
_SHOWN: Final = re.compile(r"(c254_[0-9a-f]{12})_[0-9A-Za-z]+")  # a key where none should be
_OUTWARD: Final = frozenset(("export", "stream"))  # what carries numbers out of the house
_TOLD: Final = {  # to who shows the right secret
    "expired": "the API key {key} has expired: ask for a new one.",
    "revoked": "the API key {key} was revoked: ask for a new one.",
}
_TELLING: Final = frozenset(("read", "export"))  # what changes nothing
_WRONG: Final = (
    "the API key is not known or not right: use one that 'carbon254 keys create' printed."
)


def digest_of(secret: str) -> str:
    """What is kept of a secret. It has 256 random bits, so that its plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(secret.encode()).hexdigest()


@frozen
class AdmitCalls:
    """The use case every door goes through: `authenticate`, then everything within a `call`.

    ``new_id`` makes ids that cannot be guessed; ``mask`` turns a secret into text by which it can be searched and not
    shown. Keys and audit live by the machine's clock, also where the data's clock is pinned.
    """

    keys: KeyStore
    policy: Policy
    audit: AuditLog
    clock: Clock
    cards: Callable[[], Mapping[str, MarketCard]]
    new_id: Callable[[], str]
    mask: Callable[[str], str]
    log: Log = silent

    def authenticate(
        self, token: str | None, *, door: str = "", target: str = "", request_id: str = ""
    ) -> Principal:
        """Who a key speaks for. Raises `Unauthenticated` without a key, for a wrong, expired or revoked one.

        Only who holds the right secret is told that a key expired or was revoked; the others cannot tell an unknown key
        from a wrong secret. A wrong use of a known key is audited; raises `AuditUnavailable` where it cannot be.
        """
        if not token:
            raise Unauthenticated("an API key is needed: send it as 'Authorization: Bearer KEY'.")
        match = TOKEN.fullmatch(token)
        key = self.keys.find(match[1]) if match else None
        right = hmac.compare_digest(
            digest_of(match[2] if match else ""), key.digest if key else digest_of("")
        )
        if key is not None and right and key.valid(self.clock.now()):
            return Principal(key.principal, key.tenant, key.roles, key.id)
        raise self._refused(key, right, token, door, target, request_id)

    def _refused(
        self, key: ApiKey | None, right: bool, token: str, door: str, target: str, request_id: str
    ) -> Unauthenticated:
        """The refusal of a key, written down where the key is known: strangers cannot fill the log."""
        why = _why_refused(key, right)
        self.log("key refused", why=why, key=key.id if key else "", door=door, request=request_id)
        if key is not None:
            self.audit.append(AuditEntry(
                "refused", self.clock.now(), self.new_id(), key.principal, key.tenant, "authenticate",
                self._masked(target), door, key.id, request_id, outcome=Unauthenticated.code, roles=key.roles,
                facts={"why": why, "secret": self.mask(token)},
            ))  # fmt: skip
        return Unauthenticated(_TOLD.get(why, _WRONG).format(key=key.id if key else ""))

    def scope(self, principal: Principal, action: str) -> Scope:
        """What the principal sees in doing this: the policy's scope, less markets whose card keeps data inside.

        Cards with redistribution ``forbidden`` are neither exported nor streamed, those with ``internal`` only to the
        house's own tenant.
        """
        if principal == OWNER:
            return Scope.everything()
        scope = self.policy.scope(principal, action)
        kept = tuple(
            SeriesPattern(name)
            for name, card in self.cards().items()
            if _stays_inside(card, principal, action)
        )
        return scope.without(kept) if kept else scope

    def explain(self, principal: Principal, action: str, series: SeriesId | None) -> Ruling:
        """Whether it is allowed and why: the card's word first, then the policy's lines."""
        if principal == OWNER:
            return Ruling(True, (Rule("the data folder", "its owner may do everything", True),))
        card = self.cards().get(series.market) if series else None
        if card is not None and _stays_inside(card, principal, action):
            word = f'redistribution = "{card.redistribution}"'
            return Ruling(False, (Rule(f"the card of {card.id}", word, False),))
        return self.policy.explain(principal, action, series)

    def call(
        self,
        principal: Principal,
        action: str,
        target: str,
        *,
        door: str,
        request_id: str,
        trace: str = "",
    ) -> Call:
        """A call, to be used in a ``with``; ``target`` is what is asked for; keys in it are masked.

        On entering, ``started`` is durable, or `AuditUnavailable` is raised and nothing happens; then `NotEntitled`
        where the principal may not do this at all. Reading is always entered: its scope may show nothing. On leaving,
        ``finished`` is durable with the outcome and its decision, or `AuditUnavailable` is raised;
        after an answer that only told numbers it follows with the next commit, and nothing begins until it is written.
        """
        return Call(
            self, principal, action, self._masked(target), door, request_id, trace, self.new_id()
        )

    def _masked(self, text: str) -> str:
        """The text with the secrets of keys that somebody put into it masked."""
        return _SHOWN.sub(lambda found: f"{found[1]}_{self.mask(found[0])}", text)


def _why_refused(key: ApiKey | None, right: bool) -> str:
    if key is None:
        return "unknown"
    if not right:
        return "wrong"
    return "revoked" if key.revoked_at else "expired"


def _stays_inside(card: MarketCard, principal: Principal, action: str) -> bool:
    kept = ("forbidden",) if principal.tenant == HOUSE else ("forbidden", "internal")
    return action in _OUTWARD and card.redistribution in kept


@define
class Call:
    """One call of a principal, from its start to its end. Facts that are added to ``facts`` are audited at its end."""

    _admit: AdmitCalls
    principal: Principal
    action: str
    target: str
    door: str
    request_id: str
    trace: str
    id: str
    scope: Scope = field(factory=Scope)
    facts: dict[str, Fact] = field(factory=dict)

    def __enter__(self) -> Call:
        self._write("started")
        try:
            self._enter()
        except Carbon254Error as error:
            self._finish(error)
            raise
        return self

    def _enter(self) -> None:
        admit, principal = self._admit, self.principal
        self.scope = admit.scope(principal, self.action)
        if self.action == "read" or principal == OWNER or admit.policy.may(principal, self.action):
            return
        raise NotEntitled(f"{principal.name} may not {self.action}.")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        outcome = "ok" if error is None else getattr(error, "code", Carbon254Error.code)
        decision = self._decide(error) if isinstance(error, NotEntitled) else None
        self._write("finished", outcome, decision)
        if decision is not None and isinstance(error, NotEntitled):
            error.decision = decision.id
        self._admit.log(
            "call finished", call=self.id, request=self.request_id, trace=self.trace, door=self.door,
            principal=self.principal.name, tenant=self.principal.tenant, action=self.action, target=self.target,
            outcome=outcome, decision=decision.id if decision else "",
        )  # fmt: skip

    def _decide(self, error: NotEntitled) -> Decision:
        series = SeriesId.parse(error.series) if error.series else None
        ruling = self._admit.explain(self.principal, self.action, series)
        who = self.principal
        return Decision(
            self._admit.new_id(), self._admit.clock.now(), who.name, who.tenant, who.roles, self.action, self.target,
            error.series, error.code, () if ruling.allowed else ruling.rules,
            f"an administrator of tenant {who.tenant}", self.request_id,
        )  # fmt: skip

    def _write(self, kind: str, outcome: str = "", decision: Decision | None = None) -> None:
        who, audit = self.principal, self._admit.audit
        write = audit.follow if outcome == "ok" and self.action in _TELLING else audit.append
        write(AuditEntry(
            kind, self._admit.clock.now(), self.id, who.name, who.tenant, self.action, self.target, self.door, who.key,
            self.request_id, self.trace, outcome, who.roles,
            self.facts if kind == "finished" else {}, decision,
        ))  # fmt: skip
