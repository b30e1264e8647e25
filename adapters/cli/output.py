"""Writing tables: for people with rich, for programs as CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from carbon254.adapters.cli.options import Format
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.time import format_instant

Columns = Mapping[str, Sequence[Any]]


def write(columns: Columns, form: Format, output: Path | None = None, *, title: str = "", notes: Iterable[str] = ()) -> None:
    """Write equal-long columns in a format, to a file or to the terminal; ``notes`` go beside a table."""
    if form is Format.table:
        _table(columns, output, title, notes)
        return
    for line in notes:
        print(line, file=sys.stderr)
    body = {Format.csv: _csv, Format.json: _json, Format.parquet: _parquet}[form](columns)
    if output is not None:
        output.write_bytes(body)
    elif form is Format.parquet and sys.stdout.isatty():
        raise InvalidRequest("Parquet is no text: add --output FILE.parquet.")
    else:
        sys.stdout.buffer.write(body)
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


def _rows(columns: Columns) -> Iterable[tuple[Any, ...]]:
    return zip(*columns.values(), strict=True)


def _csv(columns: Columns) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([text(cell) for cell in row] for row in _rows(columns))
    return out.getvalue().encode()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return None
    return format_instant(value) if isinstance(value, datetime) else value


def _json(columns: Columns) -> bytes:
    rows = [dict(zip(columns, map(_plain, row), strict=True)) for row in _rows(columns)]
    return (json.dumps(rows, ensure_ascii=False, indent=1) + "\n").encode()


def _parquet(columns: Columns) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({name: pa.array(list(values)) for name, values in columns.items()})
    sink = io.BytesIO()
    parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _table(columns: Columns, output: Path | None, title: str, notes: Iterable[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title or None, title_justify="left", header_style="bold", pad_edge=False)
    for name, values in columns.items():
        numeric = any(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
        drawn.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in _rows(columns):
        drawn.add_row(*(_cell(value) for value in row))
    with output.open("w", encoding="utf-8") if output else _Terminal() as file:
        console = Console(file=file, width=None if file.isatty() else 200, soft_wrap=False)
        console.print(drawn)
        for line in notes:
            console.print(line, style="bold yellow" if line.startswith("SYNTHETIC") else "dim")


def _cell(value: Any) -> str:
    from rich.markup import escape

    if isinstance(value, float) and value == value:
        return f"{value:,.2f}" if abs(value) >= 0.005 or value == 0 else f"{value:.3g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return escape(text(value))


class _Terminal:
    def __enter__(self) -> Any:
        return sys.stdout

    def __exit__(self, *error: object) -> None:
        """The terminal stays open."""
