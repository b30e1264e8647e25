"""Keys and the audit log on the command line."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from carbon254.adapters.cli import errors
from carbon254.adapters.cli.app import create_command
from carbon254.adapters.files.seal import NoteVerifier
from carbon254.config.container import open_platform
from carbon254.config.main import Doors
from carbon254.config.settings import Settings

Run = Callable[..., tuple[int, str, str]]
TOKEN = re.compile(r"c254_[0-9a-f]{12}_[0-9a-f]{64}")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command over a data folder of the test's own."""
    monkeypatch.delenv(errors.DEBUG, raising=False)

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        words = [*map(str, arguments), "--data", str(tmp_path / "data")]
        code = errors.run(lambda words: create_command(Doors(), "1.2.3", words), words)
        return (code, *capsys.readouterr())

    return call


def rows(told: tuple[int, str, str]) -> list[dict[str, str]]:
    assert told[0] == 0, told
    return list(csv.DictReader(io.StringIO(told[1])))


def create(run: Run, role: str = "pilot", principal: str = "bob", *more: object) -> dict[str, str]:
    code, out, err = run(
        "keys", "create", "--role", role, "--principal", principal, "--format", "json", *more
    )
    assert code == 0, err
    (made,) = json.loads(out)
    return dict(made)


# ---------------------------------------------------------------- keys


def test_a_key_is_shown_once_and_then_its_id_alone(run: Run, tmp_path: Path) -> None:
    made = create(run, "pilot", "bob", "--tenant", "acme", "--expires", "P30D")
    assert TOKEN.fullmatch(made["key"])
    assert (made["role"], made["principal"], made["tenant"]) == ("pilot", "bob", "acme")
    (listed,) = rows(run("keys", "list", "--format", "csv"))
    assert (listed["id"], listed["state"], listed["expires"]) == (
        made["id"],
        "valid",
        made["expires"],
    )
    secret = made["key"].rpartition("_")[2].encode()
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret in path.read_bytes()]
    assert [
        path for path in files if hashlib.sha256(secret).hexdigest().encode() in path.read_bytes()
    ]


def test_a_key_for_people_stands_on_a_line_of_its_own(run: Run) -> None:
    code, out, _ = run("keys", "create", "--role", "auditor", "--principal", "ada")
    assert code == 0
    assert TOKEN.fullmatch(out.splitlines()[0])
    assert "not shown again" in out


def test_a_revoked_key_is_listed_as_such_and_makes_room(run: Run) -> None:
    first = create(run)
    create(run)
    code, _, err = run("keys", "create", "--role", "pilot", "--principal", "bob")
    assert (code, err.startswith("carbon254: conflict: bob of house holds ")) == (5, True)
    code, out, _ = run("keys", "revoke", first["id"])
    assert (code, out) == (0, f"{first['id']} of bob is revoked.\n")
    create(run)
    states = [row["state"] for row in rows(run("keys", "list", "--format", "csv"))]
    assert sorted(states) == ["revoked", "valid", "valid"]


@pytest.mark.parametrize(("words", "status", "says"), [
    (["--role", "king", "--principal", "bob"], 2, "invalid_request: role 'king': the policy knows admin, analyst"),
    (["--role", "pilot", "--principal", "Bob Smith"], 2, "invalid_request: principal 'Bob Smith'"),
    (["--role", "pilot", "--principal", "bob", "--expires", "soon"], 2, "invalid_request: 'soon' is no duration"),
    (["--role", "pilot", "--principal", "bob", "--tenant", "*"], 2, "invalid_request: tenant '*'"),
    (["--role", "pilot"], 2, "--principal"),
])  # fmt: skip
def test_a_key_that_makes_no_sense_is_refused(
    run: Run, words: list[str], status: int, says: str
) -> None:
    code, _, err = run("keys", "create", *words)
    assert code == status
    assert says in err


def test_an_unknown_key_cannot_be_revoked(run: Run) -> None:
    create(run)
    code, _, err = run("keys", "revoke", "nothing")
    assert (code, err.startswith("carbon254: not_found: there is no key nothing")) == (4, True)


def test_a_wrong_policy_is_named_with_its_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.csv").write_text("p, pilot, *, read, caiso, *, *, hub*, *, allow\n")
    create(run)
    monkeypatch.setenv("CARBON254_POLICIES", str(tmp_path))
    code, _, err = run("keys", "list")
    assert code == 78
    assert "settings_invalid: policy mine.csv, line 1: kind 'hub*'" in err


# ---------------------------------------------------------------- the audit log


def test_what_was_done_is_listed(run: Run) -> None:
    made = create(run)
    run("keys", "revoke", made["id"])
    told = rows(run("audit", "list", "--format", "csv"))
    assert [(row["what"], row["target"], row["outcome"]) for row in told] == [
        ("started", "keys create pilot bob of house", ""),
        ("finished", "keys create pilot bob of house", "ok"),
        ("started", f"keys revoke {made['id']}", ""),
        ("finished", f"keys revoke {made['id']}", "ok"),
    ]
    assert {row["principal"] for row in told} == {"owner"}
    assert [row["entry"] for row in rows(run("audit", "list", "--last", 1, "--format", "csv"))] == [
        "3"
    ]
    assert rows(run("audit", "list", "--principal", "eve", "--format", "csv")) == []
    code, _, err = run("audit", "list", "--since", "2026-11-01T00:00")
    assert (code, "invalid_request" in err) == (2, True)


