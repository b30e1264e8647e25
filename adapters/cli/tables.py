"""Tables for people: plain columns with a rule under their names, as wide as the terminal, without any library.

``carbon254 markets`` starts in a fifth of a second because nothing is loaded to draw this.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TextIO

from attrs import frozen

GAP: Final = "  "
_CODES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_STEERING: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # control characters
_LEAST: Final = 8  # columns of text are not made narrower than this


@frozen
class Styled:
    """Text with a style: one of bold, dim, red, green, yellow and cyan."""

    text: str
    style: str = ""


Cell = str | Styled


def plain(cell: Cell) -> str:
    r"""The cell without its style, on one line: what would steer the terminal is shown as ``\x1b``.

    >>> plain("a\nb")
    'a\\nb'
    """
    text = cell.text if isinstance(cell, Styled) else cell
    return text if text.isprintable() else _STEERING.sub(lambda sign: repr(sign[0])[1:-1], text)


def wide(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in text
    )


def width_of(file: TextIO, elsewhere: int = 200) -> int:
    """Columns of the terminal that the file is, or ``elsewhere``."""
    if isinstance(columns := getattr(file, "columns", None), int):  # of who called from elsewhere
        return columns or elsewhere
    if given := os.environ.get("COLUMNS", ""):
        return int(given) if given.isdecimal() and int(given) else elsewhere
    try:
        return os.get_terminal_size(file.fileno()).columns or elsewhere
    except (OSError, ValueError, AttributeError):
        return elsewhere


def in_colour(file: TextIO) -> bool:
    """Whether the file takes colours: a terminal that nobody asked to be plain (``NO_COLOR``)."""
    if isinstance(colour := getattr(file, "colour", None), bool):
        return colour
    if os.environ.get("FORCE_COLOR"):
        return True
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and file.isatty()


def paint(cell: Cell, width: int = 0, *, right: bool = False, colour: bool = False) -> str:
    """A cell filled up to a width, and painted where colours are wanted."""
    text = plain(cell)
    space = " " * (width - wide(text))
    style = cell.style if isinstance(cell, Styled) and colour else ""
    shown = f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style in _CODES and text else text
    return space + shown if right else shown + space


def draw(
    names: Sequence[Cell],
    rows: Iterable[Sequence[Cell]],
    right: Sequence[bool],
    *,
    width: int = 200,
    colour: bool = False,
) -> Iterator[str]:
    """Draw a table, line by line; what does not fit into ``width`` is wrapped inside its column."""
    body = [tuple(row) for row in rows]
    lines = [tuple(names), *body]
    natural = [max(wide(plain(line[place])) for line in lines) for place in range(len(names))]
    widths = _fitted(natural, right, width - len(GAP) * (len(names) - 1))
    head = tuple(name if isinstance(name, Styled) else Styled(name, "bold") for name in names)
    yield from _line(head, widths, right, colour=colour)
    yield paint(Styled(GAP.join("─" * each for each in widths), "dim"), colour=colour)
    for row in body:
        yield from _line(row, widths, right, colour=colour)


def _fitted(widths: list[int], right: Sequence[bool], room: int) -> list[int]:
    """Take from the widest columns of text until all fit; numbers are never wrapped."""
    fitted = list(widths)
    while sum(fitted) > room:
        text = [
            place for place, number in enumerate(right) if not number and fitted[place] > _LEAST
        ]
        if not text:
            break
        widest = max(text, key=lambda place: fitted[place])
        others = sorted((fitted[place] for place in text if place != widest), reverse=True)
        least = max(
            _LEAST, others[0] if others and others[0] < fitted[widest] else fitted[widest] - 1
        )
        fitted[widest] = max(least, fitted[widest] - (sum(fitted) - room))
    return fitted


def _line(
    row: Sequence[Cell], widths: Sequence[int], right: Sequence[bool], *, colour: bool
) -> Iterator[str]:
    parts = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, parts))):
        shown = (
            paint(part[number] if number < len(part) else "", width, right=side, colour=colour)
            for part, width, side in zip(parts, widths, right, strict=True)
        )
        yield GAP.join(shown).rstrip()


def _wrapped(cell: Cell, width: int) -> list[Cell]:
    text = plain(cell)
    if wide(text) <= width:
        return [cell]
    from textwrap import wrap

    lines = wrap(text, width, break_on_hyphens=False) or [""]
    return (
        [Styled(line, cell.style) for line in lines]
        if isinstance(cell, Styled)
        else list[Cell](lines)
    )
