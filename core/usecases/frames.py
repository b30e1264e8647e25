"""Between notebooks and the use cases: text in, pandas out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carbon254.core.domain.observations import Column
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.core.usecases.query_series import SeriesAnswer


def frame_of(answers: Sequence[SeriesAnswer]) -> pd.DataFrame:
    """Answers below one another, indexed by ``interval_start`` in UTC."""
    parts = [_frame(answer) for answer in answers]
    if not parts:
        return _empty()
    return pd.concat(parts) if len(parts) > 1 else parts[0]


def _frame(answer: SeriesAnswer) -> pd.DataFrame:
    there = answer.batch >= 0
    frame = pd.DataFrame(
        {
            "series": str(answer.series),
            "interval_end": _instants(answer.interval_end),
            "value": answer.value,
            "unit": answer.unit,
            "state": _words(State, answer.state),
            "finality": np.where(there, _words(Finality, answer.finality), ""),
            "flags": _flags(answer.flags),
            "issued_at": _instants(answer.issued_at),
            "published_at": _instants(answer.published_at),
            "recorded_at": _instants(answer.recorded_at),
        },
        index=pd.DatetimeIndex(answer.interval_start, tz="UTC", name="interval_start"),
    )
    frame.attrs["synthetic"] = answer.synthetic
    return frame


def _empty() -> pd.DataFrame:
    names = ["series", "interval_end", "value", "unit", "state", "finality", "flags", "issued_at", "published_at",
             "recorded_at"]  # fmt: skip
    return pd.DataFrame(columns=names, index=pd.DatetimeIndex([], tz="UTC", name="interval_start"))


def _instants(column: Column) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(column, tz="UTC")


def _words(words: type[State] | type[Finality], codes: Column) -> Column:
    table = np.array([word.word for word in words], dtype=object)
    return np.asarray(table[codes])


def _flags(bits: Column) -> list[str]:
    words = {code: "|".join(Flag.words(code)) for code in np.unique(bits).tolist()}
    return [words[code] for code in bits.tolist()]
