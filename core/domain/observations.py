"""Columns of numbers: what a parser returns (`Reading`) and what is stored (`Observations`).

All instants are UTC ``datetime64[us]``, intervals half-open. Absent instants are ``NaT``. Checked once, in the
constructor; afterwards a value of these classes is valid and its columns are read-only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Self, TypeAlias, cast

import attrs
import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import KNOWN_FLAGS, Finality, PublishedBasis, State

Column: TypeAlias = npt.NDArray[Any]

INSTANT: Final = np.dtype("datetime64[us]")
NAT: Final = np.datetime64("NaT", "us")
_ABSENT: Final = np.iinfo(np.int64).min  # `NAT` as a number
_NO_ROWS: Final = np.zeros(0)


def instant64(moment: datetime) -> np.datetime64:
    """An aware instant as ``datetime64[us]`` in UTC."""
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def from_instant64(moment: np.datetime64) -> datetime | None:
    """A ``datetime64`` as an aware UTC instant; None for ``NaT``."""
    if np.isnat(moment):
        return None
    return plain_instant(moment).replace(tzinfo=UTC)


def plain_instant(moment: Any) -> datetime:
    """A ``datetime64`` as a naive datetime that holds UTC, as databases take it."""
    plain: Any = moment.astype(INSTANT).item()
    return cast(datetime, plain)


def _series(values: Iterable[SeriesId]) -> tuple[SeriesId, ...]:
    return tuple(values)


def _units(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _column(dtype: npt.DTypeLike, fill: Any = None) -> Any:
    """Declare a column: converted to ``dtype``; where ``fill`` is given the column may be left out."""
    wanted = np.dtype(dtype)

    def convert(values: Any) -> Any:
        return values if values is None else np.ascontiguousarray(values, dtype=wanted)

    options: dict[str, Any] = {"default": None, "kw_only": True} if fill is not None else {}
    return field(converter=convert, metadata={"dtype": wanted, "fill": fill}, repr=False, **options)


@lru_cache(maxsize=8)
def _columns(cls: type) -> tuple[tuple[str, Any, Any], ...]:
    """The columns of a class: name, type and what fills one that is left out."""
    members = [a for a in attrs.fields(cast(Any, cls)) if "dtype" in a.metadata]
    return tuple((a.name, a.metadata["dtype"], a.metadata["fill"]) for a in members)


class _Table:
    """What `Reading` and `Observations` share: equal-long columns and row selection."""

    __slots__ = ()

    @classmethod
    def column_names(cls) -> tuple[str, ...]:
        """Names of the columns in their order."""
        return tuple(name for name, _, _ in _columns(cast(Any, cls)))

    def __len__(self) -> int:
        return len(self.code)  # type: ignore[attr-defined]

    def take(self, rows: npt.ArrayLike) -> Self:
        """The rows that a mask or an index names, with the same series table."""
        chosen = np.asarray(rows) if np.size(rows) else np.zeros(0, dtype=np.int64)
        columns = {name: getattr(self, name)[chosen] for name in self.column_names()}
        return cast(Self, attrs.evolve(cast(Any, self), **columns))

    def column(self, name: str) -> Column:
        """One column by its name."""
        values: Column = getattr(self, name)
        return values

    def _settle_columns(self) -> None:
        length = len(self)
        for name, dtype, fill in _columns(cast(Any, type(self))):
            values = getattr(self, name)
            if values is None:
                values = np.full(length, fill, dtype=dtype)
                object.__setattr__(self, name, values)
            if values.shape != (length,):
                raise ValueError(f"column '{name}' has shape {values.shape}, expected ({length},).")
            values.flags.writeable = False


@frozen(eq=False)
class Finding:
    """Something worth telling that is no error: a duplicate, an added column, a broken identity."""

    rule: str
    message: str
    count: int = 1


def _findings(values: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(values)


@frozen(eq=False)
class Reading(_Table):
    """What a parser says a document holds. ``units`` stands beside ``series``, such as ``EUR/MWh`` or ``MW``.

    ``covers`` is the window for which the document is complete, if it says so; ``document_stamp`` orders documents
    of the same window. ``rows_read`` counts data rows of the document that became numbers, ``rows_ignored`` those
    that did not, by reason: together all data rows. Raises `FeedFormatChanged` for conflicting duplicates.
    """

    series: tuple[SeriesId, ...] = field(converter=tuple[SeriesId, ...])
    units: tuple[str, ...] = field(converter=tuple[str, ...])
    code: Column = _column(np.int32)
    interval_start: Column = _column(INSTANT)
    interval_end: Column = _column(INSTANT)
    value: Column = _column(np.float64)
    locator: Column = _column(np.int64, 0)
    state: Column = _column(np.uint8, int(State.OK))
    finality: Column = _column(np.uint8, int(Finality.FINAL))
    source_rank: Column = _column(np.int32, 0)
    flags: Column = _column(np.uint32, 0)
    issued_at: Column = _column(INSTANT, NAT)
    published_at: Column = _column(INSTANT, NAT)
    document_stamp: datetime | None = field(default=None, kw_only=True)
    covers: Window | None = field(default=None, kw_only=True)
    rows_read: int = field(default=-1, kw_only=True)
    rows_ignored: Mapping[str, int] = field(factory=dict, kw_only=True)
    findings: tuple[Finding, ...] = field(default=(), converter=tuple[Finding, ...], kw_only=True)

    def __attrs_post_init__(self) -> None:
        self._settle_columns()
        if self.rows_read < 0:
            object.__setattr__(self, "rows_read", len(self))
        _check_rows(self)
        _order(self)


def _refuse(condition: Any, message: str) -> None:
    if bool(np.any(condition)):
        raise ValueError(message)


_DISTINCT: Final[deque[tuple[SeriesId, ...]]] = deque(
    maxlen=8
)  # tables seen last, known to hold no series twice


def _check_rows(table: Any) -> None:
    if len(table.series) != len(table.units):
        raise ValueError(f"{len(table.series)} series but {len(table.units)} units.")
    seen = tuple(_DISTINCT)  # other threads add to it meanwhile
    if not any(table.series is one for one in seen):
        if len(set(table.series)) != len(table.series):
            raise ValueError("a series stands twice in the series table.")
        _DISTINCT.append(table.series)
    if len(table):
        _check_columns(table)


def _check_columns(table: Any) -> None:
    """Check the columns of a table that has rows: every store's answer is, so whole columns are reduced first."""
    start, end = as_int(table.interval_start), as_int(table.interval_end)
    _refuse(
        table.code.min() < 0 or table.code.max() >= len(table.series),
        "a code points outside the series table.",
    )
    _refuse(min(start.min(), end.min()) == _ABSENT, "an interval has no start or end.")
    _refuse(end < start, "an interval ends before it starts.")
    flags = np.bitwise_or.reduce(table.flags)
    _refuse(flags & ~np.uint32(KNOWN_FLAGS), "a flag is not in the vocabulary.")
    _refuse(int(table.state.max()) > State.QUARANTINED, "a derived state cannot be read or stored.")
    _refuse(int(table.finality.max()) > Finality.CORRECTED, "a finality is not in the vocabulary.")
    _check_values(table.state, table.value)


