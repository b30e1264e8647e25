"""What every principal may read of the streams, as a message server is to be told."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from carbon254.core.domain.entitlements import Principal, Scope
from carbon254.core.domain.grants import StreamGrant, grants_of
from carbon254.core.usecases.admit_calls import AdmitCalls
from carbon254.ports.identity import ApiKey


@frozen
class Reader:
    """A principal and what it may read."""

    principal: Principal
    grants: tuple[StreamGrant, ...]

    @property
    def subjects(self) -> tuple[str, ...]:
        """Every subject that is granted."""
        return tuple(subject for grant in self.grants for subject in grant.subjects)


@frozen
class GrantStreams:
    """The use case: grants follow the policy, markets that forbid redistribution are left out, all is audited."""

    admit: AdmitCalls

    def one(self, principal: Principal, target: str, *, request_id: str = "") -> Reader:
        """What one principal may read; the call is audited with the subjects that it was granted.

        Raises `NotEntitled` where it may not subscribe at all, `AuditUnavailable`: then nothing is granted.
        """
        with self.admit.call(
            principal, "stream", target, door="nats", request_id=request_id
        ) as call:
            found = Reader(principal, grants_of(call.scope, self.admit.cards()))
            call.facts["subjects"] = " ".join(found.subjects)
            return found

    def everyone(self, target: str, *, request_id: str = "") -> Sequence[Reader]:
        """All who hold a valid key and may subscribe, in the order of their names; each grant is audited."""
        return [self.one(reader.principal, target, request_id=request_id) for reader in self.plan()]

    def plan(self) -> Sequence[Reader]:
        """The same, granting nothing: for a server that must know its accounts before anybody comes."""
        cards = self.admit.cards()
        return [Reader(who, grants_of(scope, cards)) for who, scope in self.scopes()]

    def scopes(self) -> Sequence[tuple[Principal, Scope]]:
        """Who holds a valid key and may subscribe, with the scope from which grants are made."""
        return [
            (principal, self.admit.scope(principal, "stream"))
            for principal in self._principals()
            if self.admit.policy.may(principal, "stream")
        ]

    def valid_keys(self) -> Sequence[ApiKey]:
        """The keys that are valid now, oldest first."""
        now = self.admit.clock.now()
        return [key for key in self.admit.keys.all() if key.valid(now)]

    def _principals(self) -> Sequence[Principal]:
        """Who holds a valid key, with the roles of the newest."""
        found = {
            (key.tenant, key.principal): Principal(key.principal, key.tenant, key.roles)
            for key in self.valid_keys()
        }
        return [found[name] for name in sorted(found)]
