"""What a time series of the platform means in the vocabulary: run, measure, place and unit, by dataset.

Each function takes the document's envelope, a series and one of its periods; it returns the series' identity, or
the reason (a key of the card's ``rows_ignored``) for which the dataset does not read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from attrs import frozen

from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import operating_day
from carbon254.core.domain.vocabulary import currencies
from carbon254.plugins.markets.entsoe import coupling
from carbon254.plugins.markets.entsoe.curve import DAY_ZONE
from carbon254.plugins.markets.entsoe.wire import Envelope, Period, Series

SEQUENCE = "classificationSequence_AttributeInstanceComponent.position"
CONTRACT = "contract_MarketAgreement.type"
# What a price names since October 2024. Until then the platform had day-ahead prices alone and wrote none of these.
_AUCTION = frozenset({"auction.type", CONTRACT, SEQUENCE})


@frozen
class Meaning:
    """A series, the unit of its numbers and the sign that they take (−1 where the wire counts the other way)."""

    series: SeriesId
    unit: str
    sign: float = 1.0


@frozen
class Context:
    """What a meaning depends on beside the wire: the market's card and the dataset's."""

    market: MarketCard
    dataset: DatasetCard

    def place(self, code: str, default: str) -> tuple[str, str]:
        """Kind and code of an EIC: as the market's list says, else ``default``."""
        for kind in ("zone", "area"):
            if self.market.place(kind, code):
                return kind, code
        return default, code

    def word(self, enum: str, value: str) -> str:
        """Our word for an operator's code. Raises `FeedFormatChanged` for one the card does not have."""
        words: Mapping[str, str] = self.dataset.enums.get(enum, {})
        if value not in words:
            raise FeedFormatChanged(
                f"{enum} '{value}' is not known: use one of {', '.join(words)}."
            )
        return words[value]

    def made(
        self, run: str, measure: str, place: tuple[str, str], unit: str, sign: float = 1.0
    ) -> Meaning:
        """A meaning, checked against the card. Raises `FeedFormatChanged` for a measure that it does not have."""
        if measure not in self.dataset.measures or run not in self.dataset.runs:
            raise FeedFormatChanged(
                f"the card does not have {run}/{measure} among what this dataset feeds."
            )
        return Meaning(SeriesId(self.market.id, run, measure, *place), unit, sign)


Interpreter = Callable[[Context, Envelope, Series, Period, str | None], Meaning | str]


def _day(period: Period) -> date:
    return operating_day(period.window.start, DAY_ZONE)


def _expect(series: Series, name: str, *values: str) -> str:
    found = series.need(name)
    if found not in values:
        raise FeedFormatChanged(f"{name} '{found}' is not {' or '.join(values)}.")
    return found


def _currency(series: Series) -> str:
    _expect(series, "price_Measure_Unit.name", "MWH")
    currency = series.need("currency_Unit.name")
    if currency not in currencies():
        raise FeedFormatChanged(f"currency '{currency}' is not in the vocabulary.")
    return currency


def _domain(series: Series) -> str:
    """The one zone of a price. Raises `FeedFormatChanged` where the two domains differ."""
    code = series.need("in_Domain.mRID")
    if series.facts.get("out_Domain.mRID", code) != code:
        raise FeedFormatChanged(
            f"in_Domain {code} and out_Domain {series.facts['out_Domain.mRID']} differ."
        )
    return code


def _price(context: Context, series: Series, run: str, zone: str) -> Meaning:
    _expect(series, "businessType", "A62")
    currency = _currency(series)
    kind, code = context.place(zone, "zone")
    if kind != "zone":
        raise FeedFormatChanged(f"{zone} is listed as {kind} and has a price.")
    place = context.market.place(kind, code)
    own = (place.currency if place else None) or context.market.currency
    measure = "price" if currency == own else f"price-{currency.lower()}"
    return context.made(run, measure, (kind, code), f"{currency}/MWh")


def _names_no_auction(series: Series) -> bool:
    return _AUCTION.isdisjoint(series.facts)


def _contract(series: Series) -> str:
    """A01 (day-ahead) or A07 (intraday)."""
    return "A01" if _names_no_auction(series) else _expect(series, CONTRACT, "A01", "A07")


def day_ahead_price(
    context: Context, envelope: Envelope, series: Series, period: Period, category: str | None
) -> Meaning | str:
    """A44 with contract A01 or none; a series of contract A07 belongs to the intraday dataset."""
    if _contract(series) == "A07":
        return "intraday"
    zone, day = _domain(series), _day(period)
    sequence = series.facts.get(SEQUENCE)
    if _names_no_auction(series):
        sequence = coupling.unnumbered(zone, day, period.resolution)
    return _price(context, series, coupling.day_ahead_run(zone, day, sequence), zone)


