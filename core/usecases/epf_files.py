"""Files of the open benchmark for day-ahead prices (Lago and others, 2021): a market's history, published forecasts.

A market's file has an hour a row: its local start, the price (a column ``OT``, or one with ``price`` in its name, as in
``Zonal COMED price``) and any number of exogenous series that are known before the auction. Days have 24 hours, clock
changes are levelled already.
"""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd
from attrs import frozen

from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.errors import DocumentDamaged
from carbon254.core.domain.forecast_table import ForecastTable
from carbon254.core.domain.forecasts import Subject
from carbon254.core.domain.observations import INSTANT, Batch, Column, Observations, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.usecases.import_forecasts import import_table
from carbon254.core.usecases.known_at import Knowledge

GRID: Final = DayGrid("UTC", timedelta(hours=1))
UNIT: Final = "EUR/MWh"
ACTUAL: Final = "Real price"  # the column of published forecasts' files
_HOUR: Final = np.timedelta64(1, "h")
_EXOGENOUS_KNOWN: Final = np.timedelta64(-14, "h")  # from the day's start: at 10:00 the day before
_PRICES_KNOWN: Final = np.timedelta64(-11, "h")  # at 13:00, after the auction

_BATCH: Final = Batch(
    market="epf", dataset="history", receipt="", digest="", parser_version="", document_name="",
    archived_at=datetime(2021, 1, 1, tzinfo=UTC),
)  # fmt: skip


@frozen(eq=False)
class EpfHistory:
    """Days × 24 of a market from ``first`` on: prices, and each exogenous series."""

    market: str
    first: date
    prices: Column
    exogenous: tuple[Column, ...]

    @property
    def series(self) -> SeriesId:
        """The name of the price."""
        return SeriesId.parse(f"epf/day_ahead/price/zone/{self.market}")

    def days(self, count: int, *, before: int = 0) -> tuple[date, ...]:
        """``count`` days in a row, of which the last is ``before`` days before the file's last."""
        end = self.first + timedelta(len(self.prices) - before)
        return tuple(end - timedelta(n) for n in range(count, 0, -1))

    def at(self, starts: Column) -> Column:
        """The prices of hours of the file."""
        first = instant64(GRID.window(self.first).start)
        prices: Column = self.prices.ravel()[((starts - first) // _HOUR).astype(np.int64)]
        return prices

    def knowledge(self) -> Knowledge:
        """All that is known, and when: exogenous series at 10:00 the day before, prices at 13:00."""
        names = [
            SeriesId.parse(f"epf/forecast/load/zone/{self.market}:{n}")
            for n, _ in enumerate(self.exogenous, 1)
        ]
        tables, count = (self.prices, *self.exogenous), self.prices.size
        start = instant64(GRID.window(self.first).start) + np.arange(count) * _HOUR
        day = start.astype("datetime64[D]").astype(INSTANT)
        known = [day + _PRICES_KNOWN, *([day + _EXOGENOUS_KNOWN] * len(names))]
        many = len(tables)
        rows = Observations(
            (self.series, *names), (UNIT, *(["MW"] * len(names))), (_BATCH,),
            np.repeat(np.arange(many), count), np.tile(start, many), np.tile(start + _HOUR, many),
            np.concatenate([one.ravel() for one in tables]), published_at=np.concatenate(known),
            issued_at=np.concatenate([np.full(count, np.datetime64("NaT")), *known[1:]]),
        )  # fmt: skip
        subject = Subject(target=self.series, exogenous=tuple(names), grid=GRID, unit=UNIT)
        return Knowledge(subject=subject, rows=rows)


def read_history(market: str, body: bytes) -> EpfHistory:
    """Read a market's file. Raises `DocumentDamaged` that says what is wrong with it."""
    try:
        frame = pd.read_csv(io.BytesIO(body), index_col=0)
        start = pd.to_datetime(frame.index).to_numpy().astype(INSTANT)
        values = frame.to_numpy(np.float64)
    except Exception as error:  # pandas has many  # noqa: BLE001
        raise DocumentDamaged(f"{market}: the history cannot be read: {error}") from None
    names = [str(name).strip().lower() for name in frame.columns]
    price = [place for place, name in enumerate(names) if name == "ot" or "price" in name]
    if len(price) != 1:
        raise DocumentDamaged(
            f"{market}: one column must be the price, called Price or OT; there are {names}."
        )
    if not len(start) or len(start) % 24 or start[0] != start[0].astype("datetime64[D]"):
        raise DocumentDamaged(f"{market}: {len(start)} rows are no whole days of 24 hours.")
    if (np.diff(start) != _HOUR).any() or not np.isfinite(values).all():
        raise DocumentDamaged(f"{market}: an hour or a number is missing.")
    table = values.reshape(-1, 24, len(names))
    others = tuple(table[:, :, place] for place in range(len(names)) if place not in price)
    return EpfHistory(
        market, start[0].astype("datetime64[D]").item(), table[:, :, price[0]], others
    )


def read_published(history: EpfHistory, body: bytes) -> ForecastTable:
    """Read published forecasts of a market. Raises `DocumentDamaged`, `InvalidRequest`."""
    name = f"forecasts of {history.market}"
    return import_table(name, body, zone=GRID.zone, series=history.series, unit=UNIT, actual=ACTUAL)
