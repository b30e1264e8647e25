"""The board as tables for people, and as one long table of figures for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from carbon254.adapters.cli.options import Format
from carbon254.adapters.cli.output import write
from carbon254.core.domain.blocks import BlockAverage
from carbon254.core.domain.board import Board, BoardLine, Extreme
from carbon254.core.domain.time import format_instant, zone

_COLUMNS: Final = (
    "market", "location", "run", "measure", "figure", "block", "day", "against", "value", "unit", "hours", "hours_of_day",
    "finality", "note",
)  # fmt: skip
_SYNTHETIC: Final = "SYNTHETIC: made-up values, not the markets'."


def show(board: Board, form: Format, output: Path | None, *, synthetic: bool) -> None:
    """Write the board in a format."""
    notes = [_SYNTHETIC] if synthetic else []
    if form is not Format.table:
        write(_columns(_COLUMNS, figures(board)), form, output, notes=notes)
        return
    title = f"board, {format_instant(board.now)}" + (f", as of {format_instant(board.as_of)}" if board.as_of else "")
    _table(("place", "run", "block", "yesterday", "today", "tomorrow", "Δ day", "Δ week", "unit", "is"),
           _prices(board), title, output, notes)  # fmt: skip
    _table(("place", "day", "lowest", "highest", "negative", "beside", "less by", "over"), _beside(board), "", output)
    allowances = (
        (a.series.location, a.series.run, str(a.day), _money(a.price), _signed(a.change), a.unit, a.finality)
        for a in board.allowances
    )
    _table(("allowance", "run", "auction", "price", "Δ auction", "unit", "is"), allowances, "carbon beside power", output)
    feeds = ((f"{f.market} {f.dataset}", format_instant(f.newest), _age(f.age)) for f in board.feeds)
    _table(("feed", "newest interval ends", "age"), feeds, "feeds", output)
    revised = (
        (str(r.series), format_instant(r.start), _money(r.before), _money(r.after), r.finality, format_instant(r.recorded_at))
        for r in board.revised
    )
    _table(("revised", "interval", "before", "after", "is", "recorded"), revised, "", output)


def _table(
    names: tuple[str, ...], rows: Iterable[tuple[Any, ...]], title: str, output: Path | None, notes: Iterable[str] = ()
) -> None:
    columns = _columns(names, rows)
    if columns[names[0]]:
        write(columns, Format.table, output, title=title, notes=notes)


def _columns(names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for row in rows:
        for name, cell in zip(names, row, strict=True):
            columns[name].append(cell)
    return columns


def _prices(board: Board) -> Iterator[tuple[str, ...]]:
    for line in board.lines:
        for place, average in enumerate(line.days[1].blocks):
            changes = {change.against: change for change in line.changes if change.block == average.name}
            day, week = (changes.get(line.today - timedelta(n)) for n in (1, 7))
            yield (
                f"{line.series.market} {line.name}" if not place else "",
                line.series.run if not place else "",
                average.name,
                *(_average(figures.blocks[place]) for figures in line.days),
                _signed(day.value if day else None),
                _signed(week.value if week else None),
                line.unit if not place else "",
                line.days[1].finality if not place else "",
            )


def _beside(board: Board) -> Iterator[tuple[str, ...]]:
    for line in board.lines:
        today = line.days[1]
        first = (
            f"{line.series.market} {line.name}", str(line.today), _extreme(today.lowest, line.zone),
            _extreme(today.highest, line.zone), f"{today.negative}" if today.blocks else "",
        )  # fmt: skip
        spreads = [
            (f"{s.other.run} {s.other.measure}", _signed(s.value), f"{_hours(s.hours)} of {_hours(s.hours_of_day)} h on {s.day}")
            for s in line.spreads
        ] or [("", "", "")]
        yield (*first, *spreads[0])
        for spread in spreads[1:]:
            yield ("", "", "", "", "", *spread)


def figures(board: Board) -> Iterator[tuple[Any, ...]]:
    """Every figure as a row that names market, place, run, block, day, hours and finality."""
    for line in board.lines:
        yield from _line(line)
    for a in board.allowances:
        head = (a.series.market, a.series.location, a.series.run, a.series.measure)
        yield (*head, "auction", "", a.day, None, a.price, a.unit, None, None, a.finality, "")
        yield (*head, "change", "", a.day, None, a.change, a.unit, None, None, a.finality, "against the auction before")
    for f in board.feeds:
        age = f.age / timedelta(hours=1)
        yield (f.market, "", "", f.dataset, "age", "", None, None, age, "h", None, None, "", format_instant(f.newest))
    for r in board.revised:
        head = (r.series.market, r.series.location, r.series.run, r.series.measure)
        note = f"{format_instant(r.start)} was {'nothing' if r.before is None else r.before}"
        yield (*head, "revised", "", None, None, r.after, "", None, None, r.finality, note)


def _line(line: BoardLine) -> Iterator[tuple[Any, ...]]:
    head = (line.series.market, line.series.location, line.series.run, line.series.measure)
    for day in line.days:
        hours = day.window.length / timedelta(hours=1)
        for block in day.blocks:
            yield (*head, "average", block.name, day.day, None, block.value, line.unit, block.hours_present,
                   block.hours_expected, day.finality, _partial(block))  # fmt: skip
        for word, extreme in (("lowest", day.lowest), ("highest", day.highest)):
            if extreme is not None:
                yield (*head, word, "base", day.day, None, extreme.value, line.unit, None, hours, day.finality,
                       format_instant(extreme.start))  # fmt: skip
        yield (*head, "negative", "base", day.day, None, float(day.negative), "1", day.negative_hours, hours,
               day.finality, "intervals")  # fmt: skip
    for change in line.changes:
        note = "partial" if change.partial else ""
        yield (*head, "change", change.block, line.today, change.against, change.value, line.unit, None, None,
               line.days[1].finality, note)  # fmt: skip
    for s in line.spreads:
        yield (*head, f"less {s.what}", "base", s.day, None, s.value, line.unit, s.hours, s.hours_of_day, s.finality,
               f"{s.other.run} {s.other.measure} {'' if s.other_mean is None else s.other_mean}")  # fmt: skip


def _partial(block: BlockAverage) -> str:
    return "" if block.complete else "partial"


def _average(block: BlockAverage) -> str:
    if block.value is None:
        return "–"
    return _money(block.value) + ("" if block.complete else f" ({_hours(block.hours_present)}/{_hours(block.hours_expected)} h)")


def _money(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+,.2f}"


def _extreme(extreme: Extreme | None, zone_name: str) -> str:
    if extreme is None:
        return "–"
    return f"{extreme.value:,.2f} at {extreme.start.astimezone(zone(zone_name)):%H:%M%z}"


def _hours(hours: float) -> str:
    return f"{round(hours, 2):g}"


def _age(age: timedelta) -> str:
    if age < timedelta(0):
        return f"{_age(-age)} ahead"
    days, hours = age.days, age.seconds / 3600
    return f"{days} d {hours:.0f} h" if days else f"{hours:.1f} h"


