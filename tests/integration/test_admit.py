"""Keys, policy and audit over a whole platform, on Postgres: what one process ends, another refuses at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.core.domain.entitlements import Selection
from carbon254.core.domain.errors import NotEntitled, Unauthenticated
from carbon254.core.domain.series import SeriesId
from carbon254.ports.audit import AuditQuestion
from carbon254.ports.testing.servers import PostgresServer

pytestmark = [pytest.mark.integration, pytest.mark.postgres]

NODE = SeriesId.parse("caiso/day_ahead/price/node/ALAMIT_7_N001")


@pytest.fixture
def settings(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Settings]:
    yield Settings(data=tmp_path / "one", store="postgres", dsn=postgres_server.dsn)
    for schema in ("carbon254", "carbon254_audit"):
        postgres_server.run(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    postgres_server.run("DROP ROLE IF EXISTS carbon254_audit_writer")


def test_two_processes_share_keys_and_one_log(
    settings: Settings, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    other = Settings(data=tmp_path / "two", store="postgres", dsn=postgres_server.dsn)
    with open_platform(settings) as one, open_platform(other) as two:
        made = one.keys.create("pilot", "bob", tenant="acme")
        bob = two.admit.authenticate(made.token)
        whole = two.admit.call(bob, "read", "a node", door="test", request_id="1")
        with pytest.raises(NotEntitled) as refused, whole as call:
            call.scope.restrict(Selection([NODE]))
        told = one.decisions.run(refused.value.decision, bob)
        assert (told.principal, told.series) == ("bob", str(NODE))
        one.keys.revoke(made.key.id)
        with pytest.raises(Unauthenticated, match="was revoked"):
            two.admit.authenticate(made.token)
        entries = one.audit.entries(AuditQuestion())
        assert [kept.entry.kind for kept in entries] == ["started", "finished"] * 3 + ["refused"]
        assert one.verify.run().whole
    with open_platform(settings) as again:
        found = again.verify.run()
        assert (found.whole, found.checkpoints, found.covered) == (True, 1, 7)