def test_a_whole_log_is_said_to_be_whole(run: Run, tmp_path: Path, three: Path) -> None:
    shutil.copytree(three, tmp_path / "data")
    code, out, _ = run("audit", "verify")
    assert code == 0
    assert out.startswith("6 entries, root ")
    assert "3 checkpoints agree; the last speaks for 6 entries." in out


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which three keys were made."""
    data = tmp_path_factory.mktemp("three") / "data"
    with open_platform(Settings(data=data)) as platform:
        for name in ("a", "b", "c"):
            platform.keys.create("pilot", name)
            platform.checkpoint.run()
    return data


def spoil(tmp_path: Path, *statements: str) -> None:
    """Change the file as somebody would who may write to it."""
    connection = sqlite3.connect(tmp_path / "data" / "audit.sqlite", isolation_level=None)
    triggers = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for (name,) in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(("statements", "says"), [
    (["UPDATE entries SET body = replace(body, 'owner', 'other') WHERE place = 2"], "altered: entry 2"),
    (["UPDATE entries SET body = x'00', leaf = x'00' WHERE place = 2"], "altered: entry 2"),
    (["DELETE FROM entries WHERE place = 2"], "removed: entry 2"),
    (["DELETE FROM entries WHERE place = 2", "UPDATE entries SET place = place - 1 WHERE place > 2"], "moved: entry 2"),
    (["UPDATE entries SET place = -place - 1 WHERE place >= 2", "UPDATE entries SET place = -place WHERE place < 0",
      "INSERT INTO entries SELECT 2, at, 'eve', tenant, call, decision, body, leaf, root FROM entries WHERE place = 1"],
     "inserted: entry 2"),
    (["UPDATE entries SET place = 99 WHERE place = 1", "UPDATE entries SET place = 1 WHERE place = 4",
      "UPDATE entries SET place = 4 WHERE place = 99"], "moved: entry 1"),
    (["DELETE FROM entries WHERE place >= 4"], "truncated: entry 4 to 5"),
])  # fmt: skip
def test_whatever_is_done_to_the_file_is_found_and_named(
    run: Run, tmp_path: Path, three: Path, statements: list[str], says: str
) -> None:
    shutil.copytree(three, tmp_path / "data")
    spoil(tmp_path, *statements)
    code, out, err = run("audit", "verify")
    assert code == 65
    assert out.startswith(says)
    assert "document_damaged: the audit log is not as it was written" in err


def test_a_log_that_was_begun_anew_disagrees_with_a_copy_that_was_kept_elsewhere(
    run: Run, tmp_path: Path
) -> None:
    create(run)
    data, copy = tmp_path / "data", tmp_path / "copy.txt"
    copy.write_bytes((data / "audit" / "checkpoints.txt").read_bytes())
    for path in (data / "audit" / "checkpoints.txt", *data.glob("audit.sqlite*")):
        path.unlink()
    create(run, "pilot", "eve")
    assert run("audit", "verify")[0] == 0
    code, out, _ = run("audit", "verify", "--checkpoint", copy)
    assert (code, out.startswith("rewritten: entry 0 to 1")) == (65, True)
    for path, status in ((tmp_path / "nowhere", 4), (tmp_path / "empty", 2)):
        (tmp_path / "empty").touch()
        assert run("audit", "verify", "--checkpoint", path)[0] == status


def test_a_proof_leads_from_the_text_to_the_root_by_the_standard(
    run: Run, tmp_path: Path, three: Path
) -> None:
    """Checked by hand, with nothing of ours: RFC 9162, 2.1.3.2."""
    shutil.copytree(three, tmp_path / "data")
    told = [(row["what"], row[""]) for row in rows(run("audit", "proof", 5, "--format", "csv"))]
    facts = dict(told)
    node = hashlib.sha256(b"\x00" + facts["text"].encode()).digest()
    assert node.hex() == facts["leaf"]
    assert (facts["entry"], facts["size"]) == ("5", "6")
    path = [bytes.fromhex(text) for what, text in told if what == "hash"]
    assert len(path) == 2  # six leaves: 5 with 4, then with 0 to 3; all from the left
    for left in path:
        node = hashlib.sha256(b"\x01" + left + node).digest()
    assert node.hex() == facts["root"]
    assert run("audit", "proof", 99)[0] == 4
    assert run("audit", "proof", 1, "--size", 99)[0] == 4


def test_a_checkpoint_is_read_by_whoever_has_the_verifiers_line(run: Run, tmp_path: Path) -> None:
    create(run)
    code, out, _ = run("audit", "checkpoint")
    assert code == 0
    assert out.startswith("nothing was written since the last checkpoint.")
    verifier = NoteVerifier(out.splitlines()[-1].removeprefix("verifier "))
    note = (tmp_path / "data" / "audit" / "checkpoints.txt").read_text().removesuffix("\n")
    told = rows(run("audit", "proof", 0, "--format", "csv"))
    (root,) = [row[""] for row in told if row["what"] == "root"]
    written = base64.b64encode(bytes.fromhex(root)).decode()
    assert verifier.read(note) == f"carbon254-audit\n2\n{written}\n"


def test_a_log_without_entries_is_not_said_to_be_whole(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    code, out, err = run("audit", "verify")
    assert (code, out) == (4, "")
    assert "no entry to check" in err
