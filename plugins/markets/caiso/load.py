"""Actual load and load forecasts: SLD_FCST.

A row is the load of one TAC area or balancing area over one interval, in MW, given in GMT; rows are in no order.
``EXECUTION_TYPE`` says which number it is; ``MARKET_RUN_ID`` does not tell RTPD from RTD.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.observations import INSTANT, NAT, Column, from_instant64, instant64
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.series import SeriesId
from carbon254.plugins.markets.caiso import oasis
from carbon254.plugins.markets.caiso.rows import Layout, Rows


class Load:
    """The load of one document. A locator is member, line (0 is the header) and column of the number."""

    unit = "MW"

    def __init__(self, card: MarketCard, dataset: str, document: Document) -> None:
        self._market, self._card = card.id, card.dataset(dataset)
        enums = self._card.enums
        self._runs = tuple(enums["EXECUTION_TYPE"].values())
        self._rules = [issue_rule(self._card, run) for run in self._runs]
        self._stamp = oasis.reply_stamp(oasis.names_of(document))
        self.layout = Layout(
            place="TAC_AREA_NAME",
            category="EXECUTION_TYPE",
            numbers=("MW",),
            categories=tuple(enums["EXECUTION_TYPE"]),
        )

    def series(self, place: str) -> tuple[SeriesId, ...]:
        """The series of an area's executions."""
        return tuple(SeriesId(self._market, run, "load", "area", place) for run in self._runs)

    def seen(self, rows: Rows) -> None:
        """Nothing follows from rows that are seen."""

    def completed(self) -> Rows | None:
        """Every number stands in a line of its own."""
        return None

    def columns(self, rows: Rows, instants: Column) -> dict[str, Any]:
        """When forecasts were issued: by the card's rule, never later than the reply that shows them."""
        width = len(self._runs)
        keys, of_row = np.unique(rows.start * width + rows.category, return_inverse=True)
        issued = [self._issued(key % width, instants[key // width]) for key in keys.tolist()]
        return {"issued_at": np.array(issued, dtype=INSTANT)[of_row]}

    def _issued(self, category: int, start64: np.datetime64) -> np.datetime64:
        rule, start = self._rules[category], from_instant64(start64)
        if rule is None or start is None:
            return NAT
        moment = rule.at(start, start, day_zone=self._card.day_zone)
        return instant64(min(moment, self._stamp) if self._stamp else moment)


def issue_rule(card: DatasetCard, run: str) -> Rule | None:
    """The card's rule of when a run's forecasts are issued; None for what is no forecast."""
    text = card.enums["issued"].get(run)
    return Rule.parse(text) if text else None
