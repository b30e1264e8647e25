"""What it takes to know who may see what, and to write down what was done."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.harness import Context, Line, in_turn, milliseconds
from carbon254.adapters.casbin.policy import CasbinPolicy
from carbon254.adapters.sqlmodel.sqlite_audit import SqliteAuditLog
from carbon254.core.domain.audit import AuditEntry, encode
from carbon254.core.domain.entitlements import Principal, Scope, SeriesPattern
from carbon254.core.domain.series import SeriesId

_THREADS: Final = 8
_NOON: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)


def scope_filter(context: Context) -> Iterator[Line]:
    """Time in which a scope filters a day's nodes, over one compiled regex that matches their ids as text.

    The ids are 16 000 nodes and three hubs of one run; the text is ready for the regex, the scope takes the ids as they
    are. "pilot" is the scope that is compiled from the shipped policy, "a list" allows 200 nodes by name and denies
    some: the regex is its equal each time.
    """
    nodes = [f"NODE_{number:05}_7_N001" for number in range(context.sizes.stream_nodes)]
    hubs = ["TH_NP15_GEN-APND", "TH_SP15_GEN-APND", "TH_ZP26_GEN-APND"]
    ids = [SeriesId("caiso", "day_ahead", "price", "hub", hub) for hub in hubs]
    ids += [SeriesId("caiso", "day_ahead", "price", "node", node) for node in nodes]
    texts = [str(one) for one in ids]
    pilot = CasbinPolicy().scope(Principal("pilot", "customer", ("pilot",)), "read")
    every = r"[^/]*"
    listed = nodes[:: max(1, len(nodes) // 200)]
    some = Scope(
        [SeriesPattern.literal("caiso", "*", "*", "node", node) for node in listed],
        [SeriesPattern.literal("caiso", "*", "*", "node", node) for node in listed[::10]],
    )
    kept = "|".join(map(re.escape, sorted({*listed} - {*listed[::10]})))
    for name, scope, expression in (
        ("pilot", pilot, rf"caiso/{every}/{every}/hub/.*"),
        ("a list", some, rf"caiso/{every}/{every}/node/(?:{kept})"),
    ):
        matches = re.compile(expression).fullmatch

        def regex(matches: Any = matches) -> list[str]:
            return [text for text in texts if matches(text)]

        assert [str(one) for one in scope.filter(ids)] == regex()
        pairs = in_turn(lambda scope=scope: scope.filter(ids), regex, context.sizes.reads)  # type: ignore[misc]
        yield Line(
            f"scope_filter {name}", milliseconds(pairs.our_median), milliseconds(pairs.other_median), pairs.ratio,
            "<= 2.00", f"{len(ids):,} series, {len(regex()):,} seen; {pairs.spread()}",
        )  # fmt: skip


def audit_append(context: Context) -> Iterator[Line]:
    """Entries a second that eight threads append durably, over a bare group commit of the same texts.

    The bare side is SQLite with the same settings (WAL, synchronous FULL), in a file on the same disk: whoever's turn
    it is inserts what all have brought into a table of number and text. Ours hashes every entry into the tree, and
    keeps leaf, root and what is searched for.
    """
    folder = context.folder / "audit"
    folder.mkdir()
    log = SqliteAuditLog(folder / "audit.sqlite", patience=60.0)
    bare = BareLog(folder / "bare.sqlite")
    context.later(log.close)
    context.later(bare.close)
    each = max(1, context.sizes.appends // _THREADS)
    entries = [_entry(number) for number in range(each)]
    texts = [encode(entry) for entry in entries]
    pairs = in_turn(
        lambda: _together(log.append, entries), lambda: _together(bare.append, texts), context.sizes.rounds
    )  # fmt: skip
    whole = each * _THREADS
    yield Line(
        "audit_append", f"{whole / pairs.our_median:,.0f} /s", f"{whole / pairs.other_median:,.0f} /s",
        pairs.rate_ratio, ">= 0.50", f"{_THREADS} threads, {whole:,} entries; {pairs.spread(rate=True)}",
    )  # fmt: skip


def _entry(number: int) -> AuditEntry:
    target = (
        "GET /v1/series/caiso/day_ahead/price/hub/TH_NP15_GEN-APND/values?start=2026-11-02T08:00Z"
    )
    return AuditEntry(
        "started", _NOON, f"{number:016x}", "alice", "house", "read", target, "rest", "0123456789ab",
        f"{number:032x}", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", roles=("analyst",),
    )  # fmt: skip


def _together(append: Callable[[Any], object], items: list[Any]) -> None:
    """Every thread appends all the items, one after the other."""

    def work() -> None:
        for item in items:
            append(item)

    threads = [threading.Thread(target=work) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class BareLog:
    """The least that a durable group commit takes."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for line in (
            "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
            "CREATE TABLE entries (number INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        ):  # fmt: skip
            self.connection.execute(line)
        self.turn, self.waiting = threading.Lock(), deque[list[Any]]()

    def append(self, body: bytes) -> None:
        mine = [body, False]
        self.waiting.append(mine)
        with self.turn:
            if not mine[1]:
                self.commit()

    def commit(self) -> None:
        batch = []
        while self.waiting:
            batch.append(self.waiting.popleft())
        self.connection.execute("BEGIN IMMEDIATE")
        rows = [(body,) for body, _ in batch]
        self.connection.executemany("INSERT INTO entries (body) VALUES (?)", rows)
        self.connection.execute("COMMIT")
        for one in batch:
            one[1] = True

    def close(self) -> None:
        self.connection.close()
