"""Forks a child for each line of JSON on standard input; the child ingests and may be killed at any point.

Everything is imported once, so that a child starts in milliseconds. Lines of the answer: ``pid N``, ``open``,
``done REPORT``, ``exit STATUS``.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import traceback
from pathlib import Path
from typing import Any

from carbon254.adapters.duckdb.store import DuckDbSeriesStore
from carbon254.adapters.plugins.host import PluginHost
from carbon254.adapters.postgres.store import PostgresSeriesStore
from carbon254.adapters.sqlmodel.postgres import PostgresRecordStore
from carbon254.adapters.sqlmodel.sqlite import SqliteRecordStore
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.observations import instant64
from carbon254.core.usecases.platform import Platform
from carbon254.ports.archive import CommitMark

WARMED = (DuckDbSeriesStore, PostgresSeriesStore, PostgresRecordStore, SqliteRecordStore)


def say(text: str) -> None:
    os.write(1, text.encode() + b"\n")  # one write a line: a kill leaves no half of one


def work(job: dict[str, Any]) -> None:
    """Ingest the documents of the job's pickle, as the command line does."""
    documents = [Document(*parts) for parts in pickle.loads(Path(job["documents"]).read_bytes())]
    settings = Settings(data=Path(job["data"]), store=job["store"], dsn=job["dsn"], threads=1)
    with open_platform(settings) as platform:
        say("open")
        platform.reread.unfinished()
        outcomes = platform.ingest.run(documents, synthetic=True)
        report = job["report"] and report_of(platform, [one.status for one in outcomes])
    say("done " + json.dumps(report))


def report_of(platform: Platform, statuses: list[str]) -> dict[str, Any]:
    """What is stored, without clocks, in an order of its own."""
    ingest = platform.ingest
    rows = platform.store.read(Scope.everything().restrict(Selection(patterns=(SeriesPattern(),))))
    names = (
        "interval_start",
        "interval_end",
        "issued_at",
        "value",
        "locator",
        "state",
        "finality",
        "flags",
    )
    lines = sorted(
        "|".join([str(rows.series[rows.code[n]]), *(str(rows.column(name)[n]) for name in names)])
        for n in range(len(rows))
    )
    receipts, batches = list(ingest.journal.receipts().values()), platform.store.batches()
    marks = [one for one in ingest.journal.entries() if isinstance(one, CommitMark)]
    marked = {(one.receipt, one.dataset): instant64(one.recorded_at) for one in marks}
    recorded = {
        (rows.batches[number].receipt, rows.batches[number].dataset, at)
        for number, at in zip(rows.batch.tolist(), rows.recorded_at, strict=True)
    }
    return {
        "statuses": statuses,
        "rows": lines,
        "batches": sorted([one.market, one.dataset, one.digest] for one in batches),
        "receipts": sorted(one.digest for one in receipts),
        "archived": sorted(one.digest for one in receipts if ingest.archive.has(one.digest)),
        # Each row has the instant of the last mark of its batch: else the journal could not rebuild the store.
        "unmarked": [
            receipt for receipt, dataset, at in recorded if marked.get((receipt, dataset)) != at
        ],
        "announced": len(platform.store.claim(10_000)),
        "refused": len(platform.records.refused()),
        "places": sum(
            len(platform.records.places(market)) for market in platform.catalogue.cards()
        ),
    }


def main() -> None:
    plugins = PluginHost()
    for market in plugins.cards():
        plugins.market(market)
    say("ready")
    for line in sys.stdin:
        if json.loads(line).get("warm"):  # first uses are slow; nothing stays open
            work(json.loads(line))
            continue
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work(json.loads(line))
                status = 0
            except BaseException:  # noqa: BLE001 - a child must not come back into the loop
                traceback.print_exc()
            os._exit(status)
        say(f"pid {child}")
        _, status = os.waitpid(child, 0)
        say(f"exit {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
