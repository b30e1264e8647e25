"""The key stores against the contract of `KeyStore`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from carbon254.adapters.sqlmodel.keys import SqlKeyStore
from carbon254.adapters.sqlmodel.postgres import PostgresRecordStore
from carbon254.adapters.sqlmodel.sqlite import SqliteRecordStore
from carbon254.core.domain.errors import StoreUnavailable
from carbon254.ports.testing.fakes.identity import MemoryKeyStore
from carbon254.ports.testing.identity import NOON, KeyStoreSuite, api_key
from carbon254.ports.testing.servers import PostgresServer


class TestMemory(KeyStoreSuite):
    @pytest.fixture
    def keys(self) -> MemoryKeyStore:
        return MemoryKeyStore()


class Durable(KeyStoreSuite):
    """What a database adds; ``open_keys`` opens the same one again, as another process would."""

    @pytest.fixture
    def keys(self, open_keys: Callable[[], SqlKeyStore]) -> SqlKeyStore:
        return open_keys()

    def test_what_one_process_ends_the_next_look_of_another_sees(
        self, open_keys: Callable[[], SqlKeyStore]
    ) -> None:
        one, other = open_keys(), open_keys()
        one.add(api_key())
        assert other.find("a1") == api_key()
        one.revoke("a1", NOON)
        found = other.find("a1")
        assert found is not None
        assert found.revoked_at == NOON


def stores(make: Callable[[], Any]) -> Iterator[Callable[[], SqlKeyStore]]:
    opened = []

    def open_keys() -> SqlKeyStore:
        opened.append(make())
        return opened[-1].keys()

    yield open_keys
    for store in opened:
        store.close()


class TestSqlite(Durable):
    @pytest.fixture
    def open_keys(self, tmp_path: Path) -> Iterator[Callable[[], SqlKeyStore]]:
        yield from stores(lambda: SqliteRecordStore(tmp_path / "records.sqlite"))

    def test_the_secret_is_in_no_file(self, keys: SqlKeyStore, tmp_path: Path) -> None:
        keys.add(api_key(principal="somebody-to-find"))
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"somebody-to-find" in held
        assert b"digest of a1" in held  # and of the secret nothing else was ever handed over


@pytest.mark.postgres
class TestPostgres(Durable):
    @pytest.fixture
    def open_keys(
        self, postgres_server: PostgresServer, postgres_schema: str
    ) -> Iterator[Callable[[], SqlKeyStore]]:
        yield from stores(lambda: PostgresRecordStore(postgres_server.dsn, schema=postgres_schema))

    def test_a_server_that_is_down_lets_nobody_in_and_is_asked_again(
        self, keys: SqlKeyStore, postgres_server: PostgresServer
    ) -> None:
        keys.add(api_key())
        postgres_server.stop()
        try:
            with pytest.raises(StoreUnavailable):
                keys.find("a1")
        finally:
            postgres_server.start()
        assert keys.find("a1") == api_key()