def intraday_price(
    context: Context, envelope: Envelope, series: Series, period: Period, category: str | None
) -> Meaning | str:
    """A44 with contract A07; any other series belongs to the day-ahead dataset."""
    if _contract(series) == "A01":
        return "day_ahead"
    zone = _domain(series)
    return _price(
        context, series, coupling.intraday_run(zone, _day(period), series.facts.get(SEQUENCE)), zone
    )


def imbalance_price(
    context: Context, envelope: Envelope, series: Series, period: Period, category: str | None
) -> Meaning | str:
    """A85: A04 is paid to who is long, A05 is paid by who is short; no category is the one price of both."""
    if envelope.area is None:
        raise FeedFormatChanged("element area_Domain.mRID is missing.")
    _expect(series, "businessType", "A19")
    measure = "price" if category is None else context.word("imbalance_Price.category", category)
    return context.made(
        "balancing", measure, context.place(envelope.area, "area"), f"{_currency(series)}/MWh"
    )


def _power(series: Series) -> None:
    _expect(series, "quantity_Measure_Unit.name", "MAW")


def load(
    context: Context, envelope: Envelope, series: Series, period: Period, category: str | None
) -> Meaning | str:
    """A65: measured or forecast load; the longer forecasts hold a lowest (A60) and a highest (A61) load."""
    _power(series)
    run = context.word("process.processType", envelope.process)
    measure = context.word("businessType", series.need("businessType"))
    return context.made(
        run, measure, context.place(series.need("outBiddingZone_Domain.mRID"), "area"), "MW"
    )


def generation(
    context: Context, envelope: Envelope, series: Series, period: Period, category: str | None
) -> Meaning | str:
    """A75 and A69: by fuel; what goes out of the grid into units (pumping, station use) is consumption."""
    _power(series)
    run = context.word("process.processType", envelope.process)
    fuel = context.word("psrType", series.need("psrType"))
    produced = "inBiddingZone_Domain.mRID" in series.facts
    code = (
        series.facts["inBiddingZone_Domain.mRID"]
        if produced
        else series.need("outBiddingZone_Domain.mRID")
    )
    measure = f"{'generation' if produced else 'consumption'}_{fuel}"
    return context.made(run, measure, context.place(code, "area"), "MW")


def total_generation(
    context: Context, envelope: Envelope, series: Series, period: Period, category: str | None
) -> Meaning | str:
    """A71: the total of all units; their scheduled consumption stands beside it and has no word."""
    _power(series)
    run = context.word("process.processType", envelope.process)
    if "psrType" in series.facts:
        raise FeedFormatChanged("an A71 series by psrType is not the total.")
    if "inBiddingZone_Domain.mRID" not in series.facts:
        series.need("outBiddingZone_Domain.mRID")
        return "scheduled_consumption"
    return context.made(
        run, "generation", context.place(series.facts["inBiddingZone_Domain.mRID"], "area"), "MW"
    )


def flow(
    context: Context, envelope: Envelope, series: Series, period: Period, category: str | None
) -> Meaning | str:
    """A11: from ``out_Domain`` to ``in_Domain``."""
    _power(series)
    _expect(series, "businessType", "A66")
    border = f"{series.need('out_Domain.mRID')}>{series.need('in_Domain.mRID')}"
    return context.made("actual", "flow", ("border", border), "MW")


def net_position(
    context: Context, envelope: Envelope, series: Series, period: Period, category: str | None
) -> Meaning | str:
    """A25: a zone's exports towards the region of the auction; a series from the region to the zone is import."""
    _power(series)
    _expect(series, "businessType", "B09")
    out, into = series.need("out_Domain.mRID"), series.need("in_Domain.mRID")
    exports = "REGION" in into
    if exports == ("REGION" in out):
        raise FeedFormatChanged(
            f"net position between {out} and {into}: one of them must be the region."
        )
    zone, sequence = out if exports else into, series.facts.get(SEQUENCE)
    of_contract = {"A01": coupling.day_ahead_run, "A07": coupling.intraday_run}
    run = of_contract[_expect(series, CONTRACT, "A01", "A07")](zone, _day(period), sequence)
    return context.made(
        run, "net_position", context.place(zone, "zone"), "MW", 1.0 if exports else -1.0
    )
