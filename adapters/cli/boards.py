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
_NUMBERS: Final = ("day", "against", "value", "hours", "hours_of_day")
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
        yield from _averages(line)
        yield from _extremes(line)
        yield from _compared(line)
    yield from _allowances(board)
    yield from _feeds(board)
    yield from _revised(board)
    for one in board.absent:
        yield _row(None, "absent", market=one.market, note=one.reason)


def _row(series: SeriesId | None, figure: str, **facts: Any) -> tuple[Any, ...]:
    """One row; what is not given is nothing, or an empty text where the column holds texts."""
    head = dict.fromkeys(COLUMNS, "") | dict.fromkeys(_NUMBERS)
    if series is not None:
        head |= {name: getattr(series, name) for name in ("market", "location", "run", "measure")}
    row = {**head, "figure": figure, **facts}
    return tuple(row[name] for name in COLUMNS)


def _averages(line: BoardLine) -> Iterator[tuple[Any, ...]]:
    for day in line.days:
        for one in day.blocks:
            note = "partial" if one.partial else _why(day) if one.value is None else ""
            yield _row(
                line.series, "average", block=one.block, day=day.day, value=one.value, unit=line.unit,
                hours=one.hours, hours_of_day=one.hours_of_block, finality=one.finality, note=note,
            )  # fmt: skip


def _extremes(line: BoardLine) -> Iterator[tuple[Any, ...]]:
    for day in line.days:
        facts = {
            "block": "base",
            "day": day.day,
            "hours": day.hours,
            "hours_of_day": day.hours_of_day,
        }
        partial = "partial, " if day.partial else ""
        for word, extreme in (("lowest", day.lowest), ("highest", day.highest)):
            if extreme is not None:
                note = partial + format_instant(extreme.start)
                yield _row(
                    line.series,
                    word,
                    **facts,
                    value=extreme.value,
                    unit=line.unit,
                    finality=extreme.finality,
                    note=note,
                )
        if day.hours:
            note = f"{partial}intervals, {day.negative_hours:g} h"
            yield _row(
                line.series,
                "negative",
                **facts,
                value=float(day.negative),
                unit="1",
                finality=day.finality,
                note=note,
            )


def _compared(line: BoardLine) -> Iterator[tuple[Any, ...]]:
    for one in line.changes:
        yield _row(
            line.series, "change", block=one.block, day=one.day, against=one.against, value=one.value,
            unit=line.unit, finality=one.finality, note="partial" if one.partial else "",
        )  # fmt: skip
    for s in line.spreads:
        other = f"{s.other.run} {s.other.measure}"
        told = f"{other}: no common hour" if s.other_mean is None else f"{other} {s.other_mean!r}"
        yield _row(
            line.series, f"less {s.what}", block="base", day=s.day, value=s.value, unit=line.unit, hours=s.hours,
            hours_of_day=s.hours_of_day, finality=s.finality, note=told + (", partial" if s.partial else ""),
        )  # fmt: skip


def _allowances(board: Board) -> Iterator[tuple[Any, ...]]:
    for one in board.allowances:
        facts = {"day": one.day, "unit": one.unit, "finality": one.finality}
        yield _row(one.series, "auction", **facts, value=one.price)
        if one.change is not None:
            note = "against the auction before"
            yield _row(
                one.series, "change", **facts, against=one.before_day, value=one.change, note=note
            )


def _feeds(board: Board) -> Iterator[tuple[Any, ...]]:
    for feed in board.feeds:
        ends, recorded = format_instant(feed.newest), format_instant(feed.recorded_at)
        note = f"{feed.dataset}: newest interval ends {ends}, recorded {recorded}{', late' if feed.late else ''}"
        yield _row(None, "age", market=feed.market, value=_hours(feed.age), unit="h", note=note)


def _revised(board: Board) -> Iterator[tuple[Any, ...]]:
    units = {line.series: line.unit for line in board.lines}
    units |= {one.other: line.unit for line in board.lines for one in line.spreads}
    for one in board.revised:
        before = "nothing" if one.before is None else repr(one.before)
        note = (
            f"{format_instant(one.start)} was {before}, recorded {format_instant(one.recorded_at)}"
        )
        yield _row(
            one.series, "revised", day=one.day, value=one.after, unit=units.get(one.series, ""),
            hours=_hours(one.end - one.start), finality=one.finality, note=note,
        )  # fmt: skip


def _hours(span: timedelta) -> float:
    return span / timedelta(hours=1)


def _why(day: DayFigures) -> str:
    return ", ".join(f"{count} {word}" for word, count in day.absent)
