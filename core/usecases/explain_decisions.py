"""Why a call was refused, and who did what: what a principal may read of the audit log."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from carbon254.core.domain.audit import Kept
from carbon254.core.domain.decisions import Decision
from carbon254.core.domain.entitlements import HOUSE, OWNER, Principal
from carbon254.core.domain.errors import NotEntitled, NotFound
from carbon254.ports.audit import AuditLog, AuditQuestion
from carbon254.ports.policy import Policy


@frozen
class ExplainDecisions:
    """The use case behind ``GET /v1/decisions/{id}``, ``GET /v1/audit`` and ``carbon254 audit list``.

    Who may ``audit`` reads the entries of the own tenant, and those of all tenants when it is the house's; everybody
    reads the own decisions.
    """

    audit: AuditLog
    policy: Policy

    def run(self, decision: str, principal: Principal) -> Decision:
        """A decision by its id. Raises `NotFound` where there is none, or none that the principal may read."""
        found = self.audit.entries(AuditQuestion(decision=decision, limit=1))
        told = found[0].entry.decision if found else None
        if told is None or not self._may_read(principal, told):
            raise NotFound(f"there is no decision '{decision}' of yours.")
        return told

    def _may_read(self, principal: Principal, told: Decision) -> bool:
        own = (told.principal, told.tenant) == (principal.name, principal.tenant)
        if own or principal == OWNER:
            return True
        same = principal.tenant in (HOUSE, told.tenant)
        return same and self.policy.may(principal, "audit")

    def entries(self, question: AuditQuestion, principal: Principal) -> Sequence[Kept]:
        """Entries of the audit log that the principal may read. Raises `NotEntitled` without the right to audit."""
        if principal != OWNER and not self.policy.may(principal, "audit"):
            raise NotEntitled(f"{principal.name} may not audit.")
        if principal.tenant == HOUSE:
            return self.audit.entries(question)
        if question.tenant not in (None, principal.tenant):
            return ()
        return self.audit.entries(evolve(question, tenant=principal.tenant))