def _check_values(state: Column, value: Column) -> None:
    ok = state == State.OK
    _refuse(ok & ~np.isfinite(value), "a value of state 'ok' is not a finite number.")
    if not ok.all():
        gone = (state == State.MISSING) | (state == State.NOT_APPLICABLE)
        _refuse(gone & ~np.isnan(value), "a missing or not applicable row carries a value.")


def key_order(table: Any) -> Column:
    """Row order by (series, interval_start, interval_end, issued_at)."""
    order: Column = np.lexsort(
        (as_int(table.issued_at), table.interval_end, table.interval_start, table.code)
    )
    return order


def as_int(instants: Column) -> Column:
    """Instants as int64 microseconds; ``NaT`` is the smallest."""
    return instants.view(np.int64)


def same_key(table: Any) -> Column:
    """For a table in key order: whether each row from the second on has the key of the row before it."""
    same: Column = np.diff(table.code) == 0
    for name in ("interval_start", "interval_end", "issued_at"):
        values = as_int(getattr(table, name))
        same &= values[1:] == values[:-1]
    return same


def _in_order(table: Any) -> bool:
    """Whether rows already ascend strictly by (series, start): the common case needs no sort."""
    code, start = table.code, as_int(table.interval_start)
    step = np.diff(code)
    return bool(np.all((step > 0) | ((step == 0) & (start[1:] > start[:-1]))))


