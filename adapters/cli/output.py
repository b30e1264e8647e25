"""Writing tables: for people as columns, for programs as CSV, JSON or Parquet."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from carbon254.adapters.cli.options import Format
from carbon254.adapters.cli.tables import Cell, Styled, draw, in_colour, paint, width_of
from carbon254.core.domain.errors import Carbon254Error, DiskFull, InvalidRequest, NotFound
from carbon254.core.domain.time import format_instant

if TYPE_CHECKING:
    import pyarrow as pa

Columns = Mapping[str, Sequence[Any]]

SYNTHETIC: Final = "SYNTHETIC: made-up values, not the markets'."
_INSTANTS: Final = frozenset((
    "interval_start", "interval_end", "issued_at", "published_at", "recorded_at", "first", "last", "from", "to", "at",
    "archived_at", "document_stamp",
))  # fmt: skip
_FLOATS: Final = frozenset(("value", "share", "hours", "hours_of_day"))
_WHOLE: Final = frozenset(
    ("rows", "count", "intervals", "revisions", "new", "revised", "unchanged")
)
_DAYS: Final = frozenset(("day", "against"))


def write(
    columns: Columns,
    form: Format,
    output: Path | None = None,
    *,
    title: str = "",
    notes: Iterable[str] = (),
) -> None:
    """Write equal-long columns in a format, to a file or to the terminal; ``notes`` go below a table.

    Beside CSV, JSON and Parquet, notes go to standard error, so that what is printed stays what was asked for.
    """
    if form is Format.table:
        show(table(columns, title, notes), output)
        return
    for line in notes:
        print(line, file=sys.stderr)
    body = {Format.csv: _csv, Format.json: _json, Format.parquet: _parquet}[form](columns)
    if output is not None:
        save(output, body)
    elif form is Format.parquet and sys.stdout.isatty():
        raise InvalidRequest("Parquet is no text: add --output FILE.parquet.")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()


def save(path: Path, body: bytes) -> None:
    """Write a file. Raises `NotFound` for a folder that is not there, `DiskFull`, `InvalidRequest`."""
    try:
        path.write_bytes(body)
    except OSError as error:
        raise refusal(path, error) from None


def refusal(path: Path, error: OSError) -> Carbon254Error:
    """Our error for a file that cannot be written."""
    from errno import EDQUOT, ENOSPC

    if isinstance(error, FileNotFoundError):
        return NotFound(f"{path} cannot be written: its folder does not exist.")
    if error.errno in (ENOSPC, EDQUOT):
        return DiskFull(f"{path} cannot be written: the disk is full.")
    return InvalidRequest(f"{path} cannot be written: {error.strerror}.")


class Page:
    """Lines for people, made for a width and with or without colours."""

    def __init__(self, file: TextIO, elsewhere: int = 200) -> None:
        self.width, self.colour = width_of(file, elsewhere), in_colour(file)

    def line(self, *cells: Cell) -> str:
        """Cells one after the other, painted."""
        return "".join(paint(cell, colour=self.colour) for cell in cells)

    def table(
        self, names: Sequence[Cell], rows: Iterable[Sequence[Cell]], right: Sequence[bool]
    ) -> Iterable[str]:
        """A table as lines."""
        return draw(names, rows, right, width=self.width, colour=self.colour)


class _Lines:
    """What `show` prints: lines that are made when the page is known."""

    def __init__(self, columns: Columns, title: str, notes: Iterable[str]) -> None:
        self._columns, self._title, self._notes = columns, title, notes

    def __call__(self, page: Page) -> Iterable[str]:
        if self._title:
            yield page.line(Styled(self._title, "bold"))
        right = [_is_number(values) for values in self._columns.values()]
        rows = ([cell(value) for value in row] for row in _rows(self._columns))
        yield from page.table(list(self._columns), rows, right)
        for note in self._notes:
            yield page.line(Styled(note, "yellow" if note.startswith("SYNTHETIC") else "dim"))


def table(columns: Columns, title: str = "", notes: Iterable[str] = ()) -> _Lines:
    """A table for `show`."""
    return _Lines(columns, title, notes)


def show(lines: Any, output: Path | None = None, elsewhere: int = 200) -> None:
    """Print what ``lines(page)`` yields, or write it to a file without colours."""
    if output is not None:
        import io

        plain = io.StringIO()
        save(output, "".join(f"{line}\n" for line in lines(Page(plain, elsewhere))).encode())
        return
    sys.stdout.write("".join(f"{line}\n" for line in lines(Page(sys.stdout, elsewhere))))
    sys.stdout.flush()


def text(value: Any) -> str:
    """One cell as text: instants in UTC with Z, numbers in full, nothing for None and NaN."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, (list, tuple)):
        return "|".join(map(str, value))
    return repr(value) if isinstance(value, float) else str(value)


def cell(value: Any) -> Cell:
    """One cell for people: numbers rounded, thousands apart."""
    if isinstance(value, Styled):
        return value
    if isinstance(value, float) and value == value:
        return f"{value:,.2f}" if abs(value) >= 0.005 or value == 0 else f"{value:.3g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return text(value)


def _is_number(values: Sequence[Any]) -> bool:
    return any(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _rows(columns: Columns) -> Iterable[tuple[Any, ...]]:
    return zip(*columns.values(), strict=True)


def _csv(columns: Columns) -> bytes:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([text(value) for value in row] for row in _rows(columns))
    return out.getvalue().encode()


def _plain(value: Any) -> Any:
    from datetime import date

    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, datetime):
        return format_instant(value)
    return value.isoformat() if isinstance(value, date) else value


def _json(columns: Columns) -> bytes:
    import json

    rows = [dict(zip(columns, map(_plain, row), strict=True)) for row in _rows(columns)]
    return (json.dumps(rows, ensure_ascii=False, indent=1) + "\n").encode()


def _parquet(columns: Columns) -> bytes:
    import io

    import pyarrow as pa
    from pyarrow import parquet

    arrays = {
        name: pa.array(list(values), type=_type(name, values)) for name, values in columns.items()
    }
    sink = io.BytesIO()
    parquet.write_table(pa.table(arrays), sink, compression="zstd")
    return sink.getvalue()


def _type(name: str, values: Sequence[Any]) -> pa.DataType | None:
    """The type of a column by its values; by its name where it holds none. Instants are UTC."""
    import pyarrow as pa

    first = next((value for value in values if value is not None), None)
    if isinstance(first, datetime) or (first is None and name in _INSTANTS):
        return pa.timestamp("us", tz="UTC")
    if first is not None:
        return None
    if name in _DAYS:
        return pa.date32()
    return pa.float64() if name in _FLOATS else pa.int64() if name in _WHOLE else pa.string()
