"""Which series there are, the identity card of one, and how far each reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import falcon

from carbon254.adapters.http.cursors import Pinned
from carbon254.adapters.http.door import Door
from carbon254.adapters.http.parameters import CardAsked, CoverageAsked, FindAsked
from carbon254.adapters.http.replies import Made
from carbon254.adapters.http.tables import Cells, counts, figures, moments, texts
from carbon254.adapters.http.values import series_of
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.schemas import plain
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, format_instant
from carbon254.core.usecases.describe_series import DescribeSeries
from carbon254.core.usecases.find_series import Coverage, FindSeries


class Series:
    """Find series, or describe one."""

    def __init__(self, door: Door, find: FindSeries, describe: DescribeSeries) -> None:
        self._door, self._find, self._describe = door, find, describe

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Stored series that match patterns and words, with how far each reaches."""
        call, form = self._door.call(request, response, table=True)
        with call:
            self._door.give(request, response, call, form, FindAsked, self._found)

    def _found(self, asked: FindAsked, pinned: Pinned, scope: Scope) -> Made:
        entries = self._find.run(
            patterns_of(asked.series), scope, text=asked.q, as_of=pinned.as_of, published_by=asked.published_by
        )  # fmt: skip
        entries, place = page(entries, [one.series for one in entries], pinned, asked.limit)
        table = {
            "series": texts([one.series for one in entries]),
            "unit": texts([one.unit for one in entries]),
            "first": moments([one.first for one in entries]),
            "last": moments([one.last for one in entries]),
            "rows": counts([one.rows for one in entries]),
            "recorded_at": moments([one.recorded_at for one in entries]),
        }
        return Made(clocks(asked, pinned), table, place, pinned.as_of)

    def on_get_card(self, request: falcon.Request, response: falcon.Response, **parts: str) -> None:
        """What the number is, when it is due, how far it reaches and how it is revised."""
        call, form = self._door.call(request, response)
        with call:

            def make(asked: CardAsked, pinned: Pinned, scope: Scope) -> Made:
                card = self._describe.run(
                    series_of(parts), scope, as_of=pinned.as_of, published_by=asked.published_by
                )
                return Made({**plain(card), **clocks(asked, pinned)}, as_of=pinned.as_of)

            self._door.give(request, response, call, form, CardAsked, make)


class Coverages:
    """How far series reach, and what of them lacks."""

    def __init__(self, door: Door, find: FindSeries) -> None:
        self._door, self._find = door, find

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Intervals by state for each series, over a window or from its first to its last interval."""
        call, form = self._door.call(request, response, table=True)
        with call:
            self._door.give(request, response, call, form, CoverageAsked, self._covered)

    def _covered(self, asked: CoverageAsked, pinned: Pinned, scope: Scope) -> Made:
        after = SeriesId.parse(pinned.after[0]) if pinned.after else None
        found = self._find.coverage(
            patterns_of(asked.series), scope, window_of(asked.start, asked.end), as_of=pinned.as_of,
            published_by=asked.published_by, judged_at=pinned.judged_at, after=after, limit=asked.limit + 1,
        )  # fmt: skip
        place = (str(found[asked.limit - 1].entry.series),) if len(found) > asked.limit else None
        return Made(
            clocks(asked, pinned),
            _coverage_table(found[: asked.limit]),
            place,
            pinned.as_of,
            changing=True,
        )


def _coverage_table(found: Sequence[Coverage]) -> dict[str, Cells]:
    states = [", ".join(f"{n} {state}" for state, n in one.states.items()) for one in found]
    gaps = ["; ".join(f"{span} {state}" for span, state in one.gaps) for one in found]
    return {
        "series": texts([one.entry.series for one in found]),
        "start": moments([one.window.start for one in found]),
        "end": moments([one.window.end for one in found]),
        "intervals": counts([one.intervals for one in found]),
        "share": figures([one.share for one in found]),
        "states": texts(states),
        "gaps": texts(gaps),
        "revisions": counts([one.revisions for one in found]),
    }


def patterns_of(given: Sequence[str]) -> tuple[SeriesPattern, ...]:
    """Patterns, of which a whole id is one too."""
    return tuple(SeriesPattern.parse(one) for one in given)


def window_of(start: Any, end: Any) -> Window | None:
    """The window, if there is one. Raises `InvalidRequest` for half of one."""
    if (start is None) != (end is None):
        raise InvalidRequest("start and end go together: give both, or none.")
    return Window(start, end) if start is not None else None


def page(
    found: list[Any], keys: Sequence[SeriesId], pinned: Pinned, limit: int
) -> tuple[list[Any], tuple[str] | None]:
    """The part of what was found that the page holds, and the place of its last row where more follow."""
    after = SeriesId.parse(pinned.after[0]) if pinned.after else None
    first = sum(1 for key in keys if key <= after) if after is not None else 0
    last = first + limit
    return found[first:last], (str(keys[last - 1]),) if last < len(found) else None


def clocks(asked: Any, pinned: Pinned) -> dict[str, str | None]:
    """The clocks of the answer."""
    told = {"as_of": pinned.as_of, "published_by": asked.published_by}
    return {name: one and format_instant(one) for name, one in told.items()}