def _set_rows(table: Any, rows: Column) -> None:
    for name in table.column_names():
        values = getattr(table, name)[rows]
        values.flags.writeable = False
        object.__setattr__(table, name, values)


def _order(reading: Reading) -> None:
    """Sort by key; collapse identical duplicates with a finding, refuse conflicting ones."""
    if len(reading) < 2 or _in_order(reading):
        return
    _set_rows(reading, key_order(reading))
    twice = same_key(reading)
    if not twice.any():
        return
    later = np.flatnonzero(twice) + 1
    for name in ("value", "state", "finality", "source_rank", "flags"):
        values = reading.column(name)
        differs = ~((values[later] == values[later - 1]) | (values[later] != values[later]))
        if differs.any():
            row = later[np.flatnonzero(differs)[0]]
            raise FeedFormatChanged(
                f"{reading.series[reading.code[row]]} at {reading.interval_start[row]}Z stands twice in the document "
                f"with different {name}: {values[row - 1]} and {values[row]}."
            )
    keep = np.ones(len(reading), dtype=bool)
    keep[later] = False
    _set_rows(reading, np.flatnonzero(keep))
    note = Finding("duplicates", "identical rows stand more than once in the document", len(later))
    object.__setattr__(reading, "findings", (*reading.findings, note))


