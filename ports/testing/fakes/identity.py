"""Keys in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from attrs import evolve

from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.time import utc
from carbon254.ports.identity import ApiKey, check_room


class MemoryKeyStore:
    """Keeps keys in a dict; loses them when the process ends."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}
        self._guard = threading.Lock()

    def add(self, key: ApiKey) -> None:
        with self._guard:
            whose = (key.principal, key.tenant)
            check_room(
                key, [one for one in self._keys.values() if (one.principal, one.tenant) == whose]
            )
            self._keys[key.id] = evolve(
                key, created_at=utc(key.created_at), expires_at=utc(key.expires_at)
            )

    def find(self, public_id: str) -> ApiKey | None:
        return self._keys.get(public_id)

    def all(self) -> Sequence[ApiKey]:
        return sorted(self._keys.values(), key=lambda key: (key.created_at, key.id))

    def revoke(self, public_id: str, at: datetime) -> ApiKey:
        with self._guard:
            held = self._keys.get(public_id)
            if held is None:
                raise NotFound(f"there is no key {public_id}.")
            self._keys[public_id] = evolve(held, revoked_at=held.revoked_at or utc(at))
            return self._keys[public_id]
