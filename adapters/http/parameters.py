"""What may be asked of each resource. Times are ISO 8601 with an offset; windows are half-open, ``[start, end)``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final, Literal

from attrs.validators import and_, ge, le, max_len

from carbon254.adapters.http.asking import param, parameters
from carbon254.core.domain.series import SeriesId

Format = Literal["json", "csv", "ndjson", "arrow", "parquet"]
MOST_ROWS: Final = 100_000
_TEXT: Final[Any] = max_len(512)
_MANY: Final[Any] = max_len(200)


def _as_of() -> Any:
    return param("What we had by this instant; default: the last commit.", default=None)


def _published_by() -> Any:
    return param("What the market had published by this instant.", default=None)


def _markets() -> Any:
    return param("Markets; default: all.", default=(), validator=_MANY)


def _format() -> Any:
    return param("Instead of the header Accept, for spreadsheets.", default=None)


def _limit(rows: int) -> Any:
    return param(
        f"Rows of a page, up to {MOST_ROWS}.", default=rows, validator=and_(ge(1), le(MOST_ROWS))
    )


def _cursor() -> Any:
    return param("Where the page before ended, from its next_cursor.", default=None)


def _start(**default: Any) -> Any:
    return param("First instant of the window, with an offset.", **default)


def _end(**default: Any) -> Any:
    return param("End of the window, with an offset; not in it.", **default)


def _patterns(doc: str, **default: Any) -> Any:
    return param(f"{doc}: market/run/measure/kind/location, * for any.", validator=_MANY, **default)


@parameters
class NothingAsked:
    """No parameters."""


@parameters
class FindAsked:
    """Which series to list."""

    q: str = param("Words that the series' id holds, in any case.", default="", validator=_TEXT)
    series: tuple[str, ...] = _patterns("Patterns", default=())
    as_of: datetime | None = _as_of()
    published_by: datetime | None = _published_by()
    format: Format | None = _format()
    limit: int = _limit(1000)
    cursor: str | None = _cursor()


@parameters
class CardAsked:
    """The identity card of a series."""

    as_of: datetime | None = _as_of()
    published_by: datetime | None = _published_by()


@parameters
class ValuesAsked:
    """Values of one series, and what to make of them."""

    start: datetime = _start()
    end: datetime = _end()
    as_of: datetime | None = _as_of()
    published_by: datetime | None = _published_by()
    include_history: bool = param("Every revision of every interval.", default=False)
    vintages: bool = param("Every issue of a forecast.", default=False)
    lead: str | None = param("Of forecasts: issued so long before, as in P1D.", default=None)
    resample: str | None = param("Periods: PT15M, PT1H, P1D, P1M, P1Y.", default=None)
    as_: Literal["energy", "power"] | None = param("Resample MW as MWh or back.", default=None)
    block: str | None = param("Average over a block of hours, such as peak_eex.", default=None)
    stat: str | None = param(
        "capture:MEASURE, or capture: and a series: price weighted by that volume, and its rate.",
        default=None,
    )
    day_timezone: str | None = param(
        "Zone whose midnights bound days; default: the market's.", default=None
    )
    timezone: str | None = param(
        "Zone of the columns interval_start_local, …_end_local.", default=None
    )
    unit: str | None = param("Convert exactly, as in EUR/kWh.", default=None)
    currency: str | None = param("Convert money; needs fx.", default=None)
    fx: str | None = param("The source of the rates.", default=None)
    columns: str | None = param("Columns of a row, in order, by comma.", default=None)
    format: Format | None = _format()
    limit: int = _limit(10_000)
    cursor: str | None = _cursor()


@parameters
class ManyValuesAsked(ValuesAsked):
    """Values of many series, below one another or side by side."""

    series: tuple[str, ...] = _patterns("Series or patterns")
    layout: Literal["long", "wide"] = param(
        "A row for each series and interval, or one for each interval.", default="long"
    )


@parameters
class BoardAsked:
    """The morning board."""

    day: date | None = param("The operating day to show as today.", default=None)
    as_of: datetime | None = _as_of()
    published_by: datetime | None = _published_by()


@parameters
class CoverageAsked:
    """How far series reach and what lacks."""

    series: tuple[str, ...] = _patterns("Patterns", default=())
    start: datetime | None = _start(default=None)
    end: datetime | None = _end(default=None)
    as_of: datetime | None = _as_of()
    published_by: datetime | None = _published_by()
    format: Format | None = _format()
    limit: int = _limit(100)
    cursor: str | None = _cursor()


@parameters
class ProvenanceAsked:
    """One number, to be followed back."""

    series: SeriesId = param("The series, in full.")
    start: datetime = param("The instant at which the interval starts, with an offset.")
    as_of: datetime | None = _as_of()
    published_by: datetime | None = _published_by()


@parameters
class QualityAsked:
    """Findings of the quality checks."""

    market: tuple[str, ...] = _markets()
    start: datetime | None = _start(default=None)
    end: datetime | None = _end(default=None)
    as_of: datetime | None = _as_of()
    published_by: datetime | None = _published_by()
    format: Format | None = _format()


@parameters
class RefusedAsked:
    """Refused documents."""

    market: tuple[str, ...] = _markets()
    as_of: datetime | None = param(
        "Which stood refused at this instant; default: now.", default=None
    )
    format: Format | None = _format()


@parameters
class LocationsAsked:
    """Places of the registry."""

    market: str | None = param("The market; default: all.", default=None)
    kind: str | None = param("The kind, such as hub.", default=None)
    as_of: datetime | None = param("What was known by this instant.", default=None)
    format: Format | None = _format()
    limit: int = _limit(1000)
    cursor: str | None = _cursor()


@parameters
class AuditAsked:
    """Entries of the audit log, newest first."""

    principal: str | None = param("Only of this principal.", default=None)
    tenant: str | None = param("Only of this tenant.", default=None)
    call: str | None = param("Only of this call.", default=None)
    decision: str | None = param("Only of this decision.", default=None)
    since: datetime | None = param("Only from this instant on.", default=None)
    format: Format | None = _format()
    limit: int = _limit(100)
    cursor: str | None = _cursor()


@parameters
class ExecutionsAsked:
    """Forecasts or backtests, the latest first."""

    configuration: str | None = param("Only of this configuration.", default=None)
    limit: int = _limit(100)


@parameters
class ScoresAsked:
    """A backtest, with its scores when it is done."""

    by: Literal["hour", "horizon", "month", "regime"] | None = param(
        "Score each group apart.", default=None
    )
