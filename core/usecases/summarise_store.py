"""What a store holds, by market and dataset: intervals, gaps and revisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC

import numpy as np
from attrs import frozen

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.expectations import derive_states
from carbon254.core.domain.observations import Observations, as_int
from carbon254.core.domain.revisions import current_rows
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import State
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.clock import Clock
from carbon254.ports.storage import SeriesStore

_GAPS = (State.LATE, State.MISSING, State.QUARANTINED)


@frozen
class DatasetSummary:
    """One line of the table: current intervals, stretches without a value between first and last, and revisions."""

    market: str
    dataset: str
    series: int
    intervals: int
    gaps: int
    revisions: int


@frozen
class SummariseStore:
    """The use case behind the demo's table."""

    store: SeriesStore
    catalogue: MarketCatalogue
    clock: Clock

    def run(self, scope: Scope) -> list[DatasetSummary]:
        """One line for each dataset of which something is stored."""
        return [
            line for card in self.catalogue.cards().values() for line in self._market(card, scope)
        ]

    def _market(self, card: MarketCard, scope: Scope) -> Iterator[DatasetSummary]:
        rows = self.store.read(scope.restrict(Selection(patterns=(SeriesPattern(card.id),))))
        if not len(rows):
            return
        now = current_rows(rows)
        home = {series: _home(card, series, now) for series in now.series}
        intervals: Counter[str] = Counter()
        gaps: Counter[str] = Counter()
        revisions: Counter[str] = Counter()
        order = np.argsort(now.code, kind="stable")
        edges = np.searchsorted(now.code[order], np.arange(len(now.series) + 1))
        for code, series in enumerate(now.series):
            own = now.take(order[edges[code] : edges[code + 1]])
            intervals[home[series]] += len(own)
            gaps[home[series]] += self._gaps(card, series, own)
        for code, extra in _beyond_first(rows).items():
            revisions[home[rows.series[code]]] += extra
        for dataset in card.datasets:
            if intervals[dataset]:
                members = sum(1 for one in home.values() if one == dataset)
                yield DatasetSummary(
                    card.id, dataset, members, intervals[dataset], gaps[dataset], revisions[dataset]
                )

    def _gaps(self, card: MarketCard, series: SeriesId, own: Observations) -> int:
        if not len(own):
            return 0
        low, high = own.interval_start.min().item(), own.interval_end.max().item()
        window = Window(low.replace(tzinfo=UTC), high.replace(tzinfo=UTC))
        derived = derive_states(
            card,
            series,
            window,
            self.clock.now(),
            starts=own.interval_start,
            ends=own.interval_end,
            states=own.state,
        )
        gap = np.isin(derived.state, _GAPS)
        return int(gap[:1].sum() + (gap[1:] & ~gap[:-1]).sum())


def _home(card: MarketCard, series: SeriesId, rows: Observations) -> str:
    """The dataset whose document the series' first current row comes from."""
    here = np.flatnonzero(rows.code == rows.series.index(series))
    if len(here):
        return str(rows.batches[rows.batch[here[0]]].dataset)
    return next((name for name, facts in card.datasets.items() if facts.feeds(series)), "")


def _beyond_first(rows: Observations) -> dict[int, int]:
    """Rows beyond the first of each interval, by series code."""
    keys = np.stack(
        [
            rows.code.astype(np.int64),
            as_int(rows.interval_start),
            as_int(rows.interval_end),
            as_int(rows.issued_at),
        ]
    )
    distinct = np.unique(keys, axis=1)[0]
    stored, kept = (
        np.bincount(rows.code),
        np.bincount(distinct.astype(np.int64), minlength=len(np.bincount(rows.code))),
    )
    return {code: int(extra) for code, extra in enumerate(stored - kept) if extra}
