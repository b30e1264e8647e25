"""Announcements become messages: what is in them, how they follow one another, and that none is lost."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from carbon254.adapters.arrow.columns import decode, encode
from carbon254.core.domain.entitlements import SeriesPattern
from carbon254.core.domain.errors import (
    Carbon254Error,
    Conflict,
    StoreUnavailable,
    StreamUnavailable,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.streams import Delivery, Message, Stream
from carbon254.core.usecases import draft_messages, message_forms
from carbon254.core.usecases.relay_messages import RelayMessages
from carbon254.ports.storage import OutboxMessage
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.messages import ListBus
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.storage import (
    DAY,
    HOUR,
    NOON,
    NP15,
    SP15,
    SeriesStoreSuite,
    answer,
    hours,
    random_documents,
    told,
)

NODE = SeriesId.parse("caiso/day_ahead/price/node/ALAMT3G_7_B1")
HUB_BATCH = "batch.v1.caiso.day_ahead.hub"
QUARTER = timedelta(minutes=15)
record = SeriesStoreSuite().record


class Cards:
    """Installed markets, of which only the word on redistribution matters."""

    def __init__(self, **words: str) -> None:
        self._words = words

    def cards(self) -> Mapping[str, Any]:
        kinds = SimpleNamespace(kinds=("hub", "node"))
        return {
            name: SimpleNamespace(redistribution=word, datasets={"prices": kinds})
            for name, word in self._words.items()
        }


class House:
    """A store with a relay to a bus."""

    def __init__(self, bus: ListBus | None = None, **words: str) -> None:
        self.store, self.bus = MemorySeriesStore(), bus or ListBus()
        self.cards: Any = Cards(**(words or {"caiso": "attribution"}))
        self.relay = self.new_relay()

    def new_relay(self, **more: Any) -> RelayMessages:
        clock = PinnedClock(NOON)
        return RelayMessages(self.store, self.store, self.bus, self.cards, clock, encode, **more)

    def kept(self, kind: str = "hub", market: str = "caiso") -> list[Delivery]:
        return self.bus.streams.get(Stream(market, kind), [])

    def of(self, subject: str) -> list[Message]:
        return [
            one.message
            for stream in self.bus.streams.values()
            for one in stream
            if one.message.subject == subject
        ]


@pytest.fixture
def house() -> House:
    return House()


def test_a_commit_is_a_batch_and_a_message_for_each_hub(house: House) -> None:
    record(house.store, told({NP15: hours({0: 31.5, 1: -2.0}), SP15: hours({0: 40.0})}, name="a"))
    done = house.relay.once()
    assert (done.announcements, done.messages, done.repeats, done.withheld) == (1, 3, 0, 0)
    assert [one.message.subject for one in house.kept()] == [
        HUB_BATCH,
        "md.v1.caiso.day_ahead.price.hub.TH_NP15_GEN-APND",
        "md.v1.caiso.day_ahead.price.hub.TH_SP15_GEN-APND",
    ]
    assert house.relay.once().announcements == 0


def test_a_single_series_is_told_in_the_words_of_the_vocabulary(house: House) -> None:
    record(house.store, told({NP15: hours({0: 31.5, 1: None})}, name="a", stamp=NOON, rank=2))
    house.relay.once()
    (message,) = house.of(NP15.subject())
    first = {
        "interval_start": "2025-03-09T08:00:00Z", "interval_end": "2025-03-09T09:00:00Z", "value": 31.5,
        "state": "ok", "finality": "final", "source_rank": 2, "flags": [], "issued_at": None,
        "published_at": "2025-03-10T12:00:00Z", "published_basis": "claim",
    }  # fmt: skip
    assert json.loads(message.body) == {
        "series": "caiso/day_ahead/price/hub/TH_NP15_GEN-APND",
        "unit": "USD/MWh",
        "rows": [
            first,
            {
                **first,
                "interval_start": "2025-03-09T09:00:00Z",
                "interval_end": "2025-03-09T10:00:00Z",
                "value": None,
                "state": "missing",
            },
        ],
    }


def test_attributes_are_those_of_cloud_events(house: House) -> None:
    record(house.store, told({NP15: hours({0: 31.5})}, name="a", stamp=NOON, synthetic=True))
    house.relay.once()
    (message,) = house.of(NP15.subject())
    headers = dict(message.headers)
    assert headers.pop("ce-id") == message.id
    assert headers == {
        "ce-specversion": "1.0",
        "ce-source": "/markets/caiso/day_ahead_lmp",
        "ce-type": "carbon254.ObservationsRecorded.v1",
        "ce-subject": "caiso/day_ahead/price/hub/TH_NP15_GEN-APND",
        "ce-time": "2025-03-10T12:00:00Z",  # published
        "ce-recordedat": "2025-03-10T12:01:00Z",
        "ce-datacontenttype": "application/json",
        "ce-dataschema": "urn:carbon254:series:1",
        "ce-sequence": "1741608060000000-00001",  # 2025-03-10 12:01 UTC in microseconds, part 1
        "ce-part": "1",
        "ce-more": "false",
        "ce-synthetic": "true",
    }


def test_a_batch_holds_every_row_of_its_run_and_kind_as_columns(house: House) -> None:
    rows = {NODE: hours({0: 1.0}), NP15: hours({0: 31.5, 1: None}), SP15: hours({1: -4.0})}
    record(house.store, told(rows, name="a"))
    house.relay.once()
    (message,) = house.of(HUB_BATCH)
    assert message.headers["ce-subject"] == "caiso/day_ahead/*/hub/*"
    assert message.headers["ce-datacontenttype"] == "application/vnd.apache.arrow.stream"
    table = decode(message.body).select(["series", "interval_start", "value", "state", "unit"])
    assert table.to_pylist() == [
        {"series": str(NP15), "interval_start": DAY, "value": 31.5, "state": "ok", "unit": "USD/MWh"},
        {"series": str(NP15), "interval_start": DAY + HOUR, "value": None, "state": "missing", "unit": "USD/MWh"},
        {"series": str(SP15), "interval_start": DAY + HOUR, "value": -4.0, "state": "ok", "unit": "USD/MWh"},
    ]  # fmt: skip


def test_a_batch_becomes_a_frame(house: House) -> None:
    record(house.store, told({NP15: hours({0: 31.5}), SP15: hours({0: None})}, name="a"))
    house.relay.once()
    frame = decode(house.of(HUB_BATCH)[0].body).to_pandas()
    assert frame["unit"].tolist() == ["USD/MWh", "USD/MWh"]
    assert frame["value"].isna().tolist() == [False, True]
    assert frame["published_basis"].tolist() == ["claim", "claim"]


def test_nodes_travel_in_batches_and_alone_only_where_asked_for() -> None:
    house = House()
    record(house.store, told({NODE: hours({0: 1.0})}, name="a"))
    house.relay.once()
    assert [one.message.subject for one in house.kept("node")] == ["batch.v1.caiso.day_ahead.node"]
    record(house.store, told({NODE: hours({0: 2.0})}, name="b", stamp=NOON))
    house.new_relay(singles=(SeriesPattern.parse("caiso/*/price/node/ALAMT3G*"),)).once()
    assert [one.message.subject for one in house.kept("node")][1:] == [
        "batch.v1.caiso.day_ahead.node",
        "md.v1.caiso.day_ahead.price.node.ALAMT3G_7_B1",
    ]


def test_a_revision_is_a_message_with_the_rows_that_changed(house: House) -> None:
    record(house.store, told({NP15: hours({0: 31.5, 1: 32.0})}, name="a", stamp=NOON))
    record(house.store, told({NP15: hours({0: 31.5, 1: 33.0})}, name="b", stamp=NOON + HOUR))
    house.relay.once()
    _, message = house.of(NP15.subject())
    (row,) = json.loads(message.body)["rows"]
    assert (row["interval_start"], row["value"]) == ("2025-03-09T09:00:00Z", 33.0)


def test_a_document_that_says_nothing_new_is_no_message(house: House) -> None:
    record(house.store, told({NP15: hours({0: 31.5})}, name="a", stamp=NOON))
    record(house.store, told({NP15: hours({0: 31.5})}, name="b", stamp=NOON + HOUR))
    assert (house.relay.once().announcements, len(house.of(NP15.subject()))) == (2, 1)


def test_what_arrives_late_and_changes_nothing_is_no_message(house: House) -> None:
    record(house.store, told({NP15: hours({0: 31.5})}, name="new", stamp=NOON))
    record(house.store, told({NP15: hours({0: 99.0})}, name="old", stamp=NOON - HOUR))
    house.relay.once()
    assert [json.loads(one.body)["rows"][0]["value"] for one in house.of(NP15.subject())] == [31.5]


def test_an_instant_is_told_too(house: House) -> None:
    rows = [(DAY, DAY, 5.0), (DAY + HOUR, DAY + HOUR, 6.0)]
    record(house.store, told({NP15: rows}, name="a"))
    house.relay.once()
    (message,) = house.of(NP15.subject())
    assert [row["value"] for row in json.loads(message.body)["rows"]] == [5.0, 6.0]


@pytest.mark.parametrize(
    ("start", "count"),
    [(datetime(2025, 3, 9, 8, tzinfo=UTC), 23), (datetime(2025, 11, 2, 7, tzinfo=UTC), 25)],
)
def test_days_of_23_and_25_hours_are_told_whole(house: House, start: datetime, count: int) -> None:
    rows = [(start + n * HOUR, start + (n + 1) * HOUR, float(n)) for n in range(count)]
    record(house.store, told({NP15: rows}, name="a"))
    house.relay.once()
    (message,) = house.of(NP15.subject())
    found = [row["interval_start"] for row in json.loads(message.body)["rows"]]
    assert len(set(found)) == count


# ---------------------------------------------------------------- how messages follow one another


def links(messages: Iterable[Message]) -> list[tuple[str | None, str]]:
    return [(one.headers.get("ce-previous"), one.headers["ce-sequence"]) for one in messages]


def test_each_message_names_the_one_before_it_on_its_subject(house: House) -> None:
    for number, name in enumerate("abc"):
        record(
            house.store,
            told({NP15: hours({0: float(number)})}, name=name, stamp=NOON + number * HOUR),
        )
    house.relay.once()
    found = links(house.of(NP15.subject()))
    assert found[0][0] is None
    assert [before for before, _ in found[1:]] == [own for _, own in found[:-1]]
    assert [own for _, own in found] == sorted({own for _, own in found})


def test_a_relay_that_starts_anew_goes_on_with_the_chain(house: House) -> None:
    record(house.store, told({NP15: hours({0: 1.0})}, name="a", stamp=NOON))
    house.relay.once()
    record(house.store, told({NP15: hours({0: 2.0})}, name="b", stamp=NOON + HOUR))
    house.new_relay().once()
    (_, first), (previous, _) = links(house.of(NP15.subject()))
    assert previous == first


def test_large_commits_are_cut_into_parts_that_are_the_same_every_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(draft_messages, "MOST", 2_000)
    monkeypatch.setattr(draft_messages, "_ROWS_AT_ONCE", 7)
    houses = [House(), House()]
    for house, order in zip(houses, ((NP15, SP15), (SP15, NP15)), strict=True):
        document = told(
            {one: hours({n: n + len(str(one)) for n in range(20)}) for one in order}, name="a"
        )
        record(house.store, document)
        house.relay.once()
    first, second = (house.of(HUB_BATCH) for house in houses)
    assert [one.id for one in first] == [one.id for one in second]
    assert len(first) > 3
    assert [one.headers["ce-part"] for one in first] == [str(n + 1) for n in range(len(first))]
    assert [one.headers["ce-more"] for one in first] == ["true"] * (len(first) - 1) + ["false"]
    rows = [row for one in first for row in decode(one.body).to_pylist()]
    assert len({(row["series"], row["interval_start"]) for row in rows}) == len(rows) == 40
    assert links(first)[1][0] == links(first)[0][1]


def test_no_message_is_larger_than_a_server_takes() -> None:
    house = House()
    names = [evolve(NODE, location=f"{n:06}_" + "Ö/" * 120) for n in range(900)]
    record(house.store, told({one: hours({0: 1 / 3, 1: -1e-7}) for one in names}, name="a"))
    done = house.relay.once()
    found = house.of("batch.v1.caiso.day_ahead.node")
    assert done.messages == len(found) > 1
    assert sum(decode(one.body).num_rows for one in found) == 1_800


# ---------------------------------------------------------------- nothing is lost


class Flaky(ListBus):
    """A bus that fails at the messages whose turn is named, before or after it stored them."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng

    def publish(self, messages: Any) -> int:
        fate = self._rng.random()
        if fate < 0.3:
            raise StreamUnavailable("before")
        stored = super().publish(messages[: len(messages) // 2] if fate < 0.5 else messages)
        if fate < 0.7:
            raise StreamUnavailable("after some or all")
        return stored


@pytest.mark.parametrize("seed", range(4))
def test_a_relay_that_dies_at_any_point_loses_nothing_and_repeats_itself(seed: int) -> None:
    calm, rough = House(), House(Flaky(random.Random(seed)))
    for house in (calm, rough):
        for one in random_documents(seed, 12):
            record(house.store, one)
    while calm.relay.once().announcements:
        pass
    relay, left = rough.relay, 1
    while left:
        try:
            left = relay.once().announcements
        except StreamUnavailable:
            relay = rough.new_relay()
    told_calm, told_rough = (
        [(one.message.subject, one.message.id, one.message.body) for one in house.kept()]
        for house in (calm, rough)
    )
    assert sorted(told_rough) == sorted(told_calm)
    assert rough.bus.attempts > len(told_rough)


def test_what_was_published_is_marked_even_when_the_next_fails(house: House) -> None:
    record(
        house.store,
        told({NP15: hours({0: 1.0})}, name="a", stamp=NOON),
        told({NP15: hours({0: 2.0})}, name="b", stamp=NOON + HOUR),
    )
    heard = house.bus.publish

    def fail_second(messages: Any) -> int:
        if any(one.message.subject == NP15.subject() for one in house.kept()):
            raise StreamUnavailable("gone")
        return heard(messages)

    house.bus.publish = fail_second  # type: ignore[method-assign]
    with pytest.raises(StreamUnavailable):
        house.relay.once()
    assert [one.id for one in house.store.claim(10)] == [2]


def test_rows_that_the_store_does_not_show_yet_are_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(house.store, told({NP15: hours({0: 1.0, 1: 2.0})}, name="a"))
    read = house.store.read
    with monkeypatch.context() as patch:
        patch.setattr(house.store, "read", lambda question: read(question).take([0]))
        with pytest.raises(StoreUnavailable, match="1 of the 2 rows"):
            house.relay.once()
    assert house.relay.once().announcements == 1
    assert len(json.loads(house.of(NP15.subject())[0].body)["rows"]) == 2


# ---------------------------------------------------------------- snapshot and deltas


def apply(held: dict[Any, Any], rows: Iterable[Mapping[str, Any]]) -> None:
    """What a subscriber does: a row replaces all rows of its series and issue that it overlaps."""
    for row in rows:
        for key in [key for key in held if overlaps(key, row)]:
            del held[key]
        held[row["series"], row["interval_start"], row["interval_end"], row["issued_at"]] = row


def overlaps(key: Any, row: Mapping[str, Any]) -> bool:
    series, start, end, issued = key
    same = (series, issued) == (row["series"], row["issued_at"])
    return same and (
        (start < row["interval_end"] and row["interval_start"] < end)
        or (start, end) == (row["interval_start"], row["interval_end"])
    )


def shown(held: Mapping[Any, Mapping[str, Any]]) -> dict[Any, Any]:
    """What is held, as `answer` tells it."""

    def plain(moment: datetime) -> datetime:
        return moment.replace(tzinfo=None)

    return {
        (SeriesId.parse(row["series"]), plain(row["interval_start"]), plain(row["interval_end"])): (
            row["value"], row["state"], row["finality"], row["flags"],
        )
        for row in held.values()
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_deltas_lead_from_any_snapshot_to_what_is_current(seed: int) -> None:
    house, held = House(), dict[Any, Any]()
    read = 0
    for document in random_documents(seed + 100, 25, stamped=seed % 2 == 0):
        record(house.store, document)
        house.relay.once()
        fresh = house.of(HUB_BATCH)[read:]
        read += len(fresh)
        for message in fresh:
            apply(held, decode(message.body).to_pylist())
        wanted = {
            key: (value, state.word, finality.word, flags)
            for key, (value, state, finality, flags) in answer(house.store).items()
        }
        assert shown(held) == wanted


def test_what_was_displaced_comes_back_when_that_is_displaced_itself(house: House) -> None:
    quarter = [(DAY, DAY + QUARTER, 1.0)]
    half = [(DAY + 2 * QUARTER, DAY + 4 * QUARTER, 3.0)]
    record(house.store, told({NP15: quarter}, name="a", stamp=NOON))
    record(house.store, told({NP15: hours({0: 2.0})}, name="b", stamp=NOON + HOUR))
    record(house.store, told({NP15: half}, name="c", stamp=NOON + 2 * HOUR))
    house.relay.once()
    rows = json.loads(house.of(NP15.subject())[-1].body)["rows"]
    assert [row["value"] for row in rows] == [1.0, 3.0]


# ---------------------------------------------------------------- what may not go out, and signs of life


@pytest.mark.parametrize("word", ["open", "attribution", "internal", "forbidden", ""])
def test_markets_that_forbid_redistribution_are_never_published(word: str) -> None:
    house = House(**({"caiso": word} if word else {"miso": "open"}))
    record(house.store, told({NP15: hours({0: 1.0})}, name="a"))
    done = house.relay.once()
    house.relay.beat()
    out = word in ("open", "attribution", "internal")
    assert (done.withheld, bool(house.kept()), bool(house.kept("heartbeat"))) == (
        0 if out else 1,
        out,
        out,
    )
    assert house.store.claim(10) == []


def test_streams_are_there_before_anything_was_published(house: House) -> None:
    house.relay.beat()
    assert {stream.name for stream in house.bus.streams} == {
        "MD-caiso-hub", "MD-caiso-node", "MD-caiso-heartbeat",
    }  # fmt: skip


def test_a_sign_of_life_says_how_often_it_comes(house: House) -> None:
    house.relay.beat()
    house.relay.beat()
    first, second = (one.message for one in house.kept("heartbeat"))
    assert first.id != second.id
    assert json.loads(second.body) == {
        "market": "caiso",
        "at": "2025-03-10T12:00:00Z",
        "every_seconds": 10.0,
    }


def test_an_announcement_of_a_newer_version_stays_and_is_complained_of(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        house.store, "claim", lambda limit: [OutboxMessage(1, "CurveBuilt.caiso", b"{}", NOON)]
    )
    with pytest.raises(Conflict, match="CurveBuilt"):
        house.relay.once()


class Script:
    """Something that ends a relay after some waits, and does things while it waits."""

    def __init__(self, *deeds: Callable[[], None]) -> None:
        self.deeds, self.waited = list(deeds), list[float]()

    def is_set(self) -> bool:
        return not self.deeds

    def wait(self, timeout: float) -> bool:
        self.waited.append(timeout)
        self.deeds.pop(0)()
        return self.is_set()


def test_the_loop_beats_relays_and_waits_longer_after_each_failure(house: House) -> None:
    troubles: list[Carbon254Error] = []
    seconds = iter(range(0, 1000, 4))

    def down() -> None:
        house.bus.down = True
        record(house.store, told({NP15: hours({0: 1.0})}, name="a"))

    def up() -> None:
        house.bus.down = False

    script = Script(down, lambda: None, lambda: None, up, lambda: None)
    house.relay.run(script, lambda: float(next(seconds)), troubles.append)
    assert script.waited == [0.25, 0.25, 1.0, 2.0, 0.25]
    assert [one.code for one in troubles] == ["stream_unavailable"] * 3
    assert len(house.kept()) == 2
    assert len(house.kept("heartbeat")) >= 2


def test_the_words_of_the_forms_are_those_that_are_documented() -> None:
    assert message_forms.TYPE == "carbon254.ObservationsRecorded.v1"
    assert np.all(message_forms.cost_of(told({NP15: hours({0: 1.0})}, name="a"), columns=False) > 0)
