"""A number followed back to its document, the fragment that it stands in, and read again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest, NotEntitled, NotFound, PluginBroken
from carbon254.core.domain.series import SeriesId

Make = Callable[..., Document]
ZONE = SeriesId.parse("toy/day_ahead/price/zone/DE")
TEN = datetime(2025, 6, 5, 10, tzinfo=UTC)
EVERYTHING = Scope.everything()


def test_a_number_leads_to_its_document_and_fragment(world: Any, document: Make) -> None:
    one = document({"2025-06-05T09": 1.0, "2025-06-05T10": -2.5})
    world.run(one)
    found = world.trace.run(ZONE, TEN, EVERYTHING)
    assert (found.receipt.name, found.batch.digest) == (one.name, one.digest)
    assert found.fragment == b'["toy/day_ahead/price/zone/DE", "2025-06-05T10", -2.5]'
    assert (found.reread, found.same) == (-2.5, True)


def test_an_earlier_number_is_traced_as_of_then(world: Any, document: Make) -> None:
    (first,) = world.run(document({"2025-06-05T10": 1.0}, name="day.json"))
    world.clock.move(timedelta(hours=1))
    world.run(document({"2025-06-05T10": 2.0}, name="day.json"))
    assert world.trace.run(ZONE, TEN, EVERYTHING).reread == 2.0
    assert world.trace.run(ZONE, TEN, EVERYTHING, as_of=first.recorded.recorded_at).reread == 1.0


def test_a_number_that_a_document_only_said_again_is_found_where_that_document_says_it(
    world: Any, document: Make
) -> None:
    """A late document makes the platform write the restatement out; the number stands in another place there."""
    stamps = [f"2025-06-04T{hour}:00+00:00" for hour in (10, 11, 12)]
    first = document({"2025-06-05T10": 1.0}, stamp=stamps[0])
    again = document(
        {"2025-06-05T08": 7.0, "2025-06-05T09": 8.0, "2025-06-05T10": 1.0}, stamp=stamps[2]
    )
    late = document({"2025-06-05T10": 5.0}, stamp=stamps[1])
    for one in (first, again, late):
        world.run(one)
        world.clock.move(timedelta(hours=1))
    assert world.values()["2025-06-05T10"] == 1.0
    found = world.trace.run(ZONE, TEN, EVERYTHING)
    assert found.batch.digest == again.digest
    assert found.fragment == b'["toy/day_ahead/price/zone/DE", "2025-06-05T10", 1.0]'
    assert found.same


def test_what_a_document_took_back_stands_nowhere_in_it(world: Any, document: Make) -> None:
    covers = ["2025-06-05T08:00+00:00", "2025-06-05T12:00+00:00"]
    world.run(
        document({"2025-06-05T10": 1.0, "2025-06-05T09": 1.0}, stamp="2025-06-04T10:00+00:00")
    )
    world.clock.move(timedelta(hours=1))
    hole = document({"2025-06-05T09": 1.0}, stamp="2025-06-04T11:00+00:00", covers=covers)
    world.run(hole)
    found = world.trace.run(ZONE, TEN, EVERYTHING)
    assert (found.batch.digest, found.fragment, found.reread) == (hole.digest, b"", None)


def test_a_number_of_a_wrong_parser_is_traced_to_where_it_stood(
    world: Any, document: Make, parser: Callable[..., Any]
) -> None:
    world.catalogue.markets["toy"] = parser(1)
    world.run(document({"2025-06-05T09": 1.0, "2025-06-05T10": 2.0}))
    world.catalogue.markets["toy"] = parser(0)
    found = world.trace.run(ZONE, TEN, EVERYTHING)
    assert found.fragment == b'["toy/day_ahead/price/zone/DE", "2025-06-05T09", 1.0]'
    assert (found.reread, found.same) == (2.0, False)


def test_an_interval_that_is_not_stored_is_not_found(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    with pytest.raises(NotFound, match="2025-06-05T11:00:00Z"):
        world.trace.run(ZONE, TEN + timedelta(hours=1), EVERYTHING)


def test_a_naive_time_is_refused(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    with pytest.raises(InvalidRequest, match="no UTC offset"):
        world.trace.run(ZONE, TEN.replace(tzinfo=None), EVERYTHING)


def test_a_number_outside_the_scope_is_refused(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    with pytest.raises(NotEntitled):
        world.trace.run(ZONE, TEN, Scope((SeriesPattern("other"),)))


def test_a_lost_journal_is_told(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    world.journal = type(world.journal)()
    with pytest.raises(NotFound, match="no receipt"):
        world.trace.run(ZONE, TEN, EVERYTHING)


def test_a_plugin_that_cannot_locate_is_broken(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    world.catalogue.markets["toy"].locate = lambda *_: 1 // 0
    with pytest.raises(PluginBroken, match="toy cannot locate"):
        world.trace.run(ZONE, TEN, EVERYTHING)
