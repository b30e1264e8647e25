"""Checks of how a market treats documents: what it refuses, recognises, asks of the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import Carbon254Error
from carbon254.ports.markets import chunks
from carbon254.ports.testing.market_damage import HTML, Damage, damages
from carbon254.ports.testing.market_guard import offences
from carbon254.ports.testing.market_kit import Kit, repeated, rows_of, whole


def check_damage(kit: Kit, dataset: str) -> Iterator[str]:
    """Damaged, cut and empty documents and HTML pages are refused with the right code, never read as if whole."""
    for document in kit.smallest(dataset):
        for damage in damages(document):
            yield from _check_refused(kit, dataset, document, damage)


def _check_refused(kit: Kit, dataset: str, document: Document, damage: Damage) -> Iterator[str]:
    where = f"{document.name}, {damage.name}"
    try:
        readings = kit.read_afresh(dataset, damage.document)
    except Carbon254Error as error:
        if error.code not in damage.codes:
            yield f"{where}: refused with {error.code}, expected {' or '.join(sorted(damage.codes))} ({error})"
        return
    except Exception as error:  # noqa: BLE001
        yield f"{where}: raised {type(error).__name__}: {error}"
        return
    if not damage.may_pass or dataset not in kit.golden.undetectable_cut:
        hint = f" (or [undetectable_cut] {dataset} = why)" if damage.may_pass else ""
        yield f"{where}: read as if it were whole{hint}"
        return
    before = rows_of(kit.read_afresh(dataset, document))
    if any(repr(before.get(key)) != repr(row) for key, row in rows_of(readings).items()):
        yield f"{where}: the cut changed numbers that are left"


def check_recognise(kit: Kit, dataset: str) -> Iterator[str]:
    """Each sample is recognised as its dataset, others' documents and rubbish as nothing."""
    for path, document in kit.readable(dataset).items():
        said = kit.market.recognise(document)
        if dataset not in said:
            yield f"{path} is recognised as {list(said)}"
        if unknown := set(said) - set(kit.card.datasets):
            yield f"{path} is recognised as {sorted(unknown)}, which the card does not have"
        for damage in damages(document):
            try:
                kit.market.recognise(damage.document)
            except Exception as error:  # noqa: BLE001
                yield f"{path}, {damage.name}: recognise raised {type(error).__name__}: {error}"


def check_foreign(kit: Kit, _: str) -> Iterator[str]:
    """Documents of other markets, and what is no document of any, are recognised as nothing."""
    rubbish = (
        Document("empty.csv", b"", "text/csv"),
        Document("page.html", HTML, "text/html"),
        Document("noise.bin", bytes(range(256)) * 8),
        Document("some.csv", b"a,b,c\n1,2,3\n4,5,6\n", "text/csv"),
        Document("some.json", b'{"a": [1, 2, 3]}', "application/json"),
        Document("some.xml", b"<a><b>1</b></a>", "application/xml"),
    )
    for document in (*rubbish, *kit.foreign):
        if said := kit.market.recognise(document):
            yield f"{document.name} is not this market's, but is recognised as {list(said)}"


def check_pure(kit: Kit, dataset: str) -> Iterator[str]:
    """`recognise`, `read`, `locate` and `write` open no file and no connection, ask no clock, no environment."""
    found: dict[str, None] = {}
    for document in kit.smallest(dataset):
        for name, action in _actions(kit, dataset, document).items():
            found |= dict.fromkeys(f"{name} {offence}" for offence in offences(action))
    yield from found


def _actions(kit: Kit, dataset: str, document: Document) -> dict[str, Callable[[], object]]:
    market = kit.market

    def read() -> None:
        for chunk in chunks(market.read(dataset, document)):
            for packed in chunk.locator[:2].tolist():
                market.locate(document, Locator.unpack(packed))

    actions: dict[str, Callable[[], object]] = {
        "recognise": lambda: market.recognise(document),
        "read": read,
    }
    if kit.facts(dataset).writes:
        reading = whole(kit.read_afresh(dataset, document))
        actions["write"] = lambda: list(market.write(dataset, reading))
    return actions


def check_steady(kit: Kit, dataset: str) -> Iterator[str]:
    """The same document read twice gives the same reading."""
    for path, document in kit.readable(dataset).items():
        once, twice = (kit.read_afresh(dataset, document) for _ in range(2))
        if repr(rows_of(once)) != repr(rows_of(twice)) or len(repeated(once)) != len(
            repeated(twice)
        ):
            yield f"{path}: read twice, the readings differ"
        stamps = [
            [(r.document_stamp, r.covers, r.rows_read, dict(r.rows_ignored)) for r in rs]
            for rs in (once, twice)
        ]
        if stamps[0] != stamps[1]:
            yield f"{path}: read twice, stamp, coverage or row counts differ"


def check_recorded(kit: Kit, dataset: str) -> Iterator[str]:
    """The parser has been held against the operator's own documents."""
    if kit.facts(dataset).verified != "recorded":
        yield "verified against the dossier only; no document of the operator was recorded"
