"""A reading that exists is valid: what no document may say is refused when it is made (DESIGN §2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Finality, State

HUB = SeriesId.parse("caiso/day_ahead/price/hub/TH_NP15_GEN-APND")
ONE, TWO, THREE = (np.datetime64(f"2025-06-04T0{hour}:00", "us") for hour in (1, 2, 3))


def reading(**changed: Any) -> Reading:
    columns: dict[str, Any] = {
        "series": (HUB,),
        "units": ("USD/MWh",),
        "code": [0, 0],
        "interval_start": [ONE, TWO],
        "interval_end": [TWO, THREE],
        "value": [-1.5, 0.0],
    }
    return Reading(**{**columns, **changed})


def test_negative_and_zero_are_values() -> None:
    made = reading()
    assert made.value.tolist() == [-1.5, 0.0]
    assert made.state.tolist() == [State.OK, State.OK]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"state": [State.MISSING, State.OK]}, "missing or not applicable row carries a value"),
        ({"state": [State.NOT_APPLICABLE, State.OK]}, "not applicable row carries a value"),
        ({"value": [np.nan, 0.0]}, "not a finite number"),
        ({"value": [np.inf, 0.0]}, "not a finite number"),
        ({"interval_end": [ONE, TWO], "interval_start": [TWO, THREE]}, "ends before it starts"),
        ({"interval_end": [np.datetime64("NaT"), THREE]}, "no start or end"),
        ({"state": [State.LATE, State.OK], "value": [np.nan, 0.0]}, "derived state"),
        ({"finality": [9, 9]}, "finality is not in the vocabulary"),
        ({"flags": [1 << 31, 0]}, "flag is not in the vocabulary"),
        ({"code": [0, 1]}, "outside the series table"),
        ({"series": (HUB, HUB), "units": ("USD/MWh",) * 2}, "stands twice in the series table"),
        ({"units": ()}, "1 series but 0 units"),
        ({"value": [1.0]}, "column 'value' has shape"),
    ],
)
def test_what_no_document_may_say_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        reading(**changed)


def test_one_interval_with_two_values_is_refused_and_with_one_is_told() -> None:
    twice = {"interval_start": [ONE, ONE], "interval_end": [TWO, TWO]}
    with pytest.raises(
        FeedFormatChanged, match="stands twice in the document with different value"
    ):
        reading(**twice)
    with pytest.raises(FeedFormatChanged, match="different finality"):
        reading(**twice, value=[5, 5], finality=[Finality.FINAL, Finality.PRELIMINARY])
    made = reading(**twice, value=[5, 5])
    assert made.value.tolist() == [5]
    assert [(finding.rule, finding.count) for finding in made.findings] == [("duplicates", 1)]


def test_a_window_holds_its_start_and_not_its_end() -> None:
    start, end = datetime(2025, 6, 4, tzinfo=UTC), datetime(2025, 6, 5, tzinfo=UTC)
    window = Window(start, end)
    assert window.holds(start)
    assert not window.holds(end), "the first interval of the next day is counted twice"
