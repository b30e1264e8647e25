"""The record stores against the contract of `RecordStore`."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from carbon254.adapters.sqlmodel.engines import translated
from carbon254.adapters.sqlmodel.postgres import PostgresRecordStore, upgrade
from carbon254.adapters.sqlmodel.sqlite import SqliteRecordStore
from carbon254.adapters.sqlmodel.tables import METADATA
from carbon254.core.domain.errors import (
    DiskFull,
    SettingsInvalid,
    StoreBusy,
    StoreUnavailable,
)
from carbon254.ports.records import RecordStore
from carbon254.ports.testing.fakes.records import MemoryRecordStore
from carbon254.ports.testing.records import RecordStoreSuite, entry, refusal
from carbon254.ports.testing.servers import PostgresServer


class TestMemory(RecordStoreSuite):
    @pytest.fixture
    def records(self) -> MemoryRecordStore:
        return MemoryRecordStore()


class Durable(RecordStoreSuite):
    """What a store that outlives its object adds; ``open_records`` opens the same one again."""

    @pytest.fixture
    def records(self, open_records: Callable[..., RecordStore]) -> RecordStore:
        return open_records()

    def test_what_was_written_outlives_the_store(
        self, open_records: Callable[..., RecordStore]
    ) -> None:
        store = open_records()
        store.learn([entry()])
        store.refuse(refusal())
        store.put("nature", "real")
        store.close()
        again = open_records()
        assert list(again.places("caiso")) == [entry()]
        assert list(again.refused()) == [refusal()]
        assert again.get("nature") == "real"

    def test_two_processes_learning_the_same_list_learn_it_once(
        self, open_records: Callable[..., RecordStore]
    ) -> None:
        learnt = []
        threads = [
            threading.Thread(
                target=lambda s: learnt.append(s.learn([entry()])), args=(open_records(),)
            )
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(learnt) == [0, 0, 1]


@pytest.fixture
def open_sqlite(tmp_path: Path) -> Iterator[Callable[..., SqliteRecordStore]]:
    opened = []

    def open_store(**options: Any) -> SqliteRecordStore:
        opened.append(SqliteRecordStore(tmp_path / "data" / "records.sqlite", **options))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


class TestSqlite(Durable):
    @pytest.fixture
    def open_records(
        self, open_sqlite: Callable[..., SqliteRecordStore]
    ) -> Callable[..., RecordStore]:
        return open_sqlite

    def test_a_file_that_another_process_writes_to_is_busy(
        self, open_sqlite: Callable[..., SqliteRecordStore], tmp_path: Path
    ) -> None:
        store = open_sqlite(patience=0.05)
        store.put("a", "1")
        other = sqlite3.connect(tmp_path / "data" / "records.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="try again"):
            store.put("a", "2")
        assert store.get("a") == "1"  # readers do not wait
        other.execute("ROLLBACK")
        other.close()
        store.put("a", "2")
        assert store.get("a") == "2"

    def test_a_full_disk_is_named_and_nothing_is_half_written(
        self, open_sqlite: Callable[..., SqliteRecordStore]
    ) -> None:
        store = open_sqlite()

        def fill(connection: Any, *_: Any) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")

        sa.event.listen(store._engine, "checkout", fill)
        with pytest.raises(DiskFull, match="free some"):
            store.put("a", "x" * 100_000)
        sa.event.remove(store._engine, "checkout", fill)
        assert store.get("a") is None

    def test_what_is_no_database_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "records.sqlite"
        path.write_bytes(b"not a database, but long enough to look at" * 100)
        with pytest.raises(StoreUnavailable, match="not a database"):
            SqliteRecordStore(path)

    def test_a_file_of_a_newer_release_is_refused(
        self, open_sqlite: Callable[..., SqliteRecordStore], tmp_path: Path
    ) -> None:
        open_sqlite().close()
        connection = sqlite3.connect(tmp_path / "data" / "records.sqlite")
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(StoreUnavailable, match="newer 254Carbon"):
            open_sqlite()

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreUnavailable, match="cannot be made"):
            SqliteRecordStore(tmp_path / "file" / "data" / "records.sqlite")


@pytest.fixture
def open_postgres(
    postgres_server: PostgresServer, postgres_schema: str
) -> Iterator[Callable[..., PostgresRecordStore]]:
    opened = []

    def open_store(**options: Any) -> PostgresRecordStore:
        opened.append(PostgresRecordStore(postgres_server.dsn, schema=postgres_schema, **options))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.mark.postgres
class TestPostgres(Durable):
    @pytest.fixture
    def open_records(
        self, open_postgres: Callable[..., PostgresRecordStore]
    ) -> Callable[..., RecordStore]:
        return open_postgres

    def test_migrations_make_exactly_the_tables(
        self, open_postgres: Callable[..., PostgresRecordStore]
    ) -> None:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        store = open_postgres()
        with store._engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, METADATA) == []
            names = {
                (table, one["name"])
                for table in METADATA.tables
                for one in [
                    sa.inspect(connection).get_pk_constraint(table),
                    *sa.inspect(connection).get_indexes(table),
                ]
            }
        assert names == {
            (table.name, one.name)
            for table in METADATA.tables.values()
            for one in [table.primary_key, *table.indexes]
        }

    def test_migrations_run_once_and_can_be_undone(
        self, open_postgres: Callable[..., PostgresRecordStore]
    ) -> None:
        from alembic import command
        from alembic.config import Config

        from carbon254.adapters.sqlmodel.postgres import MIGRATIONS

        store = open_postgres()
        store.put("a", "1")
        with store._engine.begin() as connection:
            upgrade(connection)
        assert store.get("a") == "1"
        with store._engine.begin() as connection:
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(MIGRATIONS))
            command.downgrade(config, "base")
            assert sa.inspect(connection).get_table_names() == ["alembic_version"]

    def test_a_server_that_is_down_is_named_and_the_store_works_when_it_is_back(
        self, open_postgres: Callable[..., PostgresRecordStore], postgres_server: PostgresServer
    ) -> None:
        store = open_postgres()
        store.put("a", "1")
        postgres_server.stop()
        try:
            with pytest.raises(StoreUnavailable):
                store.get("a")
            with pytest.raises(StoreUnavailable):
                store.put("a", "2")
        finally:
            postgres_server.start()
        assert store.get("a") == "1"

    def test_a_writer_that_waits_too_long_is_told_that_the_store_is_busy(
        self, open_postgres: Callable[..., PostgresRecordStore]
    ) -> None:
        one, other = open_postgres(), open_postgres(patience=0.05)
        with one._session(one._writer) as session:
            session.connection()  # begins
            with pytest.raises(StoreBusy, match="try again"):
                other.put("a", "2")

    def test_an_address_is_never_repeated_in_an_error(self) -> None:
        with pytest.raises(SettingsInvalid) as caught:
            PostgresRecordStore("postgresql:/someone:secret@host/name with no sense")
        assert "secret" not in str(caught.value)


def test_a_full_disk_of_a_server_is_named() -> None:
    import psycopg

    with pytest.raises(DiskFull, match="free some"), translated("Postgres here"):
        raise psycopg.errors.DiskFull("could not extend file")
