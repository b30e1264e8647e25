"""What the price datasets share: the four series of a location and their order."""

from __future__ import annotations

from typing import Final

from carbon254.core.domain.series import SeriesId

UNIT: Final = "USD/MWh"
MEASURES: Final = ("price", "price_energy", "price_congestion", "price_loss")
COMPONENTS: Final = ("LMP", "MCC", "MLC")  # on the wire; the energy part is not published

STATED: Final = 0  # Locator.part: the number stands in the fragment
DERIVED: Final = 1  # Locator.part: the number is LMP - MCC - MLC of the fragment


def series_of(market: str, run: str, kind: str, node: str) -> list[SeriesId]:
    """The series of a location in the order of `MEASURES`."""
    return [SeriesId(market, run, measure, kind, node) for measure in MEASURES]
