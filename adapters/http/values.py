"""``…/values`` and ``/v1/values``: numbers with their states, as stored or as something was made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import falcon

from carbon254.adapters.http.cursors import Pinned
from carbon254.adapters.http.door import Door
from carbon254.adapters.http.parameters import MOST_ROWS, ManyValuesAsked, ValuesAsked
from carbon254.adapters.http.replies import Made
from carbon254.adapters.http.value_tables import made_of, made_wide
from carbon254.core.domain.blocks import Block
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest, TooLarge
from carbon254.core.domain.resampling import Step
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, parse_duration
from carbon254.core.usecases.query_series import Question
from carbon254.core.usecases.read_values import Ask, ReadValues
from carbon254.core.usecases.values import Position


class SeriesValues:
    """One series."""

    def __init__(self, door: Door, values: ReadValues) -> None:
        self._door, self._values = door, values

    def on_get(self, request: falcon.Request, response: falcon.Response, **parts: str) -> None:
        """Every interval of the window that was asked for, with a number or the reason why there is none."""
        call, form = self._door.call(request, response, table=True)
        with call:

            def make(asked: ValuesAsked, pinned: Pinned, scope: Scope) -> Made:
                ask = ask_of(asked, pinned, (series_of(parts),), ())
                page = self._values.run(ask, scope, limit=asked.limit, after=_after(pinned))
                return made_of(page.values, page.next, asked, pinned, one=form == "json")

            self._door.give(request, response, call, form, ValuesAsked, make)


class ManyValues:
    """Many series."""

    def __init__(self, door: Door, values: ReadValues) -> None:
        self._door, self._values = door, values

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Rows below one another in the order of the series, or side by side with a column for each."""
        call, form = self._door.call(request, response, table=True)
        with call:
            self._door.give(request, response, call, form, ManyValuesAsked, self._make)

    def _make(self, asked: ManyValuesAsked, pinned: Pinned, scope: Scope) -> Made:
        series, patterns = chosen_series(asked.series)
        ask, wide = ask_of(asked, pinned, series, patterns), asked.layout == "wide"
        limit = MOST_ROWS if wide else asked.limit
        page = self._values.run(ask, scope, limit=limit, after=_after(pinned))
        if not wide:
            return made_of(page.values, page.next, asked, pinned, one=False)
        if page.next is not None:
            raise TooLarge(
                f"side by side, {MOST_ROWS} values are the most: ask for less, or for layout=long."
            )
        return made_wide(page.values, asked, pinned)


def series_of(parts: Mapping[str, str]) -> SeriesId:
    """The series of a path."""
    names = ("market", "run", "measure", "kind", "location")
    return SeriesId.parse("/".join(parts[name] for name in names))


def chosen_series(
    texts: Sequence[str],
) -> tuple[tuple[SeriesId, ...], tuple[SeriesPattern, ...]]:
    """Exact ids, and patterns: what has wildcards or fewer than five parts."""
    exact = [one.count("/") >= 4 and not set("*?[") & set(one) for one in texts]
    pairs = list(zip(texts, exact, strict=True))
    return (
        tuple(SeriesId.parse(one) for one, whole in pairs if whole),
        tuple(SeriesPattern.parse(one) for one, whole in pairs if not whole),
    )


def ask_of(
    asked: ValuesAsked,
    pinned: Pinned,
    series: tuple[SeriesId, ...],
    patterns: tuple[SeriesPattern, ...],
) -> Ask:
    """The use case's question."""
    question = Question(
        series, patterns, Window(asked.start, asked.end), pinned.as_of, asked.published_by,
        asked.include_history, asked.vintages, None, pinned.judged_at,
        parse_duration(asked.lead) if asked.lead else None,
    )  # fmt: skip
    return Ask(
        question,
        Step.parse(asked.resample) if asked.resample else None,
        asked.as_,
        Block.parse(asked.block) if asked.block else None,
        _captured(asked.stat),
        asked.day_timezone,
        asked.unit,
        asked.currency,
        asked.fx,
    )


def _captured(stat: str | None) -> str | None:
    if stat is None:
        return None
    name, _, volume = stat.partition(":")
    if name != "capture" or not volume:
        raise InvalidRequest(
            f"stat: '{stat}' is not capture:MEASURE, as in capture:generation_solar."
        )
    return volume


def _after(pinned: Pinned) -> Position | None:
    if not pinned.after:
        return None
    series, *key = pinned.after
    return Position(SeriesId.parse(series), tuple(key))
