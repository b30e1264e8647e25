"""The contract of `KeyStore`: every adapter, and the fake, passes all of it.

A subclass gives a fixture ``keys``: a fresh, empty store.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from carbon254.core.domain.errors import Conflict, NotFound
from carbon254.ports.identity import ApiKey, KeyStore

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def api_key(name: str = "a1", at: datetime = NOON, **other: Any) -> ApiKey:
    """A key that is valid for a day."""
    facts: dict[str, Any] = {
        "principal": "alice", "tenant": "acme", "roles": ("pilot",), "created_at": at, "expires_at": at + DAY,
    } | other  # fmt: skip
    return ApiKey(id=name, digest=f"digest of {name}", **facts)


class KeyStoreSuite:
    """What `KeyStore` promises."""

    def test_a_key_comes_back_whole(self, keys: KeyStore) -> None:
        made = api_key(roles=("analyst", "auditor"))
        keys.add(made)
        assert keys.find("a1") == made
        assert list(keys.all()) == [made]

    def test_a_key_that_was_never_made_is_none(self, keys: KeyStore) -> None:
        assert keys.find("a1") is None
        keys.add(api_key())
        assert keys.find("a2") is None
        assert keys.find("A1") is None
        assert keys.find("") is None

    def test_instants_are_utc_wherever_they_came_from(self, keys: KeyStore) -> None:
        paris = timezone(timedelta(hours=1))
        keys.add(api_key(at=NOON.astimezone(paris)))
        keys.revoke("a1", (NOON + DAY / 2).astimezone(paris))
        found = keys.find("a1")
        assert found is not None
        assert found.revoked_at is not None
        for moment in (found.created_at, found.expires_at, found.revoked_at):
            assert moment.utcoffset() == timedelta(0)
        assert (found.created_at, found.revoked_at) == (NOON, NOON + DAY / 2)

    def test_a_principal_holds_two_valid_keys_and_no_third(self, keys: KeyStore) -> None:
        keys.add(api_key("a1"))
        keys.add(api_key("a2"))
        with pytest.raises(Conflict, match="a1 and a2"):
            keys.add(api_key("a3"))
        assert keys.find("a3") is None

    def test_others_of_that_name_and_others_of_that_tenant_have_their_own(
        self, keys: KeyStore
    ) -> None:
        for name in ("a1", "a2"):
            keys.add(api_key(name))
        keys.add(api_key("b1", tenant="globex"))
        keys.add(api_key("c1", principal="bob"))
        assert [key.id for key in keys.all()] == ["a1", "a2", "b1", "c1"]

    def test_a_revoked_and_an_expired_key_make_room(self, keys: KeyStore) -> None:
        for name in ("a1", "a2"):
            keys.add(api_key(name))
        keys.revoke("a1", NOON)
        keys.add(api_key("a3"))
        with pytest.raises(Conflict):
            keys.add(api_key("a4", NOON + DAY - timedelta(microseconds=1)))
        keys.add(api_key("a4", NOON + DAY))

    def test_an_end_is_seen_at_once_and_for_ever(self, keys: KeyStore) -> None:
        keys.add(api_key())
        assert keys.find("a1").valid(NOON)  # type: ignore[union-attr]
        ended = keys.revoke("a1", NOON + DAY / 2)
        assert ended.revoked_at == NOON + DAY / 2
        assert keys.find("a1") == ended
        assert not ended.valid(NOON + DAY / 2)
        assert keys.revoke("a1", NOON + DAY) == ended

    def test_an_unknown_key_cannot_be_ended(self, keys: KeyStore) -> None:
        with pytest.raises(NotFound, match="a9"):
            keys.revoke("a9", NOON)

    def test_a_key_is_valid_until_the_instant_at_which_it_expires(self, keys: KeyStore) -> None:
        keys.add(api_key())
        found = keys.find("a1")
        assert found is not None
        assert found.valid(NOON + DAY - timedelta(microseconds=1))
        assert not found.valid(NOON + DAY)

    def test_many_that_ask_at_once_get_two(self, keys: KeyStore) -> None:
        refused = []

        def ask(number: int) -> None:
            try:
                keys.add(api_key(f"a{number}"))
            except Conflict:
                refused.append(number)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(keys.all()), len(refused)) == (2, 3)
