"""The morning board, the way back to a number's bytes, and what the quality checks find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import falcon
import numpy as np

from carbon254.adapters.http.cursors import Pinned
from carbon254.adapters.http.door import Door
from carbon254.adapters.http.parameters import (
    BoardAsked,
    ProvenanceAsked,
    QualityAsked,
    RefusedAsked,
)
from carbon254.adapters.http.replies import Made
from carbon254.adapters.http.series import clocks, window_of
from carbon254.adapters.http.tables import counts, instants, moments, texts
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.schemas import plain
from carbon254.core.domain.time import format_instant
from carbon254.core.domain.vocabulary import Finality, Flag, PublishedBasis, State
from carbon254.core.usecases.check_quality import CheckQuality
from carbon254.core.usecases.show_board import ShowBoard
from carbon254.core.usecases.trace_number import Provenance, TraceNumber
from carbon254.ports.catalogue import MarketCatalogue


class Boards:
    """Each hub and zone yesterday, today and tomorrow, of those that the caller sees."""

    def __init__(self, door: Door, board: ShowBoard) -> None:
        self._door, self._board = door, board

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """The board of a day; every average names its block, its hours and its finality."""
        call, form = self._door.call(request, response)
        with call:
            self._door.give(request, response, call, form, BoardAsked, self._shown)

    def _shown(self, asked: BoardAsked, pinned: Pinned, scope: Scope) -> Made:
        board = self._board.run(
            scope, day=asked.day, as_of=asked.as_of, published_by=asked.published_by
        )
        return Made(plain(board), as_of=pinned.as_of, changing=True)


class Provenances:
    """Where a number comes from."""

    def __init__(self, door: Door, trace: TraceNumber) -> None:
        self._door, self._trace = door, trace

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """The row, its document and receipt, the fragment it stands in, and what the parser reads there today."""
        call, form = self._door.call(request, response)
        with call:
            self._door.give(request, response, call, form, ProvenanceAsked, self._traced)

    def _traced(self, asked: ProvenanceAsked, pinned: Pinned, scope: Scope) -> Made:
        found = self._trace.run(
            asked.series, asked.start, scope, as_of=pinned.as_of, published_by=asked.published_by
        )
        synthetic = bool(int(found.row.flags[0]) & Flag.SYNTHETIC)
        return Made({**_row(found), **_source(found)}, as_of=pinned.as_of, synthetic=synthetic)


def _row(found: Provenance) -> dict[str, Any]:
    row = found.row
    value = float(row.value[0])
    moments = ("interval_start", "interval_end", "issued_at", "published_at", "recorded_at")
    return {
        "series": str(row.series[row.code[0]]), "value": None if np.isnan(value) else value,
        "unit": row.units[row.code[0]], "state": State(int(row.state[0])).word,
        "finality": Finality(int(row.finality[0])).word, "flags": list(Flag.words(int(row.flags[0]))),
        **{name: instants(row.column(name))[0] for name in moments},
        "published_basis": PublishedBasis(int(row.published_basis[0])).word,
    }  # fmt: skip


def _source(found: Provenance) -> dict[str, Any]:
    batch, receipt, place = found.batch, found.receipt, found.locator
    stamp = batch.document_stamp
    return {
        "document": batch.document_name, "request": receipt.url or receipt.request,
        "archived_at": format_instant(batch.archived_at), "document_stamp": stamp and format_instant(stamp),
        "digest": batch.digest, "parser_version": batch.parser_version,
        "locator": {"part": place.part, "row": place.row, "field": place.field},
        "fragment": found.fragment.decode("utf-8", "replace"), "read_again": found.reread, "same": found.same,
    }  # fmt: skip


class Qualities:
    """Findings of the quality checks about series that the caller sees, and refused documents.

    A refused document is no finding: it has no series and no interval, but a digest, a code and a decision to come.
    """

    def __init__(self, door: Door, quality: CheckQuality, catalogue: MarketCatalogue) -> None:
        self._door, self._quality, self._catalogue = door, quality, catalogue

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Worst first; over a window, or each market's last two days."""
        call, form = self._door.call(request, response, table=True)
        with call:
            self._door.give(request, response, call, form, QualityAsked, self._checked)

    def on_get_documents(self, request: falcon.Request, response: falcon.Response) -> None:
        """Documents that were refused and wait for a decision, of datasets that the caller sees whole."""
        call, form = self._door.call(request, response, table=True)
        with call:
            self._door.give(request, response, call, form, RefusedAsked, self._refused)

    def _checked(self, asked: QualityAsked, pinned: Pinned, scope: Scope) -> Made:
        self._check_markets(asked.market)
        found = self._quality.run(
            scope, markets=asked.market, window=window_of(asked.start, asked.end), as_of=pinned.as_of,
            published_by=asked.published_by, judged_at=pinned.judged_at,
        )  # fmt: skip
        # What names no series is of the installation: only who sees every series is told.
        whole = scope == Scope.everything()
        found = [one for one in found if whole or one.series is not None]
        table = {
            "severity": texts([one.severity for one in found]),
            "rule": texts([one.rule for one in found]),
            "series": texts([one.series for one in found]),
            "interval_start": moments([one.interval_start for one in found]),
            "interval_end": moments([one.interval_end for one in found]),
            "count": counts([one.count for one in found]),
            "message": texts([one.message for one in found]),
        }
        return Made(clocks(asked, pinned), table, None, pinned.as_of, changing=True)

    def _refused(self, asked: RefusedAsked, pinned: Pinned, scope: Scope) -> Made:
        self._check_markets(asked.market)
        # A refusal is no commit, so what is asked without an instant is not as of the last one.
        found = self._quality.refused(scope, markets=asked.market, as_of=asked.as_of)
        table = {
            "at": moments([one.at for one in found]),
            "market": texts([one.market for one in found]),
            "dataset": texts([one.dataset for one in found]),
            "document": texts([one.name for one in found]),
            "code": texts([one.code for one in found]),
            "message": texts([one.message for one in found]),
            "digest": texts([one.digest for one in found]),
        }
        head = {"as_of": pinned.as_of and format_instant(pinned.as_of)}
        return Made(head, table, None, pinned.as_of, changing=True)

    def _check_markets(self, names: Sequence[str]) -> None:
        cards = self._catalogue.cards()
        if unknown := [name for name in names if name not in cards]:
            raise NotFound(
                f"market '{unknown[0][:64]}' is not installed; there are {', '.join(cards)}."
            )
