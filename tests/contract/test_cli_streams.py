"""``carbon254 nats``: users, permissions and the description of the streams."""

from __future__ import annotations

import csv
import io
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from carbon254.adapters.cli import errors
from carbon254.adapters.cli.app import create_command
from carbon254.adapters.nats.configuring import variable_of
from carbon254.adapters.nats.server import NatsServer
from carbon254.config.container import open_platform
from carbon254.config.main import Doors
from carbon254.config.settings import Settings
from carbon254.ports.audit import AuditQuestion

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        words = [str(one) for one in arguments]
        code = errors.run(lambda found: create_command(Doors(), "1", found), words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a pilot, an analyst and an auditor hold keys; read only."""
    folder = tmp_path_factory.mktemp("streams") / "data"
    with open_platform(Settings(data=folder)) as platform:
        platform.keys.create("pilot", "pia", tenant="acme")
        platform.keys.create("analyst", "ann", tenant="acme")
        platform.keys.create("auditor", "vera")
    return folder


def test_users_are_listed_with_what_each_may_read(run: Run, data: Path) -> None:
    code, out, _ = run("nats", "users", "--data", data, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [(row["stream"], row["subjects"]) for row in rows if row["user"] == "pia@acme"] == [
        ("MD-caiso-hub", "md.v1.caiso.*.*.hub.* batch.v1.caiso.*.hub"),
        ("MD-caiso-heartbeat", "sys.v1.heartbeat.caiso"),
    ]
    assert {row["principal"] for row in rows} == {"pia", "ann"}, "an auditor reads no stream"


@pytest.mark.nats
def test_permissions_are_taken_by_a_server_with_passwords_from_its_environment(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "grants.conf"
    code, out, err = run("nats", "permissions", "--data", data, "--output", file)
    assert (code, out, err) == (0, "", "")
    text = file.read_text()
    assert "$NATS_PASSWORD_PIA_ACME" in text
    for name in ("PIA_ACME", "ANN_ACME", "RELAY"):
        monkeypatch.setenv(f"NATS_PASSWORD_{name}", f'"{name.lower()} secret"')
    server = NatsServer(tmp_path / "nats", port=0, grants=text)
    server.start()
    server.stop()


def test_permissions_go_to_the_terminal_and_grants_into_the_audit_log(run: Run, data: Path) -> None:
    code, out, _ = run("nats", "permissions", "--data", data)
    assert code == 0
    assert out.startswith("# Users of the streams")
    assert '"$JS.API.CONSUMER.MSG.NEXT.MD-caiso-hub.pia@acme-1"' in out
    with open_platform(Settings(data=data)) as platform:
        told = [one.entry for one in platform.audit.entries(AuditQuestion(limit=1_000))]
    granted = {
        one.principal: one.target
        for one in told
        if (one.action, one.kind) == ("stream", "finished")
    }
    assert granted == {"pia": "nats permissions", "ann": "nats permissions"}


def test_passwords_of_a_file_are_kept_and_new_users_get_one(
    run: Run, data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "passwords.json"
    file.write_text('{"pia@acme": "chosen"}')
    code, out, _ = run("nats", "permissions", "--data", data, "--passwords", file)
    known = json.loads(file.read_text())
    assert code == 0
    assert known["pia@acme"] == "chosen"
    assert set(known) == {"pia@acme", "ann@acme", "relay"}
    assert all(json.dumps(word) in out for word in known.values())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    _, again, _ = run("nats", "permissions", "--data", data, "--passwords", file)
    assert again == out


def test_a_file_of_passwords_that_is_none_is_named(run: Run, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "passwords.json"
    file.write_text("{")
    code, _, err = run("nats", "permissions", "--data", data, "--passwords", file)
    assert code == 2
    assert "invalid_request" in err
    assert str(file) in err


def test_users_that_would_share_a_variable_are_told_apart(run: Run, tmp_path: Path) -> None:
    with open_platform(Settings(data=tmp_path)) as platform:
        platform.keys.create("pilot", "pia.x", tenant="acme")
        platform.keys.create("pilot", "pia_2ex", tenant="acme")
    code, _, err = run("nats", "permissions", "--data", tmp_path)
    assert code == 5
    assert "--passwords" in err
    assert variable_of("pia=2Ex@acme") == variable_of("pia_2ex@acme")


def test_the_description_is_json_and_needs_no_data(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("nats", "asyncapi")
    assert code == 0
    assert json.loads(out)["asyncapi"] == "3.0.0"
    file = tmp_path / "asyncapi.json"
    assert run("nats", "asyncapi", "--output", file)[0] == 0
    assert json.loads(file.read_text()) == json.loads(out)


@pytest.mark.parametrize("command", ["asyncapi", "permissions", "permissions --passwords"])
def test_a_file_that_cannot_be_written_is_named(
    run: Run, data: Path, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "nowhere" / "file"
    words = command.split() if command.endswith("passwords") else [command, "--output"]
    code, _, err = run("nats", *words, file, *(() if command == "asyncapi" else ("--data", data)))
    assert (code, err) == (
        4,
        f"carbon254: not_found: {file} cannot be written: its folder does not exist.\n",
    )
