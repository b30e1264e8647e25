"""Judge what is stored: fresh, whole, within limits, no spikes, sums; and decide on refused documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import product

import numpy as np
from attrs import frozen

from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.completeness import check_completeness, check_freshness
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.grants import sees_all
from carbon254.core.domain.observations import Observations, instant64
from carbon254.core.domain.quality import QualityFinding, check_duplicates, check_limits
from carbon254.core.domain.revisions import current_rows
from carbon254.core.domain.spikes import SpikeRule, check_spikes
from carbon254.core.domain.time import Window
from carbon254.core.domain.totals import check_adds_up
from carbon254.core.usecases.find_series import FindSeries
from carbon254.core.usecases.ingest_documents import Outcome
from carbon254.core.usecases.query_series import judged
from carbon254.core.usecases.reread_documents import RereadDocuments
from carbon254.ports.catalogue import Extensions, MarketCatalogue, QualityCheck
from carbon254.ports.clock import Clock
from carbon254.ports.records import Quarantined, RecordStore
from carbon254.ports.storage import SeriesStore

# One window for all markets, or one for each: days are the market's own.
Spanned = Window | Callable[[MarketCard], Window | None] | None


@frozen
class _Asked:
    """What was asked, and the instant at which what lacks is judged."""

    scope: Scope
    window: Spanned
    as_of: datetime | None
    published_by: datetime | None
    now: datetime

    def span(self, card: MarketCard, last: datetime) -> Window:
        """The window for a market; its last two days where none was asked for."""
        asked = self.window(card) if callable(self.window) else self.window
        return asked or Window(last - timedelta(days=2), last)


@frozen
class CheckQuality:
    """The use case behind ``carbon254 quality``."""

    store: SeriesStore
    find: FindSeries
    records: RecordStore
    catalogue: MarketCatalogue
    clock: Clock
    reread: RereadDocuments
    extensions: Extensions

    def run(
        self,
        scope: Scope,
        *,
        markets: Sequence[str] = (),
        window: Spanned = None,
        as_of: datetime | None = None,
        published_by: datetime | None = None,
        judged_at: datetime | None = None,
        on_market: Callable[[str], None] = lambda market: None,
    ) -> list[QualityFinding]:
        """Findings of all checks over the window, or over each market's last two days; worst first.

        With a clock: of what there was by then. What lacks is judged as `Question` says: a gap that was pending then
        is none. Raises `InvalidRequest` for an ``as_of`` after the last commit.
        """
        now = judged(judged_at or as_of or self.clock.now(), published_by)
        asked = _Asked(scope, window, as_of, published_by, now)
        findings: list[QualityFinding] = []
        for name, card in self.catalogue.cards().items():
            if not markets or name in markets:
                findings += self._market(card, asked)
                on_market(name)
        order = {"error": 0, "warning": 1, "info": 2}
        return sorted(findings, key=lambda one: (order[one.severity], one.rule, str(one.series)))

    def _market(self, card: MarketCard, asked: _Asked) -> Iterator[QualityFinding]:
        entries = self.find.run(
            (SeriesPattern(card.id),),
            asked.scope,
            as_of=asked.as_of,
            published_by=asked.published_by,
        )
        if not entries:
            return
        for entry in entries:
            yield from check_freshness(card, entry.series, entry.last, asked.now)
        last = max(entry.last for entry in entries)
        span = asked.span(card, last)
        wide = Window(span.start - timedelta(days=28), span.end)
        selection = Selection(
            tuple(e.series for e in entries), (), wide, asked.as_of, asked.published_by
        )
        rows = current_rows(self.store.read(asked.scope.restrict(selection)))
        yield from self._values(card, rows, span, asked.now)

    def _values(
        self, card: MarketCard, rows: Observations, span: Window, now: datetime
    ) -> Iterator[QualityFinding]:
        start, end = instant64(span.start), instant64(span.end)
        inside = rows.take((rows.interval_start >= start) & (rows.interval_start < end))
        yield from check_limits(card, inside).findings
        yield from check_duplicates(inside).findings
        checks = self.extensions.quality_checks()
        for facts in card.datasets.values():
            mine = np.array([facts.feeds(series) for series in inside.series], dtype=bool)
            if facts.adds_up and mine.any():
                yield from check_adds_up(inside.take(mine[inside.code]), facts.adds_up).findings
            for name, check in checks.items():
                yield from _guarded(name, check, inside.take(mine[inside.code]), facts)
        yield from check_spikes(rows, card.zone, SpikeRule(), since=span.start).findings
        for code, series in enumerate(inside.series):
            own = inside.take(inside.code == code)
            yield from check_completeness(
                card, series, span, now, starts=own.interval_start, ends=own.interval_end, states=own.state,
                issued=own.issued_at,
            )  # fmt: skip

    def refused(
        self, scope: Scope, *, markets: Sequence[str] = (), as_of: datetime | None = None
    ) -> list[Quarantined]:
        """Documents in quarantine that nobody has accepted, or had accepted by an instant; oldest first.

        Told of are those whose dataset feeds nothing that the scope does not show: what a document holds nobody knows
        before it can be read.
        """
        return [
            entry
            for entry in self.records.refused(as_of=as_of)
            if (not markets or entry.market in markets) and self._shows(scope, entry)
        ]

    def _shows(self, scope: Scope, entry: Quarantined) -> bool:
        card = self.catalogue.cards().get(entry.market)
        facts = card.datasets.get(entry.dataset) if card else None
        if facts is None:  # forecasts, and what no card describes any more
            return sees_all(scope, SeriesPattern(entry.market))
        fed = product(facts.runs, facts.measures, facts.kinds)
        return all(sees_all(scope, SeriesPattern(entry.market, *one)) for one in fed)

    def accept(self, digest: str) -> list[Outcome]:
        """Accept a refused document: it is read again, with the parser as it is now."""
        accepted = self.records.accept(digest, self.clock.now())
        outcomes: list[Outcome] = []
        for market in sorted({entry.market for entry in accepted}):
            outcomes += self.reread.market(market, digests=frozenset({digest}))
        return outcomes


def _guarded(
    name: str, check: QualityCheck, rows: Observations, facts: DatasetCard
) -> list[QualityFinding]:
    """What a plugin's check finds; a check that fails is a finding of its own."""
    try:
        return list(check(rows, facts))
    except Exception as error:  # the plugin's own code must not stop the other checks  # noqa: BLE001
        told = f"check '{name}' failed: {type(error).__name__}: {error}"
        return [QualityFinding("plugin", None, None, None, told, "error")]
