"""Logs for machines: one line of JSON an event, its ids, and never a secret."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from carbon254.adapters.telemetry.logs import tell, write_json

TOKEN = "c254_0123456789ab_" + "f" * 64


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    write_json(stream)
    yield stream
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_nothing_is_written_before_somebody_wants_it(capsys: pytest.CaptureFixture[str]) -> None:
    tell("call finished", request="r1")
    assert capsys.readouterr() == ("", "")


def test_an_event_is_one_line_with_its_ids(written: io.StringIO) -> None:
    tell("call finished", request="r1", trace="00-ab", principal="bob", decision="d1", outcome="")
    (line,) = lines(written)
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "call finished", "level": "info", "request": "r1", "trace": "00-ab", "principal": "bob",
        "decision": "d1",
    }  # fmt: skip


def test_what_is_bound_around_a_call_stands_in_its_lines(written: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request="r7"):
        tell("inside")
    tell("outside")
    assert [line.get("request") for line in lines(written)] == ["r7", None]


@pytest.mark.parametrize("facts", [
    {"target": f"GET /v1/x?key={TOKEN}"}, {"header": f"Authorization: Bearer {TOKEN}"}, {"token": TOKEN},
    {"Authorization": "Basic Ym9i"}, {"why": ["a", TOKEN]}, {"facts": {"secret": "sesame", "deep": {"dsn": TOKEN}}},
    {"header": "Bearer something-else"}, {"address": "postgresql://bob:sesame@host/name"}, {"cut": TOKEN[:40]},
])  # fmt: skip
def test_no_secret_is_written(written: io.StringIO, facts: dict[str, Any]) -> None:
    tell("event", **facts)
    text = written.getvalue()
    for secret in ("fffff", "sesame", "Ym9i", "something-else"):
        assert secret not in text
    assert "***" in text


def test_a_line_break_in_a_fact_makes_no_second_line(written: io.StringIO) -> None:
    tell("event", target='x\n{"event":"forged"}')
    assert len(written.getvalue().splitlines()) == 1


def test_what_is_no_secret_is_left_alone(written: io.StringIO) -> None:
    tell(
        "event", target="GET /v1/series/caiso/day_ahead/price/hub/c254", key="0123456789ab", rows=24
    )
    (line,) = lines(written)
    assert line["target"] == "GET /v1/series/caiso/day_ahead/price/hub/c254"
    assert (line["key"], line["rows"]) == ("0123456789ab", 24)
