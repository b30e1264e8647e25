"""The contract of `RecordStore`: every adapter, and the fake, passes all of it.

A subclass gives a fixture ``records``: a fresh, empty store.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import evolve

from carbon254.core.domain.cards import Place
from carbon254.core.domain.errors import NotFound
from carbon254.ports.records import PlaceEntry, Quarantined, RecordStore

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PARIS = timezone(HOUR)
PLANT = Place(
    kind="unit", code="BW01", name="Bayswater – 1", aliases=("BAYSW1", "BW 1"), parent="NSW1", area="AU-NSW",
    fuel="coal", capacity_mw=660.0, latitude=-32.39, longitude=150.95, currency="AUD", from_=date(1985, 4, 1),
    to=date(2033, 1, 1), replaces=("OLD",), replaced_by=(), expected=False,
)  # fmt: skip
HUB = Place(kind="hub", code="TH_NP15_GEN-APND")


def entry(
    place: Place = HUB, at: datetime = NOON, market: str = "caiso", digest: str = ""
) -> PlaceEntry:
    """A row of the registry."""
    return PlaceEntry(market, place, at, digest)


def refusal(
    digest: str = "d1", dataset: str = "load", at: datetime = NOON, **other: Any
) -> Quarantined:
    """A refused document."""
    facts = {
        "market": "caiso",
        "receipt": "r1",
        "name": "a.zip",
        "code": "document_damaged",
        "message": "cut",
    } | other
    return Quarantined(digest=digest, dataset=dataset, at=at, **facts)


class RegistrySuite:
    """What `LocationRegistry` promises."""

    def test_every_field_of_a_place_comes_back(self, records: RecordStore) -> None:
        told = entry(PLANT, market="nem", digest="abc")
        assert records.learn([told]) == 1
        assert list(records.places("nem")) == [told]

    def test_a_place_that_is_known_is_not_recorded_again(self, records: RecordStore) -> None:
        records.learn([entry()])
        assert (
            records.learn([entry(at=NOON + HOUR, digest="later"), entry(PLANT, market="nem")]) == 1
        )
        assert [e.recorded_at for e in records.places("caiso")] == [NOON]

    def test_the_same_place_twice_in_one_list_is_learnt_once(self, records: RecordStore) -> None:
        assert records.learn([entry(), entry()]) == 1

    def test_what_was_known_earlier_is_still_answered_as_of_then(
        self, records: RecordStore
    ) -> None:
        named = evolve(HUB, name="North of Path 15")
        records.learn([entry()])
        assert records.learn([entry(named, NOON + HOUR)]) == 1
        assert [e.place for e in records.places("caiso")] == [named]
        assert [e.place for e in records.places("caiso", as_of=NOON + HOUR)] == [named]
        assert [
            e.place for e in records.places("caiso", as_of=NOON + HOUR - timedelta(microseconds=1))
        ] == [HUB]
        assert records.places("caiso", as_of=NOON - HOUR) == []

    def test_a_return_to_what_was_known_before_is_recorded(self, records: RecordStore) -> None:
        named = evolve(HUB, name="NP15")
        records.learn([entry()])
        assert records.learn([entry(named, NOON + HOUR)]) == 1
        assert records.learn([entry(HUB, NOON + 2 * HOUR)]) == 1
        assert [e.place for e in records.places("caiso")] == [HUB]

    def test_spans_of_validity_of_one_code_stand_side_by_side(self, records: RecordStore) -> None:
        """A list that says both, learnt at every start, is learnt once."""
        old = evolve(HUB, parent="A", to=date(2020, 1, 1))
        new = evolve(HUB, parent="B", from_=date(2020, 1, 1))
        assert records.learn([entry(old), entry(new)]) == 2
        assert records.learn([entry(old, NOON + HOUR), entry(new, NOON + HOUR)]) == 0
        assert [e.place for e in records.places("caiso")] == [old, new]

    def test_places_are_of_one_market_and_kind_ordered_by_kind_and_code(
        self, records: RecordStore
    ) -> None:
        node, area = Place(kind="node", code="B"), Place(kind="node", code="A")
        records.learn([entry(node), entry(), entry(area), entry(PLANT, market="nem")])
        assert [e.place for e in records.places("caiso")] == [HUB, area, node]
        assert [e.place for e in records.places("caiso", kind="node")] == [area, node]
        assert records.places("miso") == []


class QuarantineSuite:
    """What `QuarantineLog` promises."""

    def test_a_refusal_comes_back_whole(self, records: RecordStore) -> None:
        records.refuse(refusal(message="line 3: 'MW' is missing – renamed?"))
        assert list(records.refused()) == [refusal(message="line 3: 'MW' is missing – renamed?")]

    def test_refusals_are_listed_oldest_first_and_by_market(self, records: RecordStore) -> None:
        records.refuse(refusal("d2", at=NOON + HOUR))
        records.refuse(refusal("d1"))
        records.refuse(refusal("d3", at=NOON + 2 * HOUR, market="miso"))
        assert [e.digest for e in records.refused()] == ["d1", "d2", "d3"]
        assert [e.digest for e in records.refused("caiso")] == ["d1", "d2"]
        assert records.refused("nem") == []

    def test_the_same_document_again_is_listed_once_with_its_last_message(
        self, records: RecordStore
    ) -> None:
        records.refuse(refusal())
        records.refuse(refusal(at=NOON + HOUR, message="renamed", code="feed_format_changed"))
        assert list(records.refused()) == [refusal(message="renamed", code="feed_format_changed")]

    def test_one_document_may_be_refused_for_two_datasets(self, records: RecordStore) -> None:
        records.refuse(refusal(dataset="prices"))
        records.refuse(refusal(dataset="load"))
        assert [e.dataset for e in records.refused()] == ["load", "prices"]
        accepted = records.accept("d1", NOON + HOUR)
        assert [(e.dataset, e.accepted_at) for e in accepted] == [
            ("load", NOON + HOUR),
            ("prices", NOON + HOUR),
        ]

    def test_what_is_accepted_is_no_longer_listed(self, records: RecordStore) -> None:
        records.refuse(refusal())
        records.refuse(refusal("d2"))
        records.accept("d1", NOON + HOUR)
        assert [e.digest for e in records.refused()] == ["d2"]
        again = records.accept("d1", NOON + 2 * HOUR)
        assert [e.accepted_at for e in again] == [NOON + HOUR]

    def test_what_stood_at_an_instant_is_told_as_it_was(self, records: RecordStore) -> None:
        records.refuse(refusal("d1"))
        records.refuse(refusal("d2", at=NOON + HOUR))
        records.accept("d1", NOON + 2 * HOUR)

        def stood(hours: float) -> list[str]:
            moment = (NOON + hours * HOUR).astimezone(PARIS)
            return [e.digest for e in records.refused(as_of=moment)]

        assert [stood(n) for n in (-1, 0, 0.5, 1, 1.5, 2, 3)] == [
            [], ["d1"], ["d1"], ["d1", "d2"], ["d1", "d2"], ["d2"], ["d2"],
        ]  # fmt: skip
        assert records.refused("miso", as_of=NOON + HOUR) == []

    def test_an_accepted_document_that_is_refused_again_is_listed_again(
        self, records: RecordStore
    ) -> None:
        records.refuse(refusal())
        records.accept("d1", NOON + HOUR)
        records.refuse(refusal(at=NOON + 2 * HOUR, message="still wrong"))
        assert list(records.refused()) == [refusal(at=NOON + 2 * HOUR, message="still wrong")]

    def test_an_unknown_document_cannot_be_accepted(self, records: RecordStore) -> None:
        with pytest.raises(NotFound, match="d9"):
            records.accept("d9", NOON)


class FactsSuite:
    """What `Facts` promises."""

    def test_a_fact_is_what_was_put_last(self, records: RecordStore) -> None:
        assert records.get("nature") is None
        records.put("nature", "real")
        records.put("fingerprint caiso/load", '{"columns": ["A – B"]}')
        records.put("nature", "synthetic")
        assert records.get("nature") == "synthetic"
        assert records.get("fingerprint caiso/load") == '{"columns": ["A – B"]}'

    def test_a_fact_is_claimed_by_who_knows_what_it_was(self, records: RecordStore) -> None:
        assert records.claim("key", "mine", None)
        assert not records.claim("key", "theirs", None)
        assert not records.claim("key", "theirs", "other")
        assert records.get("key") == "mine"
        assert records.claim("key", "theirs", "mine")
        assert not records.claim("absent", "mine", "mine")
        assert (records.get("key"), records.get("absent")) == ("theirs", None)

    def test_one_of_many_that_claim_at_once_has_it(self, records: RecordStore) -> None:
        everybody = threading.Barrier(8)

        def claim(number: int) -> bool:
            everybody.wait()
            return records.claim("key", str(number), None)

        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(claim, range(8)))
        assert told.count(True) == 1
        assert records.get("key") == str(told.index(True))


class RecordStoreSuite(RegistrySuite, QuarantineSuite, FactsSuite):
    """What `RecordStore` promises."""

    def test_instants_are_utc_wherever_they_came_from(self, records: RecordStore) -> None:
        records.refuse(refusal(at=NOON.astimezone(PARIS)))
        records.learn([entry(at=NOON.astimezone(PARIS))])
        (held,) = records.refused()
        (known,) = records.places("caiso", as_of=NOON.astimezone(PARIS))
        for moment in (held.at, known.recorded_at):
            assert moment == NOON
            assert moment.utcoffset() == timedelta(0)
