"""Locational marginal prices: PRC_LMP, PRC_RTPD_LMP, PRC_INTVL_LMP and PRC_HASP_LMP.

A row is one part of the price of one node and interval. The number stands under ``MW`` (day-ahead, hour-ahead),
``PRC`` (15 minutes) or ``VALUE`` (5 minutes), in USD/MWh. Start and end are given in GMT; rows are in no order.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.observations import Column
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import State
from carbon254.plugins.markets.caiso.places import listed, price_kind
from carbon254.plugins.markets.caiso.rows import Layout, Rows

GHG = "MGHG"
_GIVEN = {"LMP": 1.0, "MCE": -1.0, "MCC": -1.0, "MCL": -1.0}  # their sum is what other parts have


@lru_cache(maxsize=1 << 15)
def _parts(
    market: str, run: str, measures: tuple[str, ...], kind: str, place: str
) -> tuple[SeriesId, ...]:
    """The same values in every document: making and hashing them anew took a fifth of reading a day."""
    return tuple(SeriesId(market, run, measure, kind, place) for measure in measures)


class Prices:
    """The prices of one document. A locator is member, line (0 is the header) and column of the number.

    A location whose price is its energy, congestion and loss in the whole document, without a greenhouse gas part, has
    no such part: its ``price_ghg`` is `not_applicable` in the intervals of its price, with the locator of the price.
    Where the three do not make up the price, the document leaves the part out (as version 1 of the real-time reports
    does) and nothing is said of it.
    """

    unit = "USD/MWh"

    def __init__(self, card: MarketCard, dataset: str) -> None:
        facts = card.dataset(dataset)
        enums, (adding,) = facts.enums, facts.adds_up
        self._market, self._measures = card.id, tuple(enums["LMP_TYPE"].values())
        self._listed = listed(card)
        (self._run,) = enums["MARKET_RUN_ID"].values()
        self.layout = Layout(
            place="NODE",
            category="LMP_TYPE",
            numbers=("MW", "VALUE", "PRC"),
            categories=tuple(enums["LMP_TYPE"]),
            fixed="MARKET_RUN_ID",
            words=tuple(enums["MARKET_RUN_ID"]),
        )
        self._parts: list[Rows] = []
        self._has = np.zeros((0, len(self._measures)), dtype=bool)
        self._signs = np.array([_GIVEN.get(word, 0.0) for word in self.layout.categories])
        self._rest: Column = np.zeros(0)
        self._tolerance = adding.tolerance

    def series(self, place: str) -> tuple[SeriesId, ...]:
        """The series of the parts of a node's price."""
        kind = self._listed.get(place) or price_kind(place)
        return _parts(self._market, self._run, self._measures, kind, place)

    def seen(self, rows: Rows) -> None:
        """Note which parts each place has and what they leave of its price, and keep the rows of the whole price."""
        places = max(int(rows.place.max()) + 1, len(self._has))
        has = np.zeros((places, len(self._measures)), dtype=bool)
        has[: len(self._has)] = self._has
        has[rows.place, rows.category] = True
        self._has = has
        amounts = self._signs[rows.category] * np.nan_to_num(rows.value)
        rest: Column = np.bincount(rows.place, amounts, minlength=places)
        rest[: len(self._rest)] += self._rest
        self._rest = rest
        self._parts.append(rows.take(rows.category == self.layout.categories.index("LMP")))

    def completed(self) -> Rows | None:
        """Rows of the greenhouse gas part where the document shows that there is none."""
        place_of = self.layout.categories.index
        none = (
            self._has[:, [place_of(word) for word in _GIVEN]].all(axis=1)
            & ~self._has[:, place_of(GHG)]
        )
        if not none.any():
            return None
        whole = Rows.joined(self._parts)
        prices = np.bincount(whole.place, minlength=len(none))
        none &= np.abs(self._rest) <= self._tolerance * prices
        whole = whole.take(none[whole.place])
        if not len(whole):
            return None
        return Rows(
            whole.place,
            np.full_like(whole.category, place_of(GHG)),
            whole.start,
            whole.end,
            np.full_like(whole.value, np.nan),
            np.full_like(whole.state, State.NOT_APPLICABLE),
            whole.locator,
        )

    def columns(self, rows: Rows, instants: Column) -> dict[str, Any]:
        """Prices have no further column."""
        return {}
