"""The board as one long table of figures for programs; for people see `boards_drawn`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from carbon254.adapters.cli.options import Format
from carbon254.adapters.cli.output import SYNTHETIC, show, write
from carbon254.core.domain.board import Board, BoardLine, DayFigures
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import format_instant

COLUMNS: Final = (
    "market", "location", "run", "measure", "figure", "block", "day", "against", "value", "unit", "hours",
    "hours_of_day", "finality", "note",
)  # fmt: skip
WIDTH: Final = 118


def show_board(board: Board, form: Format, output: Path | None, *, synthetic: bool) -> None:
    """Write the board in a format."""
    if form is Format.table:
        from carbon254.adapters.cli.boards_drawn import lines

        show(lambda page: lines(board, page, synthetic=synthetic), output, WIDTH)
        return
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for row in figures(board):
        for name, cell in zip(COLUMNS, row, strict=True):
            columns[name].append(cell)
    write(columns, form, output, notes=[SYNTHETIC] if synthetic else [])


def figures(board: Board) -> Iterator[tuple[Any, ...]]:
    """Every figure as a row that names market, place, run, block, day, hours and finality."""
    for line in board.lines:
        yield from _line(line)
    for a in board.allowances:
        head = _head(a.series)
        yield (*head, "auction", "", a.day, None, a.price, a.unit, None, None, a.finality, "")
        if a.change is not None:
            note = "against the auction before"
            yield (
                *head,
                "change",
                "",
                a.day,
                a.before_day,
                a.change,
                a.unit,
                None,
                None,
                a.finality,
                note,
            )
    for f in board.feeds:
        note = f"newest interval ends {format_instant(f.newest)}, recorded {format_instant(f.recorded_at)}"
        note += ", late" if f.late else ""
        yield (
            f.market,
            "",
            "",
            f.dataset,
            "age",
            "",
            None,
            None,
            _hours(f.age),
            "h",
            None,
            None,
            "",
            note,
        )
    units = {line.series: line.unit for line in board.lines}
    units |= {spread.other: line.unit for line in board.lines for spread in line.spreads}
    for r in board.revised:
        before = "nothing" if r.before is None else repr(r.before)
        note = f"{format_instant(r.start)} was {before}, recorded {format_instant(r.recorded_at)}"
        unit, hours = units.get(r.series, ""), _hours(r.end - r.start)
        yield (
            *_head(r.series),
            "revised",
            "",
            r.day,
            None,
            r.after,
            unit,
            hours,
            None,
            r.finality,
            note,
        )
    for one in board.absent:
        yield (
            one.market,
            "",
            "",
            "",
            "absent",
            "",
            None,
            None,
            None,
            "",
            None,
            None,
            "",
            one.reason,
        )


def _head(series: SeriesId) -> tuple[str, str, str, str]:
    return series.market, series.location, series.run, series.measure


def _hours(span: timedelta) -> float:
    return span / timedelta(hours=1)


def _line(line: BoardLine) -> Iterator[tuple[Any, ...]]:
    head = _head(line.series)
    for day in line.days:
        for block in day.blocks:
            note = "partial" if block.partial else _why(day) if block.value is None else ""
            yield (*head, "average", block.block, day.day, None, block.value, line.unit, block.hours,
                   block.hours_of_block, block.finality, note)  # fmt: skip
        yield from _extremes(line, day)
    for change in line.changes:
        note = "partial" if change.partial else ""
        yield (*head, "change", change.block, change.day, change.against, change.value, line.unit, None, None,
               change.finality, note)  # fmt: skip
    for s in line.spreads:
        other = "" if s.other_mean is None else f"{s.other.run} {s.other.measure} {s.other_mean!r}"
        note = other + (", partial" if s.partial else "")
        yield (*head, f"less {s.what}", "base", s.day, None, s.value, line.unit, s.hours, s.hours_of_day, s.finality,
               note or f"{s.other.run} {s.other.measure}: no common hour")  # fmt: skip


def _extremes(line: BoardLine, day: DayFigures) -> Iterator[tuple[Any, ...]]:
    head, partial = _head(line.series), "partial, " if day.partial else ""
    for word, extreme in (("lowest", day.lowest), ("highest", day.highest)):
        if extreme is not None:
            yield (*head, word, "base", day.day, None, extreme.value, line.unit, day.hours, day.hours_of_day,
                   extreme.finality, f"{partial}{format_instant(extreme.start)}")  # fmt: skip
    if day.hours:
        note = f"{partial}intervals, {day.negative_hours:g} h"
        yield (*head, "negative", "base", day.day, None, float(day.negative), "1", day.hours, day.hours_of_day,
               day.finality, note)  # fmt: skip


def _why(day: DayFigures) -> str:
    return ", ".join(f"{count} {word}" for word, count in day.absent)
