"""Making, listing and ending API keys; every change is audited as a call of whoever makes it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from attrs import field, frozen

from carbon254.core.domain.entitlements import HOUSE, OWNER, Principal
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.policies import TENANT
from carbon254.core.usecases.admit_calls import AdmitCalls, digest_of
from carbon254.ports.identity import VALID_AT_A_TIME, ApiKey

LIFE: Final = timedelta(days=90)
_LONGEST: Final = timedelta(days=3660)
_NAME: Final = TENANT  # principals are named like tenants


@frozen
class MadeKey:
    """A new key with its token, which is shown now and never again."""

    key: ApiKey
    token: str = field(repr=False)


@frozen
class ManageKeys:
    """The use case behind ``carbon254 keys``."""

    admit: AdmitCalls
    random: Callable[[int], bytes] = secrets.token_bytes

    def create(
        self,
        role: str,
        principal: str,
        *,
        tenant: str = HOUSE,
        life: timedelta = LIFE,
        by: Principal = OWNER,
        door: str = "cli",
        request_id: str = "",
    ) -> MadeKey:
        """Make a key for a principal, valid from now for ``life``.

        Raises `InvalidRequest` for a name, role or life that cannot be, `Conflict` where the principal holds two valid
        keys, `NotEntitled` where ``by`` may not administer.
        """
        target = f"keys create {role} {principal} of {tenant}"
        with self.admit.call(by, "administer", target, door=door, request_id=request_id) as call:
            self._check(role, principal, tenant, life)
            made = self._made(role, principal, tenant, life)
            self.admit.keys.add(made.key)
            call.facts["made"] = made.key.id
            return made

    def _check(self, role: str, principal: str, tenant: str, life: timedelta) -> None:
        known = self.admit.policy.roles()
        if role not in known:
            raise InvalidRequest(f"role '{role}': the policy knows {', '.join(known)}.")
        for what, name in (("principal", principal), ("tenant", tenant)):
            if not _NAME.fullmatch(name):
                raise InvalidRequest(
                    f"{what} '{name}': a-z, 0-9, '_', '-' and '.', at most 64, are allowed."
                )
        if not timedelta(0) < life <= _LONGEST:
            raise InvalidRequest(f"a key lives up to {_LONGEST.days} days, as in P90D.")

    def _made(self, role: str, principal: str, tenant: str, life: timedelta) -> MadeKey:
        public, secret, now = self.random(6).hex(), self.random(32).hex(), self.admit.clock.now()
        key = ApiKey(public, digest_of(secret), principal, tenant, (role,), now, now + life)
        return MadeKey(key, f"c254_{public}_{secret}")

    def list(
        self, *, by: Principal = OWNER, door: str = "cli", request_id: str = ""
    ) -> Sequence[ApiKey]:
        """All keys, oldest first, without their secrets."""
        with self.admit.call(by, "administer", "keys list", door=door, request_id=request_id):
            return self.admit.keys.all()

    def replace(self, role: str, principal: str, *, tenant: str = HOUSE) -> MadeKey:
        """Make a new key for a principal, ending the older one of two that are valid; the newer one stays valid."""
        now = self.admit.clock.now()
        held = [
            key
            for key in self.admit.keys.all()
            if (key.principal, key.tenant) == (principal, tenant) and key.valid(now)
        ]
        for key in held[: len(held) + 1 - VALID_AT_A_TIME]:
            self.revoke(key.id)
        return self.create(role, principal, tenant=tenant)

    def revoke(
        self, key_id: str, *, by: Principal = OWNER, door: str = "cli", request_id: str = ""
    ) -> ApiKey:
        """End a key: the very next request with it is refused. Raises `NotFound`, `NotEntitled`."""
        target = f"keys revoke {key_id}"
        with self.admit.call(by, "administer", target, door=door, request_id=request_id):
            return self.admit.keys.revoke(key_id, self.admit.clock.now())
