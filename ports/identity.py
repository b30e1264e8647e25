"""API keys: kept hashed, found by their public id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol

from attrs import field, frozen

from carbon254.core.domain.errors import Conflict

VALID_AT_A_TIME: Final = 2  # of one principal, so that a key can be replaced without a gap


@frozen
class ApiKey:
    """A key as it is stored: who it speaks for, and the SHA-256 of its secret. Instants are UTC."""

    id: str  # public
    digest: str = field(repr=False)  # SHA-256 of the secret, in hex
    principal: str
    tenant: str
    roles: tuple[str, ...] = field(converter=tuple[str, ...])
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    def valid(self, at: datetime) -> bool:
        """Whether it may be used at an instant."""
        return self.revoked_at is None and at < self.expires_at


def check_room(key: ApiKey, others: Iterable[ApiKey]) -> None:
    """Raise `Conflict` where a principal would hold more keys than may be valid at a time."""
    valid = [one.id for one in others if one.valid(key.created_at)]
    if len(valid) >= VALID_AT_A_TIME:
        raise Conflict(
            f"{key.principal} of {key.tenant} holds {' and '.join(sorted(valid))} already: revoke one first."
        )


class KeyStore(Protocol):
    """Keeps keys. Any number of threads and processes may use it; what one changed, the next `find` of all sees."""

    def add(self, key: ApiKey) -> None:
        """Keep a new key durably. Raises `Conflict` when its principal holds two that are valid at ``created_at``."""
        ...

    def find(self, public_id: str) -> ApiKey | None:
        """The key of this id, valid or not, or None."""
        ...

    def all(self) -> Sequence[ApiKey]:
        """All keys, oldest first."""
        ...

    def revoke(self, public_id: str, at: datetime) -> ApiKey:
        """End a key, durably; a second time changes nothing. Raises `NotFound`."""
        ...
