"""The same desk, whose questions go over HTTP: a request to the application, its JSON read back into an answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from attrs import define, field
from falcon.testing import Result, TestClient

from carbon254.adapters.http.app import create_app
from carbon254.config.container import open_platform
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import BY_CODE, NotEntitled
from carbon254.core.domain.observations import NAT, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, format_instant, parse_instant
from carbon254.core.domain.vocabulary import Finality, Flag, PublishedBasis, State
from carbon254.core.usecases.query_series import SeriesAnswer

HUBS = Scope((SeriesPattern("caiso", kind="hub"),))
COLUMNS = (
    "interval_start,interval_end,value,state,finality,flags,source_rank,issued_at,published_at,published_basis,"
    "recorded_at"
)


@define
class Door:
    """The application over a desk's stores, and a key for each role that asks."""

    desk: Any
    tokens: dict[str, str] = field(factory=dict)

    @contextmanager
    def client(self) -> Iterator[TestClient]:
        """The application as it is now; the stores may have been replaced since the last question."""
        with open_platform(self.desk.settings(), **self.desk.parts()) as platform:
            yield TestClient(create_app(platform, dict))

    def token(self, role: str) -> str:
        """A key of the role."""
        if role not in self.tokens:
            keys = self.desk.made().manage_keys()
            tenant = "house" if role == "admin" else "acme"
            self.tokens[role] = keys.create(role, f"the-{role}", tenant=tenant).token
        return self.tokens[role]

    def asked(
        self, token: str, path: str, query: dict[str, Any] | None = None, **headers: str
    ) -> Result:
        """What is granted to whoever holds a key; raises the error of the code of a refusal."""
        given = {"Authorization": f"Bearer {token}", **headers}
        query_string = urlencode(query or {}, doseq=True)
        with self.client() as client:
            found = client.simulate_get(path, query_string=query_string, headers=given)
        if found.status_code == 200:
            return found
        error = BY_CODE[found.json["code"]](found.json["detail"])
        if isinstance(error, NotEntitled):
            error.decision = found.json["decision"]
            error.series = str(error).partition(" is outside")[0]
        raise error

    def answer(self, series: SeriesId, window: Window, more: dict[str, Any]) -> list[SeriesAnswer]:
        """What a question gets over HTTP, or the error of its code."""
        role = "pilot" if self.desk.scope == HUBS else "admin"
        return self.values(self.token(role), series, window, more)

    def values(
        self, token: str, series: SeriesId, window: Window, more: dict[str, Any]
    ) -> list[SeriesAnswer]:
        """The answer that whoever holds a key gets."""
        query = {
            "start": format_instant(window.start), "end": format_instant(window.end), "columns": COLUMNS,
            **{_camel(name): _text(value) for name, value in more.items()},
        }  # fmt: skip
        return [answer_of(series, self.asked(token, f"/v1/series/{series}/values", query).json)]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else format_instant(value)


def answer_of(series: SeriesId, body: dict[str, Any]) -> SeriesAnswer:
    """The answer that the JSON is of."""
    rows = body["rows"]

    def column(name: str, read: Any, absent: Any, kind: str) -> Any:
        return np.array(
            [absent if row[name] is None else read(row[name]) for row in rows], dtype=kind
        )

    def instants(name: str) -> Any:
        return column(name, lambda text: instant64(parse_instant(text)), NAT, "M8[us]")

    def code(words: Any) -> Any:
        return lambda text: int(words[text.upper()])

    return SeriesAnswer(
        series, body["unit"], instants("interval_start"), instants("interval_end"),
        column("value", float, np.nan, "f8"), column("state", code(State), 0, "u1"),
        column("finality", code(Finality), 0, "u1"),
        column("flags", lambda words: sum(int(Flag[one.upper()]) for one in words), 0, "u4"),
        column("source_rank", int, 0, "i4"), instants("issued_at"), instants("published_at"),
        column("published_basis", code(PublishedBasis), int(PublishedBasis.UNKNOWN), "u1"),
        instants("recorded_at"), np.zeros(len(rows), "i8"),
        column("finality", lambda _: 0, -1, "i4"), (), body["as_of"] and parse_instant(body["as_of"]),
        body["synthetic"],
    )  # fmt: skip


@pytest.fixture
def http(desk: Any) -> Door:
    """The door of the desk, with a key for each role."""
    return Door(desk)


@pytest.fixture
def desk(desk: Any) -> Any:
    """The desk of the features, asked over HTTP."""
    desk.door = Door(desk).answer
    return desk