@frozen
class Batch:
    """One reading of one document for one dataset: what rows refer to. Doing it again changes nothing.

    ``document_stamp`` and ``archived_at`` order documents; ``covers`` is the window the document is complete for.
    """

    market: str
    dataset: str
    receipt: str
    digest: str
    parser_version: str
    document_name: str
    archived_at: datetime
    document_stamp: datetime | None = None
    covers: Window | None = None
    synthetic: bool = False

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes a batch the same batch."""
        return (self.market, self.dataset, self.receipt, self.parser_version)


def _batches(values: Iterable[Batch]) -> tuple[Batch, ...]:
    return tuple(values)


@frozen(eq=False)
class Observations(_Table):
    """Readings with what only the host knows. ``batch`` indexes ``batches``; rows need be in no order."""

    series: tuple[SeriesId, ...] = field(converter=tuple[SeriesId, ...])
    units: tuple[str, ...] = field(converter=tuple[str, ...])
    batches: tuple[Batch, ...] = field(converter=tuple[Batch, ...])
    code: Column = _column(np.int32)
    interval_start: Column = _column(INSTANT)
    interval_end: Column = _column(INSTANT)
    value: Column = _column(np.float64)
    locator: Column = _column(np.int64, 0)
    state: Column = _column(np.uint8, int(State.OK))
    finality: Column = _column(np.uint8, int(Finality.FINAL))
    source_rank: Column = _column(np.int32, 0)
    flags: Column = _column(np.uint32, 0)
    issued_at: Column = _column(INSTANT, NAT)
    published_at: Column = _column(INSTANT, NAT)
    published_basis: Column = _column(np.uint8, int(PublishedBasis.UNKNOWN))
    batch: Column = _column(np.int32, 0)
    recorded_at: Column = _column(INSTANT, NAT)

    def __attrs_post_init__(self) -> None:
        self._settle_columns()
        _check_rows(self)

    def take(self, rows: npt.ArrayLike) -> Self:
        """The rows that a mask or an index names, with the same series table; not checked again."""
        chosen = np.asarray(rows) if np.size(rows) else np.zeros(0, dtype=np.int64)
        if chosen.dtype == np.bool_:
            chosen = np.flatnonzero(chosen)
        made, put = object.__new__(type(self)), object.__setattr__
        for name in ("series", "units", "batches"):
            put(made, name, getattr(self, name))
        for name in self.column_names():
            values = getattr(self, name).take(chosen)
            values.flags.writeable = False
            put(made, name, values)
        return made

    @classmethod
    def empty(cls) -> Observations:
        """No rows of no series."""
        return cls(
            (), (), (), _NO_ROWS, _NO_ROWS.astype(INSTANT), _NO_ROWS.astype(INSTANT), _NO_ROWS
        )


def observe(
    reading: Reading,
    batch: Batch,
    *,
    published_at: Column | None = None,
    published_basis: Column | None = None,
    flags: int = 0,
) -> Observations:
    """Add to a reading what the host knows; ``flags`` are set on every row."""
    own = {name: reading.column(name) for name in reading.column_names()}
    own["flags"] = reading.flags | np.uint32(flags)
    if published_at is not None:
        own["published_at"] = published_at
    if published_basis is not None:
        own["published_basis"] = published_basis
    return Observations(reading.series, reading.units, (batch,), **own)


def concatenate(tables: Sequence[Observations]) -> Observations:
    """Stack observations; series and batches are merged by equality, codes and batch numbers rewritten.

    Raises `FeedFormatChanged` when one series comes with two units.
    """
    if len(tables) == 1:
        return tables[0]
    if not tables:
        return Observations.empty()
    first = tables[0]
    alike = all(table.series is first.series and table.units == first.units for table in tables)
    places, units = ({}, []) if alike else _merge_series(tables)
    series = first.series if alike else tuple(places)
    batches = _unique(batch for table in tables for batch in table.batches)
    parts: dict[str, list[Column]] = {name: [] for name in Observations.column_names()}
    for table in tables:
        for name, arrays in parts.items():
            values = table.column(name)
            if name == "code" and not alike:
                values = _rewrite(values, table.series, places)
            elif name == "batch":
                values = _rewrite(values, table.batches, batches)
            arrays.append(values)
    columns = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return Observations(series, first.units if alike else units, tuple(batches), **columns)


def only_used(table: Observations) -> Observations:
    """The same rows with a series table and batches of nothing but what they use."""
    used, code = np.unique(table.code, return_inverse=True)
    numbers, batch = np.unique(table.batch, return_inverse=True)
    return attrs.evolve(
        table,
        series=tuple(table.series[place] for place in used),
        units=tuple(table.units[place] for place in used),
        batches=tuple(table.batches[place] for place in numbers),
        code=code,
        batch=batch,
    )


def _unique(items: Iterable[Any]) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for item in items:
        found.setdefault(item, len(found))
    return found


def _merge_series(tables: Sequence[Observations]) -> tuple[dict[SeriesId, int], list[str]]:
    series = _unique(one for table in tables for one in table.series)
    units = [""] * len(series)
    for table in tables:
        for one, unit in zip(table.series, table.units, strict=True):
            place = series[one]
            if units[place] not in ("", unit):
                raise FeedFormatChanged(f"{one} comes in two units: {units[place]} and {unit}.")
            units[place] = unit
    return series, units


def _rewrite(codes: Column, old: Sequence[Any], new: Mapping[Any, int]) -> Column:
    table = np.fromiter((new[item] for item in old), dtype=np.int32, count=len(old))
    return table[codes] if len(table) else codes
