"""Settings: file, environment, options; a wrong or unknown key is named in the error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from carbon254.config.settings import Settings, load
from carbon254.core.domain.errors import SettingsInvalid


def given(
    folder: Path, text: str = "", environment: dict[str, str] | None = None, **options: Any
) -> Settings:
    (folder / "carbon254.toml").write_text(text)
    return load(environment or {}, folder, **options)


def test_nothing_set_is_the_embedded_default(tmp_path: Path) -> None:
    found = load({}, tmp_path)
    assert (found.data, found.port, found.store, found.dsn) == (Path("data"), 8254, "duckdb", "")


def test_the_environment_comes_before_the_file_and_options_before_both(tmp_path: Path) -> None:
    text = "port = 8300\nthreads = 3\nmemory_limit = '2GB'"
    found = given(
        tmp_path,
        text,
        {"CARBON254_PORT": "8400", "CARBON254_THREADS": "4"},
        port=8500,
        threads=None,
    )
    assert (found.port, found.threads, found.memory_limit) == (8500, 4, "2GB")


def test_keys_of_a_table_add_up(tmp_path: Path) -> None:
    found = given(
        tmp_path,
        "[credentials]\na = '1'\nb = '2'",
        {"CARBON254_CREDENTIALS__B": "3", "CARBON254_CREDENTIALS__C_D": "4"},
    )
    assert found.credentials == {"a": "1", "b": "3", "c_d": "4"}


def test_a_file_named_by_the_environment_is_read(tmp_path: Path) -> None:
    (tmp_path / "else.toml").write_text("port = 8301")
    assert load({"CARBON254_CONFIG": str(tmp_path / "else.toml")}, tmp_path).port == 8301


def test_what_is_not_ours_in_the_environment_is_left_alone(tmp_path: Path) -> None:
    assert load({"PATH": "/bin", "CARBON254_RECORDED": "x", "CARBON": "y"}, tmp_path) == Settings()


@pytest.mark.parametrize(
    ("text", "environment", "key"),
    [
        ("prot = 8300", {}, "prot"),
        ("[nosuch]\na = 1", {}, "nosuch"),
        ("", {"CARBON254_PROT": "8300"}, "prot"),
        ("", {"CARBON254_NOSUCH__PART": "x"}, "nosuch"),
        ("port = 'eighty'", {}, "port"),
        ("port = 70000", {}, "port"),
        ("port = -1", {}, "port"),
        ("port = [1]", {}, "port"),
        ("", {"CARBON254_PORT": ""}, "port"),
        ("", {"CARBON254_PORT": "80.5"}, "port"),
        ("threads = 0", {}, "threads"),
        ("threads = 2.5", {}, "threads"),
        ("threads = true", {}, "threads"),
        ("store = 'oracle'", {}, "store"),
        ("data = 5", {}, "data"),
        ("credentials = 'x'", {}, "credentials"),
        ("credentials = 'x'", {"CARBON254_CREDENTIALS__A": "1"}, "credentials"),
        ("", {"CARBON254_CREDENTIALS": "x", "CARBON254_CREDENTIALS__A": "1"}, "credentials"),
        ("credentials = { a = 5 }", {}, "credentials"),
        ("", {"CARBON254_DSN__HOST": "x"}, "dsn"),
        ("store = 'postgres'", {}, "dsn"),
    ],
)  # fmt: skip
def test_a_wrong_or_unknown_key_is_named(
    tmp_path: Path, text: str, environment: dict[str, str], key: str
) -> None:
    with pytest.raises(SettingsInvalid, match=f"'{key}'") as caught:
        given(tmp_path, text, environment)
    assert caught.value.code == "settings_invalid"


@pytest.mark.parametrize("body", [b"port = ", b"\xff\xfe", b"port = 1\nport = 2"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "carbon254.toml").write_bytes(body)
    with pytest.raises(SettingsInvalid, match=r"carbon254\.toml"):
        load({}, tmp_path)


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "carbon254.toml").mkdir()
    with pytest.raises(SettingsInvalid, match=r"carbon254\.toml"):
        load({}, tmp_path)


def test_a_folder_that_cannot_be_looked_into_is_named() -> None:
    with pytest.raises(SettingsInvalid, match="File name too long"):
        load({}, Path("x" * 300))


def test_a_file_that_is_named_and_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"gone\.toml"):
        load({"CARBON254_CONFIG": str(tmp_path / "gone.toml")}, tmp_path)


@pytest.mark.parametrize(
    "text", ["[credentials]\ntoken = 's3cr3t'", "dsn = 'postgresql://u:s3cr3t@host/db'"]
)
def test_secrets_are_not_shown(tmp_path: Path, text: str) -> None:
    assert "s3cr3t" not in repr(given(tmp_path, text))


@pytest.mark.parametrize("text", ["[credentials]\ntoken = ['s3cr3t']", "dsn = ['s3cr3t']"])
def test_secrets_of_the_wrong_kind_are_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        given(tmp_path, text)
    assert "s3cr3t" not in str(caught.value)
