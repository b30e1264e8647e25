"""Taking documents in: archive and receipt first, then read, check, record; or quarantine with the reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import Conflict, DiskFull, NotFound
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.vocabulary import Flag, PublishedBasis
from carbon254.core.usecases.ingest_documents import error_of

Make = Callable[..., Document]
ZONE = "toy/day_ahead/price/zone/DE"


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


def published(world: Any, pattern: str = "toy") -> dict[str, tuple[str, str]]:
    """Start of each row to when it was published, and how we know."""
    rows = world.rows(pattern)
    return {
        str(rows.interval_start[n])[:13]: (
            str(rows.published_at[n])[:16],
            PublishedBasis(rows.published_basis[n]).word,
        )
        for n in range(len(rows))
    }


# ------------------------------------------------------------ what is recognised


def test_a_recognised_document_is_recorded_with_its_rows(world: Any, document: Make) -> None:
    (outcome,) = world.run(
        document({"2025-06-05T10": 12.5, "2025-06-05T11": -3.0, "2025-06-05T12": 0.0})
    )
    assert (outcome.status, outcome.market, outcome.dataset, outcome.code) == (
        "recorded",
        "toy",
        "prices",
        "",
    )
    assert (outcome.rows_read, outcome.recorded.new) == (3, 3)
    assert world.values() == {"2025-06-05T10": 12.5, "2025-06-05T11": -3.0, "2025-06-05T12": 0.0}


def test_what_nobody_recognises_is_listed_and_neither_archived_nor_quarantined(world: Any) -> None:
    (outcome,) = world.run(Document("holiday.txt", b"not for us"))
    assert (outcome.name, outcome.status, outcome.code) == ("holiday.txt", "unrecognised", "")
    assert "no installed market recognises it" in outcome.message
    assert world.archive.bodies == {}
    assert list(world.journal.entries()) == []
    assert world.records.refused() == []


def test_a_document_that_nobody_recognises_does_not_decide_the_folders_nature(
    world: Any, document: Make
) -> None:
    world.run(Document("holiday.txt", b"not for us"))
    assert world.records.get("nature") is None
    world.run(document({"2025-06-05T10": 1.0}), synthetic=True)
    assert world.records.get("nature") == "synthetic"


def test_a_document_of_two_markets_is_read_by_both(
    new_world: Callable[..., Any], document: Make
) -> None:
    world = new_world("other")
    world.catalogue.markets["other"].recognise = lambda document: ("prices",)
    first, second = world.run(document({"2025-06-05T10": 1.0}))
    assert [one.market for one in (first, second)] == ["other", "toy"]
    assert len(world.archive.bodies) == 1
    assert len(world.journal.receipts()) == 2


def test_a_market_that_is_named_and_not_installed_is_not_found(world: Any, document: Make) -> None:
    with pytest.raises(NotFound, match="nosuch"):
        world.run(document({"2025-06-05T10": 1.0}), market="nosuch")
    assert world.archive.bodies == {}


def test_receipt_and_archive_come_before_reading(world: Any, document: Make) -> None:
    seen: dict[str, Any] = {}
    parser = world.catalogue.markets["toy"]
    read = parser.read

    def spy(dataset: str, given: Document) -> Any:
        seen["archived"] = world.archive.has(given.digest)
        seen["receipts"] = [one.digest for one in world.journal.receipts().values()]
        return read(dataset, given)

    parser.read = spy
    one = document({"2025-06-05T10": 1.0})
    world.run(one)
    assert seen == {"archived": True, "receipts": [one.digest]}


def test_all_receipts_of_a_document_come_before_its_first_reading(
    new_world: Callable[..., Any], document: Make
) -> None:
    """Else a crash in the first market's reading would lose the second market's."""
    world = new_world("other")
    world.catalogue.markets["other"].recognise = lambda document: ("prices",)
    world.catalogue.markets["other"].read = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        world.run(document({"2025-06-05T10": 1.0}))
    assert [one.market for one in world.journal.receipts().values()] == ["other", "toy"]


# ------------------------------------------------------------ again


def test_the_same_batch_again_changes_nothing(world: Any, document: Make) -> None:
    one = document({"2025-06-05T10": 1.0})
    world.run(one)
    before = (len(world.rows()), world.store.last_recorded(), list(world.journal.entries()))
    world.clock.move(timedelta(hours=1))
    (outcome,) = world.run(one)
    assert outcome.status == "unchanged"
    assert (len(world.rows()), world.store.last_recorded(), list(world.journal.entries())) == before


def test_the_same_content_under_another_name_writes_no_row_twice(world: Any) -> None:
    from_server = Document(
        "a.json", b'{"toy": "toy", "datasets": ["prices"], "rows": [["%b", "2025-06-05T10", 1.0]]}'
    )
    body = from_server.body.replace(b"%b", ZONE.encode())
    world.run(Document("a.json", body))
    world.clock.move(timedelta(hours=1))
    (outcome,) = world.run(Document("b.json", body))
    assert (outcome.status, outcome.recorded.unchanged) == ("unchanged", 1)
    assert len(world.rows()) == 1
    assert len(world.archive.bodies) == 1


def test_a_return_to_an_earlier_document_is_three_revisions(world: Any, document: Make) -> None:
    first = document({"2025-06-05T10": 1.0}, name="day.json")
    other = document({"2025-06-05T10": 2.0}, name="day.json")
    for one in (first, other, first):
        (outcome,) = world.run(one)
        assert outcome.status == "recorded"
        world.clock.move(timedelta(hours=1))
    assert world.rows().value.tolist() == [1.0, 2.0, 1.0]
    assert world.values() == {"2025-06-05T10": 1.0}


# ------------------------------------------------------------ quarantine


@pytest.mark.parametrize(
    "code", ["document_damaged", "feed_format_changed", "too_large", "plugin_broken"]
)
def test_what_cannot_be_read_is_quarantined_with_its_code_and_kept(
    world: Any, document: Make, code: str
) -> None:
    bad = document(error=code)
    good = document({"2025-06-05T10": 1.0})
    first, second = world.run(bad, good)
    assert (first.status, first.code) == ("quarantined", code)
    assert error_of(first).code == code
    assert second.status == "recorded"
    (kept,) = world.records.refused("toy")
    assert (kept.digest, kept.dataset, kept.code, kept.name) == (
        bad.digest,
        "prices",
        code,
        bad.name,
    )
    assert world.archive.get(bad.digest) == bad.body


@pytest.mark.parametrize("crash", ["key", "exit", "value"])
def test_a_parser_that_crashes_is_plugin_broken_and_the_others_go_on(
    new_world: Callable[..., Any], document: Make, crash: str
) -> None:
    world = new_world("other")
    bad, good = (
        document(crash=crash),
        document({"2025-06-05T10": 1.0}, market="other", series=f"other{ZONE[3:]}"),
    )
    first, second = world.run(bad, good)
    assert (first.market, first.status, first.code) == ("toy", "quarantined", "plugin_broken")
    assert "toy failed on" in first.message
    assert (second.market, second.status) == ("other", "recorded")


def test_a_parser_that_returns_nonsense_is_plugin_broken(world: Any, document: Make) -> None:
    (outcome,) = world.run(document(nonsense=True))
    assert (outcome.status, outcome.code) == ("quarantined", "plugin_broken")


@pytest.mark.parametrize("code", ["invalid_request", "conversion_unavailable"])
def test_a_word_outside_the_vocabulary_is_a_changed_format(
    world: Any, document: Make, code: str
) -> None:
    (outcome,) = world.run(document(error=code))
    assert (outcome.status, outcome.code) == ("quarantined", "feed_format_changed")


@pytest.mark.parametrize(
    "series",
    [
        "toy/day_ahead/generation_unobtainium/zone/DE",
        "toy/day_ahead/price/planet/DE",
        "toy/noon/price/zone/DE",
    ],
)
def test_an_unknown_fuel_kind_or_run_is_a_changed_format(
    world: Any, document: Make, series: str
) -> None:
    (outcome,) = world.run(document({"2025-06-05T10": 1.0}, series=series))
    assert (outcome.status, outcome.code) == ("quarantined", "feed_format_changed")
    assert outcome.message.startswith("toy")


@pytest.mark.parametrize("code", ["not_found", "conflict", "store_unavailable", "disk_full"])
def test_a_parser_may_not_speak_for_the_store(world: Any, document: Make, code: str) -> None:
    """An error that is not a parser's to raise is the plugin's fault; it must not end the run."""
    first, second = world.run(document(error=code), document({"2025-06-05T10": 1.0}))
    assert (first.status, first.code) == ("quarantined", "plugin_broken")
    assert second.status == "recorded"


def test_no_data_yet_and_try_again_are_told_and_not_quarantined(world: Any, document: Make) -> None:
    first, second = world.run(
        document(error="not_published_yet"), document(error="feed_unavailable")
    )
    assert (first.status, first.code) == ("no_data", "not_published_yet")
    assert (second.status, second.code) == ("unavailable", "feed_unavailable")
    assert world.records.refused() == []


def test_an_empty_answer_is_not_success(world: Any, document: Make) -> None:
    (outcome,) = world.run(document({}, ignored={"other_product": 7}))
    assert (outcome.status, outcome.code) == ("quarantined", "document_damaged")
    assert "holds no row" in outcome.message


def test_an_empty_answer_of_events_is_no_error(world: Any, document: Make) -> None:
    (outcome,) = world.run(document({}, dataset="auctions"))
    assert (outcome.status, outcome.code) == ("unchanged", "")
    assert world.records.refused() == []


def test_a_plugin_that_crashes_while_it_looks_keeps_nobody_from_looking(
    new_world: Callable[..., Any], document: Make
) -> None:
    world = new_world("bomb")
    world.catalogue.markets["bomb"].recognise = lambda document: 1 // 0
    (outcome,) = world.run(document({"2025-06-05T10": 1.0}))
    assert (outcome.market, outcome.status) == ("toy", "recorded")


def test_a_plugin_that_crashes_while_it_looks_is_named_when_nobody_recognises(world: Any) -> None:
    (outcome,) = world.run(Document("x.bin", b"recognise-bomb"))
    assert (outcome.status, outcome.code) == ("unrecognised", "plugin_broken")
    assert "toy failed to look at it: ZeroDivisionError" in outcome.message


def test_a_plugin_that_recognises_an_unknown_dataset_is_not_followed(
    world: Any, document: Make
) -> None:
    (outcome,) = world.run(document({"2025-06-05T10": 1.0}, datasets=["prices", "nosuch"]))
    assert (outcome.status, outcome.code) == ("unrecognised", "plugin_broken")
    assert "'nosuch'" in outcome.message


def test_a_plugin_that_cannot_be_loaded_keeps_nobody_from_reading(
    new_world: Callable[..., Any], document: Make
) -> None:
    world = new_world("ill")
    world.catalogue.broken["ill"] = "ImportError"
    (outcome,) = world.run(document({"2025-06-05T10": 1.0}))
    assert outcome.status == "recorded"


def test_another_unit_is_a_changed_format_and_nothing_of_it_is_stored(
    world: Any, document: Make
) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    (outcome,) = world.run(document({"2025-06-05T11": 2.0}, unit="GBP/MWh"))
    assert (outcome.status, outcome.code) == ("quarantined", "feed_format_changed")
    assert "EUR/MWh" in outcome.message
    assert world.values() == {"2025-06-05T10": 1.0}


def test_a_unit_that_is_none_is_a_changed_format(world: Any, document: Make) -> None:
    first, second = world.run(
        document({"2025-06-05T10": 1.0}), document({"2025-06-05T11": 1.0}, unit="EUR/furlong")
    )
    assert first.status == "recorded"
    assert (second.status, second.code) == ("quarantined", "feed_format_changed")


def test_a_document_in_quarantine_is_listed_once_however_often_it_comes(
    world: Any, document: Make
) -> None:
    bad = document(error="document_damaged")
    world.run(bad, bad)
    assert len(world.records.refused()) == 1


def test_a_disk_that_is_full_ends_the_run_and_keeps_what_was_recorded(
    world: Any, document: Make
) -> None:
    first, second = document({"2025-06-05T10": 1.0}), document({"2025-06-05T11": 2.0})
    world.run(first)
    record = world.store.record

    def full(*arguments: Any, **options: Any) -> Any:
        raise DiskFull("no space left")

    world.store.record = full
    with pytest.raises(DiskFull):
        world.run(second)
    world.store.record = record
    assert world.values() == {"2025-06-05T10": 1.0}
    assert world.records.refused() == []
    (outcome,) = world.run(second)
    assert outcome.status == "recorded"
    assert world.values() == {"2025-06-05T10": 1.0, "2025-06-05T11": 2.0}


# ------------------------------------------------------------ chunks


def test_chunks_of_a_document_are_one_batch(world: Any, document: Make) -> None:
    chunks = [[[ZONE, "2025-06-05T11", 2.0]], [[ZONE, "2025-06-05T10", 1.0]]]
    (outcome,) = world.run(document(chunks=chunks))
    assert (outcome.status, outcome.rows_read) == ("recorded", 2)
    assert len(world.store.batches()) == 1
    assert world.values() == {"2025-06-05T10": 1.0, "2025-06-05T11": 2.0}


def test_a_row_that_two_chunks_hold_is_written_once(world: Any, document: Make) -> None:
    chunks = [
        [[ZONE, "2025-06-05T10", 1.0]],
        [[ZONE, "2025-06-05T10", 1.0]],
        [[ZONE, "2025-06-05T11", None]],
    ]
    (outcome,) = world.run(document(chunks=chunks))
    assert outcome.status == "recorded"
    assert len(world.rows()) == 2


def test_chunks_that_contradict_each_other_are_a_changed_format(world: Any, document: Make) -> None:
    chunks = [[[ZONE, "2025-06-05T10", 1.0]], [[ZONE, "2025-06-05T10", 2.0]]]
    (outcome,) = world.run(document(chunks=chunks))
    assert (outcome.status, outcome.code) == ("quarantined", "feed_format_changed")
    assert "twice" in outcome.message
    assert len(world.rows()) == 0


# ------------------------------------------------------------ when it was published


def test_a_claim_is_the_moment_of_publication_where_the_card_says_so(
    world: Any, document: Make
) -> None:
    world.run(document({"2025-06-05T10": 1.0}, published="2025-06-04T10:57:31+00:00"))
    assert published(world) == {"2025-06-05T10": ("2025-06-04T10:57", "claim")}


def test_the_stamp_of_a_reply_is_no_claim(world: Any, document: Make) -> None:
    world.run(
        document({"2025-06-05T10": 1.0}, dataset="replies", published="2025-06-06T11:59:00+00:00")
    )
    # The interval ends 11:00; the card says half an hour later.
    assert published(world) == {"2025-06-05T10": ("2025-06-05T11:30", "rule")}


def test_without_a_claim_the_cards_rule_counts(world: Any, document: Make) -> None:
    # 14:00 in Berlin on the day before 5 June, which is 12:00 UTC.
    world.run(document({"2025-06-05T10": 1.0}))
    assert published(world) == {"2025-06-05T10": ("2025-06-04T12:00", "rule")}


def test_what_we_had_before_it_was_due_was_published_when_we_saw_it(
    world: Any, document: Make
) -> None:
    # It is 12:00 on 6 June; tomorrow's prices came at 11:30, half an hour before they were due.
    world.clock.move(-timedelta(minutes=30))
    world.run(document({"2025-06-07T10": 1.0}))
    assert published(world) == {"2025-06-07T10": ("2025-06-06T11:30", "observed")}


def test_final_numbers_were_published_when_the_card_says_that_they_come(
    world: Any, document: Make
) -> None:
    market = world.catalogue.markets["toy"]
    facts = evolve(market.card.dataset("replies"), final_due=Rule.parse("D+5 12:00"))
    market.card = evolve(market.card, datasets={**market.card.datasets, "replies": facts})
    world.clock.move(at(2025, 11, 8) - world.clock.now())
    told = {}
    for finality in ("preliminary", "final"):
        hours = {"2025-03-25T10": 1.0, "2025-10-26T01": 2.0, "2025-11-04T10": 3.0}
        world.run(document(hours, dataset="replies", finality=finality))
        told[finality] = list(published(world).values())
    assert told["preliminary"] == [
        ("2025-03-25T11:30", "rule"),
        ("2025-10-26T02:30", "rule"),
        ("2025-11-04T11:30", "rule"),
    ]
    assert told["final"] == [
        ("2025-03-30T10:00", "rule"),  # noon in summer time
        ("2025-10-31T11:00", "rule"),  # noon in winter time
        ("2025-11-08T00:00", "observed"),  # the 9th is yet to come
    ]


def test_days_of_23_and_25_hours_have_their_due_times(world: Any, document: Make) -> None:
    world.clock.move(at(2025, 11, 1) - world.clock.now())
    hours = {
        # 29 March, in winter time: due on 28 March 14:00+01:00.
        "2025-03-29T22": ("2025-03-28T13:00", "rule"),
        # 30 March, 23 hours from 23:00Z to 22:00Z: due on 29 March 14:00+01:00.
        "2025-03-29T23": ("2025-03-29T13:00", "rule"),
        "2025-03-30T21": ("2025-03-29T13:00", "rule"),
        # 31 March: due on 30 March 14:00+02:00.
        "2025-03-30T22": ("2025-03-30T12:00", "rule"),
        # 26 October, 25 hours from 22:00Z to 23:00Z: due on 25 October 14:00+02:00.
        "2025-10-25T22": ("2025-10-25T12:00", "rule"),
        "2025-10-26T00": ("2025-10-25T12:00", "rule"),
        "2025-10-26T01": ("2025-10-25T12:00", "rule"),
        "2025-10-26T22": ("2025-10-25T12:00", "rule"),
        # 27 October: due on 26 October 14:00+01:00.
        "2025-10-26T23": ("2025-10-26T13:00", "rule"),
    }
    world.run(document(dict.fromkeys(hours, 1.0)))
    assert published(world) == hours


# ------------------------------------------------------------ flags


def test_every_row_of_a_synthetic_document_is_flagged(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0, "2025-06-05T11": None}), synthetic=True)
    rows = world.rows()
    assert (rows.flags & np.uint32(Flag.SYNTHETIC) > 0).all()
    assert all(batch.synthetic for batch in rows.batches)


def test_no_row_of_a_real_document_is_flagged_synthetic(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    assert world.rows().flags.tolist() == [0]


def test_a_price_outside_the_limits_of_its_day_is_suspect_and_stays(
    world: Any, document: Make
) -> None:
    # The cap rose from 3000 to 4000 with delivery on 30 March, which begins at 23:00Z.
    rows = {
        "2025-03-29T22": 3500.0,
        "2025-03-29T23": 3500.0,
        "2025-03-30T10": 4000.5,
        "2025-03-30T11": -500.5,
    }
    (outcome,) = world.run(document(rows))
    flagged = {
        str(start)[:13]: bool(flags & Flag.SUSPECT)
        for start, flags in zip(world.rows().interval_start, world.rows().flags, strict=True)
    }
    assert flagged == {
        "2025-03-29T22": True,
        "2025-03-29T23": False,
        "2025-03-30T10": True,
        "2025-03-30T11": True,
    }
    assert world.values() == rows
    assert [(one.rule, one.count) for one in outcome.findings] == [("limits", 3)]


# ------------------------------------------------------------ places


def test_the_registry_learns_the_cards_places_and_those_of_documents(
    world: Any, document: Make
) -> None:
    new = document({"2025-06-05T10": 1.0}, series="toy/day_ahead/price/hub/NEWHUB")
    world.run(new)
    entries = {(one.place.kind, one.place.code): one for one in world.records.places("toy")}
    assert set(entries) == {("zone", "DE"), ("hub", "NEWHUB")}
    assert entries["zone", "DE"].place.name == "Germany"
    assert entries["hub", "NEWHUB"].digest == new.digest
    assert world.records.places("toy", as_of=at(2025, 6, 6, 11)) == []


def test_the_registry_does_not_learn_the_same_place_twice(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}, series="toy/day_ahead/price/hub/NEWHUB"))
    before = world.records.places("toy")
    world.clock.move(timedelta(days=1))
    world.run(document({"2025-06-05T11": 1.0}, series="toy/day_ahead/price/hub/NEWHUB"))
    assert world.records.places("toy") == before


# ------------------------------------------------------------ synthetic or real, for ever


@pytest.mark.parametrize("first", [True, False])
def test_documents_of_the_other_nature_are_refused_before_anything_is_archived(
    world: Any, document: Make, first: bool
) -> None:
    world.run(document({"2025-06-05T10": 1.0}), synthetic=first)
    before = dict(world.archive.bodies), list(world.journal.entries())
    with pytest.raises(Conflict, match="for ever") as refused:
        world.run(document({"2025-06-05T11": 2.0}), synthetic=not first)
    assert refused.value.code == "conflict"
    assert (dict(world.archive.bodies), list(world.journal.entries())) == before


def test_the_other_nature_is_refused_whatever_the_documents_are(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}), synthetic=True)
    with pytest.raises(Conflict):
        world.run(Document("holiday.txt", b"not for us"))


def test_a_folder_whose_records_were_lost_keeps_its_nature(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}), synthetic=True)
    world.records = type(world.records)()
    before = dict(world.archive.bodies)
    with pytest.raises(Conflict):
        world.run(document({"2025-06-05T11": 2.0}))
    assert dict(world.archive.bodies) == before


def test_a_document_keeps_its_name_headers_and_digest_in_its_receipt(
    world: Any, document: Make
) -> None:
    one = evolve(document({"2025-06-05T10": 1.0}), headers={"Last-Modified": "yesterday"})
    world.run(one)
    (receipt,) = world.journal.receipts().values()
    assert (receipt.name, receipt.digest, receipt.request) == (
        one.name,
        one.digest,
        f"file:{one.name}",
    )
    assert dict(receipt.headers) == {"last-modified": "yesterday"}
    again = receipt.document(world.archive.get(receipt.digest))
    assert (again.name, again.body, again.media_type) == (one.name, one.body, one.media_type)
