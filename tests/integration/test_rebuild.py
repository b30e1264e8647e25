"""A lost series store is rebuilt from archive and journal with its rows and clocks; a parser is corrected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from carbon254.adapters.plugins.host import PluginHost
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.observations import Observations, Reading
from carbon254.core.domain.revisions import current_rows
from carbon254.core.usecases.platform import Platform
from carbon254.core.usecases.reread_documents import RereadDocuments
from carbon254.ports.markets import chunks

pytestmark = pytest.mark.integration

EVERYTHING = Scope.everything()
Open = Callable[[], Platform]


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def folder(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Open, Callable[[], None]]]:
    """How to open the platform, and how to lose its series store."""
    if request.param == "duckdb":

        def lose() -> None:
            for path in tmp_path.glob("series.duckdb*"):
                path.unlink()

        yield lambda: open_platform(Settings(data=tmp_path)), lose
        return
    dsn: str = request.getfixturevalue("postgres_database")
    settings = Settings(data=tmp_path, store="postgres", dsn=dsn)

    def drop() -> None:
        import psycopg

        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(
                "DROP TABLE carbon254.observations, carbon254.batches, carbon254.restatements, carbon254.series, "
                "carbon254.outbox, carbon254.meta CASCADE"
            )

    yield lambda: open_platform(settings), drop


def table(platform: Platform, **clocks: Any) -> list[tuple[Any, ...]]:
    """Every row of every age, bit for bit, with its batch."""
    rows = platform.store.read(EVERYTHING.restrict(Selection((), (SeriesPattern(),), **clocks)))
    names = [name for name in Observations.column_names() if name not in ("code", "batch")]
    columns = [rows.column(name).tobytes() for name in names]
    sizes = [rows.column(name).itemsize for name in names]
    return sorted(
        (
            str(rows.series[rows.code[n]]),
            rows.units[rows.code[n]],
            repr(rows.batches[rows.batch[n]]),
            *(
                column[n * size : (n + 1) * size]
                for column, size in zip(columns, sizes, strict=True)
            ),
        )
        for n in range(len(rows))
    )


class Shifted:
    """A market whose parser is an hour off."""

    def __init__(self, market: Any) -> None:
        self._market, self.card = market, market.card

    def read(self, dataset: str, document: Document) -> Iterator[Reading]:
        hour = np.timedelta64(1, "h")
        for one in chunks(self._market.read(dataset, document)):
            yield evolve(
                one, interval_start=one.interval_start + hour, interval_end=one.interval_end + hour
            )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._market, name)


class Wrong:
    """The installed markets, with the shifted parser in the place of one."""

    def __init__(self, host: PluginHost, market: str) -> None:
        self._host, self._wrong = host, market

    def market(self, market: str) -> Any:
        found = self._host.market(market)
        return Shifted(found) if market == self._wrong else found

    def parser_version(self, market: str) -> str:
        return "wrong" if market == self._wrong else self._host.parser_version(market)

    def cards(self) -> Mapping[str, Any]:
        return self._host.cards()


def test_a_lost_store_answers_as_before_at_every_instant(
    folder: tuple[Open, Callable[[], None]], handful: list[Document]
) -> None:
    start, lose = folder
    with start() as platform:
        outcomes = platform.ingest.run(handful, synthetic=True)
        assert {one.status for one in outcomes} == {"recorded"}
        instants = [one.recorded.recorded_at for one in outcomes if one.recorded]
        before = [table(platform, as_of=instant) for instant in instants]
        batches = sorted(platform.store.batches(), key=lambda one: one.key)
        events = sorted(one.body for one in platform.store.claim(100))  # type: ignore[attr-defined]
    lose()
    with start() as platform:
        assert platform.store.last_recorded() is None
        assert {one.status for one in platform.reread.rebuild()} == {"recorded"}
        assert [table(platform, as_of=instant) for instant in instants] == before
        assert platform.store.last_recorded() == instants[-1]
        assert sorted(platform.store.batches(), key=lambda one: one.key) == batches
        assert sorted(one.body for one in platform.store.claim(100)) == events  # type: ignore[attr-defined]
        assert {one.status for one in platform.ingest.run(handful, synthetic=True)} == {"unchanged"}
        assert table(platform) == before[-1]


@pytest.mark.parametrize("market", ["caiso", "entsoe", "nem"])
def test_a_corrected_parser_leaves_no_stray_interval(
    folder: tuple[Open, Callable[[], None]], handful: list[Document], market: str
) -> None:
    start, lose = folder
    with start() as platform:
        wrong = evolve(platform.ingest, catalogue=Wrong(platform.catalogue, market))  # type: ignore[arg-type]
        documents = [one for one in handful if list(wrong.recognise(one, market))]
        outcomes = wrong.run(documents, market=market, synthetic=True)
        assert {one.status for one in outcomes} == {"recorded"}
        then = platform.store.last_recorded()
        before = table(platform)
        assert {one.status for one in RereadDocuments(platform.ingest).market(market)} == {
            "recorded"
        }
        assert table(platform, as_of=then) == before
        now = current_rows(
            platform.store.read(EVERYTHING.restrict(Selection(patterns=(SeriesPattern(market),))))
        )
        right = _intervals(platform, documents, market)
        found = {
            (
                str(now.series[now.code[n]]),
                str(now.interval_start[n]),
                str(now.issued_at[n]),
            ): float(now.value[n])
            for n in range(len(now))
            if not np.isnan(now.value[n])
        }
        assert found == right
        after = table(platform)
    lose()
    with start() as platform:
        # The wrong parser is gone: what it read cannot come back, but what is current does, with its clock.
        platform.reread.rebuild()
        again = current_rows(
            platform.store.read(EVERYTHING.restrict(Selection(patterns=(SeriesPattern(market),))))
        )
        assert len(again) == len(right)
        assert len(after) > len(right)


def _intervals(
    platform: Platform, documents: list[Document], market: str
) -> dict[tuple[str, str, str], float]:
    """What the right parser reads; of two documents of one interval the later stamp counts."""
    found: dict[tuple[str, str, str], float] = {}
    parser = platform.catalogue.market(market)
    for document in documents:
        for dataset in parser.recognise(document):
            for one in chunks(parser.read(dataset, document)):
                for n in range(len(one)):
                    key = (
                        str(one.series[one.code[n]]),
                        str(one.interval_start[n]),
                        str(one.issued_at[n]),
                    )
                    found[key] = float(one.value[n])
    return found
