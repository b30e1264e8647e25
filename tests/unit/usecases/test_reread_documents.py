"""Reading archived documents again: with a better parser, after a crash, and to fill a lost store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.errors import DiskFull, StoreUnavailable
from carbon254.core.domain.observations import Observations
from carbon254.core.domain.vocabulary import Flag

Make = Callable[..., Document]
ZONE = "toy/day_ahead/price/zone/DE"
COLUMNS = [name for name in Observations.column_names() if name not in ("code", "batch")]


def table(world: Any) -> list[tuple[Any, ...]]:
    """Every row of every age with all its columns, its series and its batch."""
    rows = world.rows()
    return sorted(
        (
            str(rows.series[rows.code[n]]),
            rows.batches[rows.batch[n]].key,
            *(rows.column(name)[n].tobytes() for name in COLUMNS),
        )
        for n in range(len(rows))
    )


def lose_store(world: Any) -> Any:
    """The world with an empty series store; returns the lost one."""
    lost, world.store = world.store, type(world.store)()
    return lost


def fill(world: Any, document: Make) -> list[Any]:
    """A day of revisions by documents and by reading again; returns the instants of the commits."""
    first = document(
        {"2025-06-05T10": 1.0, "2025-06-05T11": 2.0},
        name="day.json",
        stamp="2025-06-04T11:00+00:00",
    )
    later = document(
        {"2025-06-05T10": 1.5, "2025-06-05T11": 2.0},
        name="day.json",
        stamp="2025-06-04T12:00+00:00",
    )
    hole = document(
        {"2025-06-05T10": 1.5}, name="day.json", stamp="2025-06-04T13:00+00:00",
        covers=["2025-06-05T10:00+00:00", "2025-06-05T12:00+00:00"],
    )  # fmt: skip
    late = document({"2025-06-05T10": 9.0}, name="late.json", stamp="2025-06-04T11:30+00:00")
    auction = document({"2025-06-05T10": 70.0}, dataset="auctions")
    instants = []
    for one in (first, later, hole, late, auction):
        (outcome,) = world.run(one)
        instants.append(outcome.recorded.recorded_at)
        world.clock.move(timedelta(minutes=7))
    return instants


# ------------------------------------------------------------ a better parser


def test_a_corrected_parser_leaves_no_stray_interval(
    world: Any, document: Make, parser: Callable[..., Any]
) -> None:
    world.catalogue.markets["toy"], world.catalogue.version = parser(1), "wrong"
    (outcome,) = world.run(document({"2025-06-05T10": 1.0, "2025-06-05T11": 2.0}))
    wrong = {"2025-06-05T11": 1.0, "2025-06-05T12": 2.0}
    assert world.values() == wrong
    world.clock.move(timedelta(hours=1))
    world.catalogue.markets["toy"], world.catalogue.version = parser(0), "right"
    (again,) = world.reread.market("toy")
    assert (again.status, again.recorded.retracted) == ("recorded", 1)
    assert world.values() == {"2025-06-05T10": 1.0, "2025-06-05T11": 2.0, "2025-06-05T12": None}
    assert world.values(as_of=outcome.recorded.recorded_at) == wrong
    stray = world.rows().flags[-1]
    assert stray & Flag.RETRACTED


def test_the_same_parser_again_writes_nothing(world: Any, document: Make) -> None:
    fill(world, document)
    before, marks = table(world), list(world.journal.entries())
    assert {one.status for one in world.reread.market("toy")} == {"unchanged"}
    assert (table(world), list(world.journal.entries())) == (before, marks)


def test_only_the_documents_that_are_named_are_read_again(world: Any, document: Make) -> None:
    one, other = document({"2025-06-05T10": 1.0}), document({"2025-06-05T11": 1.0})
    world.run(one, other)
    world.catalogue.version = "2"
    outcomes = world.reread.market("toy", digests=frozenset({other.digest}))
    assert [outcome.digest for outcome in outcomes] == [other.digest]


def test_a_copy_that_rotted_is_told_and_the_others_are_read(world: Any, document: Make) -> None:
    bad, good = document({"2025-06-05T10": 1.0}), document({"2025-06-05T11": 1.0})
    world.run(bad, good)
    world.archive.bodies[bad.digest] = b"rot"
    world.catalogue.version = "2"
    first, second = world.reread.market("toy")
    assert (first.status, first.code, first.digest) == (
        "unavailable",
        "document_damaged",
        bad.digest,
    )
    assert (second.status, second.digest) == ("unchanged", good.digest)


def test_a_document_that_is_no_longer_recognised_is_read_for_what_it_was_before(
    world: Any, document: Make
) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    world.catalogue.markets["toy"].recognise = lambda document: ()
    world.catalogue.version = "2"
    (outcome,) = world.reread.market("toy")
    assert (outcome.dataset, outcome.status) == ("prices", "unchanged")


def test_a_quarantined_document_that_is_accepted_is_read_again(world: Any, document: Make) -> None:
    bad = document({"2025-06-05T10": 1.0}, error="feed_format_changed")
    world.run(bad)
    read = world.catalogue.markets["toy"].read
    world.catalogue.markets["toy"].read = lambda dataset, given: read(
        dataset, Document(given.name, given.body.replace(b"error", b"erstwhile"))
    )
    (outcome,) = world.quality.accept(bad.digest)
    assert outcome.status == "recorded"
    assert world.values() == {"2025-06-05T10": 1.0}
    assert world.quality.refused(Scope.everything()) == []


def test_an_accepted_document_that_is_still_refused_is_listed_again(
    world: Any, document: Make
) -> None:
    bad = document(error="feed_format_changed")
    world.run(bad)
    (outcome,) = world.quality.accept(bad.digest)
    assert outcome.status == "quarantined"
    assert [one.digest for one in world.quality.refused(Scope.everything())] == [bad.digest]


# ------------------------------------------------------------ a lost store


def test_a_lost_store_is_rebuilt_with_the_same_rows_and_clocks(world: Any, document: Make) -> None:
    instants = fill(world, document)
    before = table(world)
    answers = [world.values(as_of=instant) for instant in instants]
    assert answers[-1] == {"2025-06-05T10": 1.5, "2025-06-05T11": None}
    lose_store(world)
    marks = list(world.journal.entries())
    assert {one.status for one in world.reread.rebuild()} == {"recorded"}
    assert table(world) == before
    assert [world.values(as_of=instant) for instant in instants] == answers
    assert world.store.last_recorded() == instants[-1]
    assert list(world.journal.entries()) == marks


def test_a_rebuild_that_was_interrupted_goes_on(world: Any, document: Make) -> None:
    fill(world, document)
    before = table(world)
    lose_store(world)
    record, calls = world.store.record, []

    def fails(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise DiskFull("no space left")
        return record(*arguments, **options)

    world.store.record = fails
    with pytest.raises(DiskFull):
        world.reread.rebuild()
    world.reread.rebuild()
    assert table(world) == before


def test_a_lost_store_is_rebuilt_before_anything_new_is_finished(
    world: Any, document: Make
) -> None:
    """Else the next ingest would record old documents with new clocks."""
    fill(world, document)
    world.reread.unfinished()
    before = table(world)
    lose_store(world)
    world.reread.unfinished()
    assert table(world) == before


def test_a_store_from_an_old_copy_is_brought_up_to_date(world: Any, document: Make) -> None:
    first, second = document({"2025-06-05T10": 1.0}), document({"2025-06-05T11": 2.0})
    world.run(first)
    old = world.store
    lose_store(world)
    world.reread.rebuild()
    world.clock.move(timedelta(hours=1))
    world.run(second)
    before = table(world)
    world.store = old
    world.reread.unfinished()
    assert table(world) == before


def test_documents_read_by_another_parser_are_rebuilt_and_it_is_told(
    world: Any, document: Make
) -> None:
    (first,) = world.run(document({"2025-06-05T10": 1.0}))
    lose_store(world)
    world.catalogue.version = "2"
    (outcome,) = world.reread.rebuild()
    assert outcome.recorded.recorded_at == first.recorded.recorded_at
    assert outcome.message == "read by parser 2, then by 1."


def test_a_rebuilt_store_of_a_folder_without_records_keeps_its_nature(
    world: Any, document: Make
) -> None:
    world.run(document({"2025-06-05T10": 1.0}), synthetic=True)
    before = table(world)
    lose_store(world)
    world.records = type(world.records)()
    world.reread.rebuild()
    assert table(world) == before
    assert world.records.get("nature") == "synthetic"
    assert [one.place.code for one in world.records.places("toy")] == ["DE"]


# ------------------------------------------------------------ after a crash


def crash_at_commit(world: Any) -> None:
    """Let the next commit be marked and then fail, as when the process is killed in between."""
    record = world.store.record

    def marked(observations: Any, *, now: Any, mark: Any = None) -> Any:
        world.store.record = record
        if mark:
            mark(now)
        raise StoreUnavailable("killed")

    world.store.record = marked


def test_what_was_marked_and_not_committed_is_finished_at_its_instant(
    world: Any, document: Make
) -> None:
    now = world.clock.now()
    crash_at_commit(world)
    with pytest.raises(StoreUnavailable):
        world.run(document({"2025-06-05T10": 1.0}))
    world.clock.move(timedelta(hours=1))
    (outcome,) = world.reread.unfinished()
    assert (outcome.status, outcome.recorded.recorded_at) == ("recorded", now)
    before = table(world)
    lose_store(world)
    world.reread.rebuild()
    assert table(world) == before


def test_a_commit_that_never_was_is_not_rebuilt_in_place_of_the_one_that_was(
    world: Any, document: Make
) -> None:
    """The clock stands still, as in a demo: the next commit gets the instant of the failed one."""
    one, other = document({"2025-06-05T10": 1.0}), document({"2025-06-05T11": 2.0})
    crash_at_commit(world)
    with pytest.raises(StoreUnavailable):
        world.run(one)
    world.run(other)
    world.run(one)
    before = table(world)
    lose_store(world)
    world.reread.rebuild()
    assert table(world) == before


def test_a_commit_that_never_was_takes_no_instant_from_the_others(
    world: Any, document: Make
) -> None:
    """Both marks say the same instant; only the later can have been committed."""
    crash_at_commit(world)
    with pytest.raises(StoreUnavailable):
        world.run(document({"2025-06-05T10": 1.0}))
    world.run(document({"2025-06-05T11": 2.0}))
    before = table(world)
    lose_store(world)
    world.reread.rebuild()
    assert table(world) == before
    world.reread.unfinished()
    assert world.values() == {"2025-06-05T10": 1.0, "2025-06-05T11": 2.0}


def test_a_dataset_that_a_crash_left_unread_is_finished_though_another_was_read(
    world: Any, document: Make
) -> None:
    both = document({"2025-06-05T10": 1.0}, datasets=["prices", "replies"])
    read = world.catalogue.markets["toy"].read

    def killed(dataset: str, given: Document) -> Any:
        if dataset == "replies":
            raise KeyboardInterrupt
        return read(dataset, given)

    world.catalogue.markets["toy"].read = killed
    with pytest.raises(KeyboardInterrupt):
        world.run(both)
    world.catalogue.markets["toy"].read = read
    (outcome,) = world.reread.unfinished()
    assert (outcome.dataset, outcome.status) == ("replies", "unchanged")
    assert {batch.dataset for batch in world.store.batches()} == {"prices", "replies"}


def test_what_is_finished_is_not_looked_at_again(world: Any, document: Make) -> None:
    world.run(
        document({"2025-06-05T10": 1.0}),
        document(error="not_published_yet"),
        document(error="document_damaged"),
    )
    (outcome,) = world.reread.unfinished()
    assert outcome.status == "no_data"
    world.archive.bodies.clear()
    assert world.reread.unfinished() == []


def test_documents_of_a_market_that_was_uninstalled_keep_nothing_from_being_finished(
    new_world: Callable[..., Any], document: Make
) -> None:
    world = new_world("gone")
    world.run(
        document({"2025-06-05T10": 1.0}, market="gone", series="gone/day_ahead/price/zone/DE")
    )
    del world.catalogue.markets["gone"]
    world.clock.move(timedelta(hours=1))
    crash_at_commit(world)
    with pytest.raises(StoreUnavailable):
        world.run(document({"2025-06-05T10": 2.0}))
    lose_store(world)
    outcomes = world.reread.unfinished()
    assert [(one.market, one.status, one.code) for one in outcomes] == [
        ("gone", "unavailable", "not_found"),
        ("toy", "recorded", ""),
    ]
    assert world.values() == {"2025-06-05T10": 2.0}
