"""The board for people: a table for each market and run, each place with its blocks and today's shape beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from textwrap import wrap
from typing import Final

from carbon254.adapters.cli.output import SYNTHETIC, Page
from carbon254.adapters.cli.tables import Cell, Styled
from carbon254.core.domain.board import (
    Allowance,
    Board,
    BoardLine,
    Change,
    Extreme,
    Figure,
    Revised,
    Spread,
)
from carbon254.core.domain.time import format_instant, zone

_BARS: Final = "▁▂▃▄▅▆▇█"
_NONE: Final = Styled("–", "dim")
_MARKS: Final = {"final": "", "preliminary": "p", "indicative": "i", "corrected": "c", "": ""}
_MOST_REVISED: Final = 12
_OFF_PEAK: Final = "off_peak:"
_NAME: Final = 17  # columns of a place's name, which goes on beside its next blocks


def lines(board: Board, page: Page, *, synthetic: bool) -> Iterator[str]:
    """Every line of the drawn board."""
    yield page.line(Styled(_title(board), "bold"))
    if synthetic:
        yield page.line(Styled(SYNTHETIC, "yellow"))
    marks: set[str] = set()
    for _, group in groupby(board.lines, key=_group):
        yield ""
        yield from _market(list(group), page, marks)
    yield from _allowances(board, page, marks)
    for one in board.absent:
        yield ""
        yield page.line(Styled(one.market, "bold"), "  ", Styled(one.reason, "dim"))
    yield from _feeds(board, page)
    yield from _revised(board, page, marks)
    yield from _legend(page, marks)


def _title(board: Board) -> str:
    text = f"Board at {format_instant(board.now)}"
    if board.as_of is not None:
        text += f", as recorded by {format_instant(board.as_of)}"
    if board.published_by is not None:
        text += f", as published by {format_instant(board.published_by)}"
    return text


def _group(line: BoardLine) -> tuple[str, str, str, str, date]:
    return line.series.market, line.series.run, line.unit, line.zone, line.today


def _market(members: Sequence[BoardLine], page: Page, marks: set[str]) -> Iterator[str]:
    first = members[0]
    yield page.line(Styled(first.series.market, "bold"), "  " + _heading(first))
    if first.ahead is not None:
        yield page.line(
            Styled(f"       the newest day; nothing is stored of {first.ahead} yet", "yellow")
        )
    days = [f"{figures.day:%a %-d}" for figures in first.days]
    names = ("", "block", *days, "Δ day", "Δ week", f"{days[1]} hour by hour")
    there = [line for line in members if any(day.hours for day in line.days)]
    rows = [row for line in there for row in _place(line, marks)]
    if rows:
        yield from page.table(names, rows, (False, False, True, True, True, True, True, False))
    if absent := [line.name for line in members if line not in there]:
        yield from wrap(f"no value on these days: {', '.join(absent)}", page.width)


def _heading(line: BoardLine) -> str:
    day = f"{line.today:%a %-d %b %Y} of {line.days[1].hours_of_day:g} h in {line.zone}"
    blocks = [figure.block for figure in line.days[1].blocks]
    less = [name.partition(":")[2] for name in blocks if name.startswith(_OFF_PEAK)]
    off_peak = f"; off_peak is base less {less[0]}" if len(less) == 1 else ""
    return f"{line.series.run} {line.series.measure}, {line.unit}; {day}{off_peak}"


def _place(line: BoardLine, marks: set[str]) -> Iterator[tuple[Cell, ...]]:
    beside = [
        _shape(line),
        _extremes(line, marks),
        *(_spread(one, line.today, marks) for one in line.spreads),
    ]
    names = wrap(line.name, _NAME)
    blocks = line.days[1].blocks
    one_peak = sum(figure.block.startswith(_OFF_PEAK) for figure in blocks) == 1
    for number in range(max(len(blocks), len(beside), len(names))):
        name: Cell = Styled(names[number], "cyan") if number < len(names) else ""
        last = beside[number] if number < len(beside) else ""
        if number >= len(blocks):
            yield (name, "", "", "", "", "", "", last)
            continue
        block = blocks[number].block
        yield (
            name,
            "off_peak" if one_peak and block.startswith(_OFF_PEAK) else block,
            *(_average(day.blocks[number], marks) for day in line.days),
            *(_change(_changed(line, block, n), marks) for n in (1, 7)),
            last,
        )


def _changed(line: BoardLine, block: str, days: int) -> Change | None:
    against = line.today - timedelta(days)
    return next(
        (one for one in line.changes if one.block == block and one.against == against), None
    )


def _marked(
    text: str, finality: str, marks: set[str], *, partial: bool, negative: bool = False
) -> Cell:
    mark = _MARKS[finality]
    if mark:
        marks.add(finality)
    if partial:
        marks.add("partial")
    style = "yellow" if partial else "red" if negative else ""
    return Styled(f"{text}{mark}{'~' if partial else ''}", style) if style else f"{text}{mark}"


def _average(figure: Figure, marks: set[str]) -> Cell:
    if figure.value is None:
        return _NONE
    hours = f"{figure.hours:.4g}/{figure.hours_of_block:g}h " if figure.partial else ""
    text = f"{hours}{figure.value:,.2f}"
    return _marked(text, figure.finality, marks, partial=figure.partial, negative=figure.value < 0)


def _change(change: Change | None, marks: set[str]) -> Cell:
    if change is None or change.value is None:
        return _NONE
    return _marked(f"{change.value:+,.2f}", change.finality, marks, partial=change.partial)


def _shape(line: BoardLine) -> Cell:
    """Today hour by hour, as bars between its lowest and highest hour; a dot where an hour has no value."""
    there = [value for value in line.shape if value is not None]
    if not there:
        states = ", ".join(f"{count} {word}" for word, count in line.days[1].absent)
        return Styled(f"no value: {states} intervals" if states else "no value", "dim")
    low, span = min(there), (max(there) - min(there)) or 1.0
    return "".join(
        "·" if v is None else _BARS[round((v - low) / span * (len(_BARS) - 1))] for v in line.shape
    )


def _extremes(line: BoardLine, marks: set[str]) -> Cell:
    today = line.days[1]
    if today.lowest is None or today.highest is None:
        return ""
    text = f"{_extreme(today.lowest, line)} to {_extreme(today.highest, line)}"
    if today.negative:
        text += f", {today.negative} neg"
    words = {today.lowest.finality, today.highest.finality}
    least = min(words, key=list(_MARKS).index)
    return _marked(text, least, marks, partial=today.partial, negative=today.negative > 0)


def _extreme(extreme: Extreme, line: BoardLine) -> str:
    return f"{extreme.value:,.2f} {_clock(extreme.start, line)}"


def _clock(instant: datetime, line: BoardLine) -> str:
    """The local clock; with its offset where it shows the same time twice, with the date on another day."""
    local = instant.astimezone(zone(line.zone))
    twice = any(
        (instant + timedelta(minutes=n)).astimezone(local.tzinfo).replace(tzinfo=None)
        == local.replace(tzinfo=None)
        for n in (-60, -30, 30, 60)
    )
    text = f"{local:%H:%M}"
    if twice:
        offset = f"{local:%z}"
        text += f"{offset[:3]}:{offset[3:]}"
    return text if local.date() == line.today else f"{text} {local:%-d %b}"


def _spread(spread: Spread, today: date, marks: set[str]) -> Cell:
    other = spread.other.run + spread.other.measure.removeprefix("price").replace("-", " ", 1)
    if spread.value is None or spread.other_mean is None:
        return Styled(f"less {other}: no common hour", "dim")
    hours = f" {spread.hours:.4g}/{spread.hours_of_day:g}h" if spread.partial else ""
    when = "" if spread.day == today else f" {spread.day:%a %-d}"
    text = f"less {other} {spread.other_mean:,.2f} = {spread.value:+,.2f}{hours}{when}"
    return _marked(text, spread.finality, marks, partial=spread.partial)


def _allowances(board: Board, page: Page, marks: set[str]) -> Iterator[str]:
    for (market, run, unit), group in groupby(
        board.allowances, key=lambda a: (a.series.market, a.series.run, a.unit)
    ):
        yield ""
        yield page.line(
            Styled(market, "bold"), f"  {run} price, {unit}: the last auction of each platform"
        )
        rows = [_allowance(one, marks) for one in group]
        yield from page.table(
            ("", "auction", "price", "Δ", "against"), rows, (False, False, True, True, False)
        )


def _allowance(one: Allowance, marks: set[str]) -> tuple[Cell, ...]:
    return (
        Styled(one.name, "cyan"),
        f"{one.day:%a %-d %b %Y}",
        _marked(f"{one.price:,.2f}", one.finality, marks, partial=False),
        _NONE if one.change is None else f"{one.change:+,.2f}",
        "" if one.before_day is None else f"{one.before_day:%a %-d %b %Y}",
    )


def _feeds(board: Board, page: Page) -> Iterator[str]:
    if not board.feeds:
        return
    yield ""
    yield page.line(
        Styled("feeds", "bold"), "  time since the end of the newest interval; + is ahead of now"
    )
    rows: list[tuple[Cell, ...]] = []
    for market, group in groupby(board.feeds, key=lambda feed: feed.market):
        cells = [
            Styled(
                f"{feed.dataset} {_age(feed.age)}{' late' if feed.late else ''}",
                "yellow" if feed.late else "",
            )
            for feed in group
        ]
        rows += [
            (Styled(market, "cyan") if place == 0 else "", *row, *[""] * (3 - len(row)))
            for place in range(0, len(cells), 3)
            for row in [cells[place : place + 3]]
        ]
    yield from page.table(("", "dataset age", "", ""), rows, (False,) * 4)


def _age(age: timedelta) -> str:
    sign, span = ("+", -age) if age < timedelta(0) else ("", age)
    days, hours = span.days, span.seconds / 3600
    return f"{sign}{days} d {int(hours)} h" if days else f"{sign}{hours:.1f} h"


def _revised(board: Board, page: Page, marks: set[str]) -> Iterator[str]:
    if not board.revised:
        return
    yield ""
    yield page.line(
        Styled("revised", "bold"),
        f"  {len(board.revised)} values of these days, the last told first",
    )
    groups = [
        list(group)
        for _, group in groupby(
            board.revised, key=lambda one: (one.series, one.day, one.recorded_at)
        )
    ]
    rows = [_revision(group, marks) for group in groups[:_MOST_REVISED]]
    names = ("series", "day", "intervals", "largest", "at", "was", "is", "recorded")
    yield from page.table(names, rows, (False, False, True, True, False, True, True, False))
    if len(groups) > _MOST_REVISED:
        rest = sum(len(group) for group in groups[_MOST_REVISED:])
        yield page.line(Styled(f"and {rest} more: --format csv has all", "dim"))


def _revision(group: Sequence[Revised], marks: set[str]) -> tuple[Cell, ...]:
    """One line for what one document changed on a day: how many intervals, and the largest change."""
    largest = max(
        group, key=lambda one: float("inf") if _moved(one) is None else abs(_moved(one) or 0.0)
    )
    moved = _moved(largest)
    return (
        Styled(str(largest.series), "cyan"), f"{largest.day:%a %-d %b}", f"{len(group)}",
        _NONE if moved is None else f"{moved:+,.2f}", f"{largest.start:%H:%M}Z", _money(largest.before),
        _NONE if largest.after is None else _marked(_money(largest.after), largest.finality, marks, partial=False),
        format_instant(largest.recorded_at.replace(microsecond=0)),
    )  # fmt: skip


def _moved(one: Revised) -> float | None:
    return None if one.before is None or one.after is None else one.after - one.before


def _money(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _legend(page: Page, marks: set[str]) -> Iterator[str]:
    words = [
        f"{_MARKS[word]} {word}"
        for word in ("indicative", "preliminary", "corrected")
        if word in marks
    ]
    words.append("all else is final" if words else "all is final")
    if "partial" in marks:
        words.append("~ over the hours that have a value")
    words.append("– no value; clocks are the market's")
    yield ""
    yield page.line(Styled("; ".join(words) + ".", "dim"))
