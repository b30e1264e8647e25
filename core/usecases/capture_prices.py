"""Which volume weighs a price, and the capture price that comes of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import evolve, frozen

from carbon254.core.domain.capture import Capture, capture
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.errors import ConversionUnavailable, InvalidRequest
from carbon254.core.domain.observations import INSTANT, NAT, Column
from carbon254.core.domain.resampling import Intervals
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.units import Unit, convert, to_power
from carbon254.core.domain.vocabulary import Finality, Flag, State, check_measure
from carbon254.core.usecases.query_series import QuerySeries, Question, SeriesAnswer
from carbon254.core.usecases.values import Values, intervals_of
from carbon254.ports.catalogue import MarketCatalogue


@frozen
class CapturePrices:
    """The use case behind ``stat=capture:…``: prices weighed by what a technology produced."""

    query: QuerySeries
    catalogue: MarketCatalogue

    def volume_of(self, price: SeriesId, wanted: str) -> SeriesId:
        """The volume series: named in full, or by its measure, measured at the price's own place.

        Raises `InvalidRequest` where the market measures no such thing there.
        """
        if "/" in wanted:
            return SeriesId.parse(wanted)
        check_measure(wanted)
        card = self.catalogue.cards().get(price.market)
        for facts in card.datasets.values() if card else ():
            for run in facts.runs:
                one = SeriesId(price.market, run, wanted, price.kind, price.location)
                if one.stage == "actual" and facts.feeds(one):
                    return one
        raise InvalidRequest(
            f"'{price.market}' measures no {wanted} of kind '{price.kind}': name the volume's series in full, "
            "as in capture:market/run/measure/kind/location."
        )

    def run(
        self,
        prices: SeriesAnswer,
        wanted: str,
        question: Question,
        scope: Scope,
        starts: Column,
        ends: Column,
    ) -> Values:
        """Capture price, rate and volume for each period. Raises `NotEntitled` for a volume outside the scope."""
        if Unit.parse(prices.unit).dimension != "money/energy":
            raise InvalidRequest(
                f"{prices.series} is in {prices.unit}: a capture price needs a price."
            )
        series = self.volume_of(prices.series, wanted)
        (volume,) = self.query.run(evolve(question, series=(series,), patterns=()), scope)
        weight, price = in_mw(volume), intervals_of(prices)
        found = [
            capture(price, weight, start, end) for start, end in zip(starts, ends, strict=True)
        ]
        lacking = [
            _lacking(price, weight, start, end) for start, end in zip(starts, ends, strict=True)
        ]
        done = {"stat": f"capture:{series.measure}", "volume": str(series), "volume_unit": "MWh"}
        return Values(
            prices.series,
            prices.unit,
            _columns(starts, ends, found, lacking),
            prices.as_of,
            prices.synthetic or volume.synthetic,
            done,
        )


def in_mw(answer: SeriesAnswer) -> Intervals:
    """A volume as mean power in MW. Raises `ConversionUnavailable` for what is neither power nor energy."""
    rows, dimension = intervals_of(answer), Unit.parse(answer.unit).dimension
    if dimension == "power":
        return evolve(rows, value=convert(rows.value, answer.unit, "MW"))
    if dimension == "energy":
        energy = convert(rows.value, answer.unit, "MWh")
        return evolve(rows, value=to_power(energy, rows.start, rows.end))
    raise ConversionUnavailable(f"{answer.series} is in {answer.unit}, which is no volume.")


def _lacking(price: Intervals, volume: Intervals, start: np.datetime64, end: np.datetime64) -> int:
    """The state of a period without a capture price: of the first interval that lacks a number, else none applies."""
    for rows in (price, volume):
        state = rows.state[(rows.end > start) & (rows.start < end)]
        lacking = state[state != State.OK]
        if len(lacking):
            return int(lacking[0])
    return State.NOT_APPLICABLE


def _columns(
    starts: Column, ends: Column, found: Sequence[Capture], lacking: Sequence[int]
) -> dict[str, Column]:
    there = np.array([one.price is not None for one in found], dtype=bool)
    partial = np.array([one.partial for one in found], dtype=bool)
    used = np.array([one.flags for one in found], dtype=np.int64)
    flags = np.where(there, used | int(Flag.DERIVED), 0)
    flags |= np.where(there & partial, int(Flag.PARTIAL), 0)

    def numbers(name: str) -> Column:
        told = [getattr(one, name) for one in found]
        return np.array([np.nan if one is None else one for one in told], dtype=np.float64)

    def ranks(name: str) -> Column:
        words = [getattr(one, name) for one in found]
        return np.array([Finality[one.upper()] if one else 0 for one in words], dtype=np.uint8)

    def moments(name: str) -> Column:
        told = [getattr(one, name) if one.price is not None else NAT for one in found]
        return np.array(told, dtype=INSTANT)

    return {
        "interval_start": starts, "interval_end": ends, "value": numbers("price"),
        "state": np.where(there, State.OK, lacking).astype(np.uint8), "finality": ranks("price_finality"),
        "flags": flags.astype(np.uint32), "published_at": moments("published_at"),
        "recorded_at": moments("recorded_at"), "capture_rate": numbers("rate"), "mean_price": numbers("mean_price"),
        "energy_mwh": numbers("energy_mwh"), "volume_finality": ranks("volume_finality"), "hours": numbers("hours"),
        "hours_expected": numbers("hours_expected"), "stored": there,
    }  # fmt: skip
