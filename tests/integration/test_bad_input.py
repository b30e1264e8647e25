"""Bad input, by real markets and real stores: a clear error with its stable code, and nothing is lost."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from carbon254.adapters.plugins.host import PluginHost
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.core.domain.documents import Document, Receipt, receipt_for
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import Conflict, StoreBusy, StoreUnavailable
from carbon254.core.usecases.ingest_documents import IngestDocuments, Outcome
from carbon254.core.usecases.platform import Platform
from carbon254.ports.testing.fakes.archive import MemoryArchive, MemoryJournal
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.records import MemoryRecordStore
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.servers import PostgresServer

pytestmark = pytest.mark.integration

EVERYTHING = Scope.everything()
Write = Callable[..., tuple[Document, ...]]
SAMPLES = {
    "caiso": ("hasp_lmp", datetime(2025, 6, 5, 7, tzinfo=UTC), 24),
    "entsoe": ("generation", datetime(2025, 6, 4, 22, tzinfo=UTC), 24),
    "eu_ets": ("auctions", datetime(2025, 6, 4, 22, tzinfo=UTC), 48),
    "miso": ("day_ahead_lmp", datetime(2025, 6, 5, 5, tzinfo=UTC), 24),
    "nem": ("dispatch", datetime(2025, 6, 5, 2, tzinfo=UTC), 1 / 12),
}


def zipped(document: Document, old: bytes, new: bytes) -> bytes:
    """The document's bytes with one text exchanged for another, in whichever member has it."""
    if document.body[:2] != b"PK":
        assert old in document.body
        return document.body.replace(old, new)
    made, hits = io.BytesIO(), 0
    with (
        zipfile.ZipFile(io.BytesIO(document.body)) as packed,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for name in packed.namelist():
            body = packed.read(name)
            hits += body.count(old)
            out.writestr(name, body.replace(old, new))
    assert hits
    return made.getvalue()


class Desk:
    """Hands a document that was fetched for a dataset to the use case, as the network path does."""

    def __init__(self, catalogue: Any) -> None:
        self.archive, self.journal, self.store = (
            MemoryArchive(),
            MemoryJournal(),
            MemorySeriesStore(),
        )
        self.records = MemoryRecordStore()
        clock = PinnedClock(datetime(2025, 6, 20, tzinfo=UTC))
        self.ingest = IngestDocuments(
            catalogue, self.archive, self.journal, self.store, self.records, clock
        )

    def take(self, market: str, document: Document) -> Outcome:
        dataset = SAMPLES[market][0]
        self.archive.put(document.body)
        receipt: Receipt = self.journal.receipt(
            receipt_for(
                document,
                market=market,
                dataset=dataset,
                request="GET x?",
                archived_at=datetime(2025, 6, 19, tzinfo=UTC),
            )
        )
        return self.ingest.read(receipt, dataset, document)


def refused(catalogue: Any, market: str, good: Document, body: bytes) -> Outcome:
    """What becomes of bad bytes in a document's place; the good document is taken in afterwards."""
    desk, bad = Desk(catalogue), evolve(good, body=body)
    outcome = desk.take(market, bad)
    assert outcome.message
    assert desk.archive.get(bad.digest) == body
    if outcome.status == "quarantined":
        (kept,) = desk.records.refused(market)
        assert (kept.digest, kept.code) == (bad.digest, outcome.code)
    assert len(desk.store.read(EVERYTHING.restrict(Selection(patterns=(SeriesPattern(),))))) == 0
    assert desk.take(market, good).status == "recorded"
    return outcome


@pytest.fixture(params=SAMPLES)
def market(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def good(market: str, write: Write) -> Document:
    dataset, start, hours = SAMPLES[market]
    return write(market, dataset, start, hours)[0]


# ------------------------------------------------------------ documents


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_document_that_was_cut_is_quarantined(
    catalogue: PluginHost, market: str, good: Document, share: float
) -> None:
    outcome = refused(catalogue, market, good, good.body[: int(len(good.body) * share)])
    assert (outcome.status, outcome.code) == ("quarantined", "document_damaged")


PAGE = b"<!DOCTYPE html>\n<html><body>Acceptable Use Policy Violation. Retry later.</body></html>"


def test_an_html_page_under_status_200_is_no_data(
    catalogue: PluginHost, market: str, good: Document
) -> None:
    outcome = refused(catalogue, market, good, PAGE)
    assert (outcome.status, outcome.code) in (
        ("quarantined", "document_damaged"),
        ("unavailable", "feed_unavailable"),
    )


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\xef\xbb\xbf", b" " * 5000])
def test_an_empty_document_is_quarantined(
    catalogue: PluginHost, market: str, good: Document, body: bytes
) -> None:
    outcome = refused(catalogue, market, good, body)
    assert (outcome.status, outcome.code) == ("quarantined", "document_damaged")


def test_a_csv_of_nothing_but_its_header_is_quarantined(
    catalogue: PluginHost, write: Write
) -> None:
    dataset, start, hours = SAMPLES["caiso"]
    good = write("caiso", dataset, start, hours)[0]
    with zipfile.ZipFile(io.BytesIO(good.body)) as packed:
        name = packed.namelist()[0]
        header = packed.read(name).split(b"\n", 1)[0] + b"\n"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        out.writestr(name, header)
    outcome = refused(catalogue, "caiso", good, made.getvalue())
    assert (outcome.status, outcome.code) == ("quarantined", "document_damaged")


@pytest.mark.parametrize(
    ("market", "old", "new", "named"),
    [
        ("caiso", b",MW,", b",MWH,", "MW"),
        ("caiso", b",LMP_TYPE,", b",LMP_KIND,", "LMP_TYPE"),
        ("miso", b"HE 24", b"HE 25", "HE 2"),
        ("nem", b",RRP,", b",RRQ,", "RRP"),
        ("eu_ets", b"Auction Price", b"Auction Cost", "Auction Price"),
    ],
)  # fmt: skip
def test_a_renamed_column_is_a_changed_format(
    catalogue: PluginHost, write: Write, market: str, old: bytes, new: bytes, named: str
) -> None:
    dataset, start, hours = SAMPLES[market]
    good = write(market, dataset, start, hours)[0]
    outcome = refused(catalogue, market, good, zipped(good, old, new))
    assert (outcome.status, outcome.code) == ("quarantined", "feed_format_changed")
    assert named in outcome.message


@pytest.mark.parametrize(
    ("market", "old", "new", "named"),
    [
        ("caiso", b",LMP,", b",LMQ,", "LMQ"),  # a part of the price
        ("miso", b",Hub,", b",Moon,", "Moon"),  # a kind of place
        ("entsoe", b"<psrType>B10", b"<psrType>B99", "B99"),  # a fuel
        ("nem", b",FIRM,", b",MUSHY,", "MUSHY"),  # a mark of the price
        ("eu_ets", b">successful<", b">postponed<", "postponed"),  # a mark of the auction
    ],
)  # fmt: skip
def test_an_unknown_flag_fuel_or_kind_is_a_changed_format(
    catalogue: PluginHost, write: Write, market: str, old: bytes, new: bytes, named: str
) -> None:
    dataset, start, hours = SAMPLES[market]
    good = write(market, dataset, start, hours)[0]
    outcome = refused(catalogue, market, good, zipped(good, old, new))
    assert (outcome.status, outcome.code) == ("quarantined", "feed_format_changed")
    assert named in outcome.message


# ------------------------------------------------------------ bombs


class Strict:
    """The installed markets with small limits, so that a small bomb is one."""

    def __init__(self, host: PluginHost, limit: int) -> None:
        self._host, self._limit = host, limit

    def market(self, market: str) -> Any:
        made = self._host.market(market)
        datasets = {
            name: evolve(facts, max_unpacked_bytes=self._limit)
            for name, facts in made.card.datasets.items()
        }
        return type(made)(evolve(made.card, datasets=datasets))

    def cards(self) -> Mapping[str, Any]:
        return self._host.cards()

    def parser_version(self, market: str) -> str:
        return self._host.parser_version(market)


@pytest.mark.parametrize("market", ["caiso", "nem", "entsoe", "eu_ets"])
def test_a_zip_bomb_is_too_large(catalogue: PluginHost, write: Write, market: str) -> None:
    dataset, start, hours = SAMPLES[market]
    good = write(market, dataset, start, hours)[0]
    made = io.BytesIO()
    if good.body[:2] == b"PK":
        with (
            zipfile.ZipFile(io.BytesIO(good.body)) as packed,
            zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out,
        ):
            for name in packed.namelist():
                out.writestr(name, packed.read(name) + b" " * (1 << 23))
    else:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("a.xml", good.body + b" " * (1 << 23))
    outcome = refused(Strict(catalogue, 1 << 21), market, good, made.getvalue())
    assert (outcome.status, outcome.code) == ("quarantined", "too_large")
    assert str(1 << 21) in outcome.message


LAUGHS = b"".join(
    b'<!ENTITY l%d "%b">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"ha") for n in range(12)
)


@pytest.mark.parametrize(
    "dtd",
    [
        b"<!DOCTYPE x [" + LAUGHS + b"]>",
        b'<!DOCTYPE x [<!ENTITY l11 SYSTEM "file:///etc/hostname">]>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
    ],
)
def test_an_xml_entity_bomb_is_damaged(catalogue: PluginHost, write: Write, dtd: bytes) -> None:
    dataset, start, hours = SAMPLES["entsoe"]
    good = write("entsoe", dataset, start, hours)[0]
    head, mark, rest = good.body.partition(b"?>")
    body = head + mark + dtd + rest.replace(b"<position>1<", b"<position>&l11;<", 1)
    outcome = refused(catalogue, "entsoe", good, body)
    assert (outcome.status, outcome.code) == ("quarantined", "document_damaged")
    hostname = Path("/etc/hostname")
    assert not hostname.exists() or hostname.read_text().strip() not in outcome.message


# ------------------------------------------------------------ stores


def count(platform: Platform) -> int:
    return len(platform.store.read(EVERYTHING.restrict(Selection(patterns=(SeriesPattern(),)))))


def test_real_documents_into_a_synthetic_folder_are_a_conflict(
    tmp_path: Path, handful: list[Document]
) -> None:
    with open_platform(Settings(data=tmp_path)) as platform:
        platform.ingest.run(handful[:1], synthetic=True)
        rows, files = count(platform), sorted(tmp_path.glob("archive/*/*"))
    with open_platform(Settings(data=tmp_path)) as platform:
        with pytest.raises(Conflict) as caught:
            platform.ingest.run(handful[1:2])
        assert caught.value.code == "conflict"
        assert (count(platform), sorted(tmp_path.glob("archive/*/*"))) == (rows, files)


def test_a_data_folder_in_use_names_the_process_that_has_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from carbon254.config.container import open_platform;"
        "from carbon254.config.settings import Settings;"
        "p = open_platform(Settings(data=Path(sys.argv[1]))); print('open', flush=True); sys.stdin.read(); p.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(StoreBusy, match=rf"process {other.pid}\b") as caught:
            open_platform(Settings(data=tmp_path))
        assert caught.value.code == "store_busy"
        other.communicate(b"")
    open_platform(Settings(data=tmp_path)).close()


def test_one_process_cannot_open_a_folder_twice(tmp_path: Path) -> None:
    with (
        open_platform(Settings(data=tmp_path)),
        pytest.raises(StoreBusy, match=rf"process {os.getpid()}\b"),
    ):
        open_platform(Settings(data=tmp_path))


def look(data: Path) -> None:
    with open_platform(Settings(data=data)) as platform:
        platform.records.places("nem")
        count(platform)


@pytest.mark.parametrize("file", ["series.duckdb", "records.sqlite"])
@pytest.mark.parametrize("damage", ["garbage", "folder", "cut"])
def test_a_database_file_that_cannot_be_read_is_told_and_the_folder_let_go(
    tmp_path: Path, handful: list[Document], file: str, damage: str
) -> None:
    with open_platform(Settings(data=tmp_path)) as platform:
        platform.ingest.run(handful[:1], synthetic=True)
    path = tmp_path / file
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"garbage!" * 4096 if damage == "garbage" else whole[: len(whole) // 3])
    for _ in range(2):  # the second would be `store_busy` if the first had kept the lock
        with pytest.raises(StoreUnavailable, match=file) as caught:
            look(tmp_path)
        assert caught.value.code == "store_unavailable"
    if damage == "folder":
        path.rmdir()
    path.write_bytes(whole)
    with open_platform(Settings(data=tmp_path)) as platform:
        assert count(platform) > 0


@pytest.mark.postgres
def test_a_database_that_is_down_loses_nothing(
    tmp_path: Path,
    handful: list[Document],
    postgres_server: PostgresServer,
    postgres_database: str,
) -> None:
    settings = Settings(data=tmp_path, store="postgres", dsn=postgres_database)
    try:
        with open_platform(settings) as platform:
            platform.ingest.run(handful[:2], synthetic=True)
            before = count(platform)
            postgres_server.stop()
            with pytest.raises(StoreUnavailable) as caught:
                platform.ingest.run(handful[2:], synthetic=True)
            assert caught.value.code == "store_unavailable"
        with pytest.raises(StoreUnavailable):
            open_platform(settings)
        postgres_server.start()
        with open_platform(settings) as platform:
            assert count(platform) == before
            outcomes = platform.ingest.run(handful, synthetic=True)
            assert [one.status for one in outcomes[:2]] == ["unchanged", "unchanged"]
            assert {one.status for one in outcomes[2:]} == {"recorded"}
            whole = count(platform)
            assert whole > before
            assert platform.reread.unfinished() == []
            assert count(platform) == whole
    finally:
        postgres_server.start()


@pytest.mark.postgres
def test_a_database_that_goes_down_between_receipt_and_commit_loses_nothing(
    tmp_path: Path,
    handful: list[Document],
    postgres_server: PostgresServer,
    postgres_database: str,
) -> None:
    """The document is archived and its receipt written; the next start records it."""
    settings = Settings(data=tmp_path, store="postgres", dsn=postgres_database)
    try:
        with open_platform(settings) as platform:
            platform.ingest.claim(synthetic=True)
            receipt = platform.ingest.journal.receipt

            def then_down(one: Receipt) -> Receipt:
                made = receipt(one)
                postgres_server.stop()
                return made

            platform.ingest.journal.receipt = then_down  # type: ignore[method-assign]
            with pytest.raises(StoreUnavailable):
                platform.ingest.run(handful[:1], synthetic=True)
        postgres_server.start()
        with open_platform(settings) as platform:
            assert [one.status for one in platform.reread.unfinished()] == ["recorded"]
            assert count(platform) > 0
    finally:
        postgres_server.start()


def test_an_address_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    dsn = "postgresql://127.0.0.1:1/nowhere?connect_timeout=2"
    with pytest.raises(StoreUnavailable):
        open_platform(Settings(data=tmp_path, store="postgres", dsn=dsn))
    open_platform(Settings(data=tmp_path)).close()
