"""From the files of a document to readings: which tables are ours, what is set aside, when a chunk is full."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from carbon254.core.domain.errors import FeedFormatChanged, NotPublishedYet
from carbon254.core.domain.observations import Finding, Reading
from carbon254.plugins.markets.nem import tables
from carbon254.plugins.markets.nem.mms import Header, Leaf, Scan, Segment
from carbon254.plugins.markets.nem.rows import Gathered, parse
from carbon254.plugins.markets.nem.tables import Table

_REPORT = re.compile(
    r"PUBLIC_\w+?_\d{12}(?=_)"
)  # in the name of a file; what follows counts the reports


class Progress:
    """Reads file after file of one document for one dataset. A bundle's stamp is that of its newest file."""

    def __init__(self, market: str, zones: frozenset[str], dataset: str, document: str) -> None:
        self._market, self._zones, self._dataset, self._document = market, zones, dataset, document
        self._now = Gathered(market, zones)
        self._stamp: datetime | None = None
        self._report = ""  # kind and time of the file read last
        self._ours_seen = self._handed_out = False
        self._findings: dict[tuple[str, str], int] = {}  # (rule, message) and how often

    def leaf(self, leaf: Leaf, chunk: int | None) -> Iterator[Reading]:
        """Read one file; where ``chunk`` is given, yield a reading as soon as that many numbers are there."""
        again = self._is_again(leaf)
        scan = Scan(leaf)
        whole: list[Segment] = []
        for segment in scan.segments():
            table = self._ours(segment.header)
            if table is None:
                reason = tables.ignored_because(segment.header.report, segment.header.table)
                self._now.ignore(reason, segment.rows)
            elif table.runs == tables.SCADA:
                self._now.add(parse(segment, table, leaf.part, leaf.name))
            else:
                whole.append(
                    segment
                )  # twins of an intervention must be seen together, and whether a column is empty
            if chunk and not again and len(self._now) >= chunk:
                self._note_stamp(scan, leaf)
                yield self._take()
        for segment in _joined(whole):
            table = self._ours(segment.header)
            assert table is not None
            self._now.add(parse(segment, table, leaf.part, leaf.name))
        self._note_stamp(scan, leaf)
        self._look_at(scan, leaf.name)

    def _is_again(self, leaf: Leaf) -> bool:
        """Whether a file is of the report of the file before it: both are read together, so that the later rules."""
        last, self._report = self._report, (_REPORT.findall(leaf.name) or [leaf.name])[-1]
        return last == self._report

    def rest(self) -> Reading:
        """What is left at the end. Raises `NotPublishedYet` or `FeedFormatChanged` where there was nothing at all."""
        if not self._handed_out and not len(self._now):
            if self._ours_seen:
                raise NotPublishedYet(
                    f"{self._document}: the tables of '{self._dataset}' hold no rows."
                )
            raise FeedFormatChanged(
                f"{self._document}: there is no table of '{self._dataset}' in it."
            )
        notes = (Finding(rule, message, count) for (rule, message), count in self._findings.items())
        self._now.findings.extend(notes)
        return self._take()

    def _take(self) -> Reading:
        full, self._now = self._now, Gathered(self._market, self._zones)
        self._handed_out = True
        return full.reading(document_stamp=self._stamp)

    def _ours(self, header: Header) -> Table | None:
        table = tables.BY_NAME.get((header.report, header.table))
        return table if table is not None and table.dataset == self._dataset else None

    def _note_stamp(self, scan: Scan, leaf: Leaf) -> None:
        self._now.stamps[leaf.part] = scan.stamp
        self._stamp = max((stamp for stamp in (self._stamp, scan.stamp) if stamp), default=None)

    def _look_at(self, scan: Scan, name: str) -> None:
        """Note what is odd about a file and yet no reason to refuse it."""
        if scan.footer != scan.lines:
            self._note(
                "footer_count", f"{name} has {scan.lines} lines, its last one says {scan.footer}"
            )
        for header in scan.headers:
            table = self._ours(header)
            if table is not None:
                self._ours_seen = True
                if added := [one for one in header.columns[4:] if one not in _columns(table)]:
                    self._note("added_column", f"{table.title} has new columns: {', '.join(added)}")
            elif tables.ignored_because(header.report, header.table) == tables.UNKNOWN_TABLE:
                self._note(
                    "unknown_table",
                    f"table {header.report}.{header.table} is new to us and not read",
                )

    def _note(self, rule: str, message: str) -> None:
        self._findings[rule, message] = self._findings.get((rule, message), 0) + 1


def _columns(table: Table) -> tuple[str, ...]:
    return tables.layouts()[table.title].columns


def _joined(segments: list[Segment]) -> Iterator[Segment]:
    """Join segments that follow each other under one header, as blocks of a large file cut them."""
    for _, group in groupby(segments, key=lambda segment: segment.header):
        parts = list(group)
        if parts[-1].line + parts[-1].rows - parts[0].line == _total(parts):
            yield Segment(
                parts[0].header, b"".join(part.body for part in parts), parts[0].line, _total(parts)
            )
        else:
            yield from parts


def _total(parts: list[Segment]) -> int:
    return sum(part.rows for part in parts)
