"""The contract of `MessageBus`: every adapter, and the fake, passes all of it.

A subclass gives a fixture ``bus`` (fresh, without a message). ``patience`` is how long a message may take, in seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest

from carbon254.core.domain.errors import InvalidRequest, TooLarge
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.streams import MOST_BYTES, Delivery, Message, Stream
from carbon254.ports.messages import MessageBus, Subscription

HUBS = "md.v1.caiso.*.price.hub.*"
NP15 = "md.v1.caiso.day_ahead.price.hub.TH_NP15_GEN-APND"
SP15 = "md.v1.caiso.day_ahead.price.hub.TH_SP15_GEN-APND"
NODE = "md.v1.caiso.day_ahead.price.node.ALAMT3G_7_B1"


def told(subject: str, text: str, **headers: str) -> Message:
    """A message whose id and body are a text."""
    return Message(subject, f"id-{text}", text.encode(), headers)


def texts(deliveries: Sequence[Delivery]) -> list[str]:
    """Bodies of what was delivered."""
    return [one.message.body.decode() for one in deliveries]


class MessageBusSuite:
    """What `MessageBus` promises."""

    patience = 5.0

    def taken(self, subscription: Subscription, count: int) -> list[Delivery]:
        """The next messages, as many as are wanted."""
        found: list[Delivery] = []
        while len(found) < count and (more := subscription.take(count - len(found), self.patience)):
            found += more
        return found

    def test_a_message_arrives_as_it_was_published(self, bus: MessageBus) -> None:
        subscription = bus.subscribe(NP15)
        sent = Message(NP15, "id-1", b"\x00\xff{}", {"ce-id": "id-1", "ce-type": "tick"})
        assert bus.publish([sent]) == 1
        (got,) = self.taken(subscription, 1)
        assert got.message == sent
        assert (got.number, got.arrived_at.utcoffset()) == (1, timedelta(0))

    def test_a_stream_can_be_made_before_it_holds_anything(self, bus: MessageBus) -> None:
        bus.prepare([Stream("caiso", "hub"), Stream("caiso", "hub")])
        bus.prepare([Stream("caiso", "hub")])
        subscription = bus.subscribe(NP15, "all")
        bus.publish([told(NP15, "a")])
        assert texts(self.taken(subscription, 1)) == ["a"]

    def test_messages_come_in_order_with_growing_numbers(self, bus: MessageBus) -> None:
        bus.publish([told(NP15, str(n)) for n in range(50)])
        found = self.taken(bus.subscribe(HUBS, "all"), 50)
        assert texts(found) == [str(n) for n in range(50)]
        assert [one.number for one in found] == list(range(1, 51))

    def test_no_more_are_taken_than_are_asked_for(self, bus: MessageBus) -> None:
        bus.publish([told(NP15, text) for text in "abc"])
        subscription = bus.subscribe(NP15, "all")
        assert len(subscription.take(1, self.patience)) == 1
        assert texts(self.taken(subscription, 2)) == ["b", "c"]

    def test_nothing_is_taken_where_nothing_comes(self, bus: MessageBus) -> None:
        bus.publish([told(NP15, "a")])
        assert bus.subscribe(NP15).take(1, 0.05) == []

    def test_a_repeat_is_not_stored_again(self, bus: MessageBus) -> None:
        assert bus.publish([told(NP15, "a"), told(NP15, "b")]) == 2
        assert bus.publish([told(NP15, "a"), told(NP15, "c"), told(NP15, "b")]) == 1
        assert texts(self.taken(bus.subscribe(NP15, "all"), 3)) == ["a", "b", "c"]

    def test_what_is_new_begins_when_subscribe_returns(self, bus: MessageBus) -> None:
        bus.publish([told(NP15, "old")])
        subscription = bus.subscribe(NP15, "new")
        bus.publish([told(NP15, "new")])
        assert texts(self.taken(subscription, 1)) == ["new"]

    def test_the_last_of_every_subject_then_what_follows(self, bus: MessageBus) -> None:
        bus.publish([told(NP15, "a"), told(SP15, "b"), told(NP15, "c")])
        subscription = bus.subscribe(HUBS, "last")
        bus.publish([told(SP15, "d")])
        assert texts(self.taken(subscription, 3)) == ["b", "c", "d"]

    def test_replay_from_a_number(self, bus: MessageBus) -> None:
        bus.publish([told(NP15, text) for text in "abcd"])
        assert texts(self.taken(bus.subscribe(NP15, 3), 2)) == ["c", "d"]

    def test_replay_from_an_instant(self, bus: MessageBus) -> None:
        bus.publish([told(NP15, "a")])
        bus.publish([told(NP15, "b")])
        bus.publish([told(NP15, "c")])
        _, second, _ = self.taken(bus.subscribe(NP15, "all"), 3)
        assert texts(self.taken(bus.subscribe(NP15, second.arrived_at), 2)) == ["b", "c"]

    def test_the_last_message_of_a_subject(self, bus: MessageBus) -> None:
        assert bus.last(NP15) is None
        bus.publish([told(NP15, "a"), told(NP15, "b", **{"ce-id": "x"}), told(SP15, "c")])
        found = bus.last(NP15)
        assert found is not None
        assert (found.message, found.number) == (told(NP15, "b", **{"ce-id": "x"}), 2)

    def test_only_what_the_pattern_covers_comes(self, bus: MessageBus) -> None:
        load = "md.v1.caiso.actual.load.hub.TH_NP15_GEN-APND"
        batch = "batch.v1.caiso.day_ahead.hub"
        bus.publish([told(load, "load"), told(batch, "batch"), told(NODE, "node"), told(NP15, "a")])
        assert texts(self.taken(bus.subscribe(HUBS, "all"), 1)) == ["a"]
        assert texts(self.taken(bus.subscribe("batch.v1.caiso.*.hub", "all"), 1)) == ["batch"]

    def test_a_place_with_dots_colons_and_slashes_is_one_token(self, bus: MessageBus) -> None:
        odd = SeriesId("miso", "day_ahead-ex_post", "price", "node", "A.B:C/D Ö*>").subject()
        bus.publish([told(odd, "odd")])
        (got,) = self.taken(bus.subscribe("md.v1.miso.*.*.node.*", "last"), 1)
        assert got.message.subject == odd

    def test_signs_of_life_are_kept_too(self, bus: MessageBus) -> None:
        bus.publish([told("sys.v1.heartbeat.caiso", "1"), told("sys.v1.heartbeat.caiso", "2")])
        found = bus.last("sys.v1.heartbeat.caiso")
        assert found is not None
        assert texts([found]) == ["2"]

    def test_every_subscriber_gets_every_message(self, bus: MessageBus) -> None:
        readers = [bus.subscribe(NP15), bus.subscribe(HUBS)]
        bus.publish([told(NP15, "a")])
        assert [texts(self.taken(one, 1)) for one in readers] == [["a"], ["a"]]

    def test_whoever_waits_is_woken(self, bus: MessageBus) -> None:
        subscription = bus.subscribe(NP15)
        found: list[Delivery] = []
        reader = threading.Thread(target=lambda: found.extend(subscription.take(1, self.patience)))
        reader.start()
        bus.publish([told(NP15, "a")])
        reader.join(self.patience)
        assert texts(found) == ["a"]

    def test_a_slow_subscriber_keeps_nobody_waiting_and_misses_nothing(
        self, bus: MessageBus
    ) -> None:
        slow, quick = bus.subscribe(NP15), bus.subscribe(NP15)
        bus.publish([told(NP15, str(n)) for n in range(2_000)])
        assert len(self.taken(quick, 2_000)) == 2_000
        assert texts(self.taken(slow, 2_000)) == [str(n) for n in range(2_000)]

    @pytest.mark.parametrize(
        "subject",
        ["md.v1.*.*.*.hub.*", "md.v1.caiso.*.*.*.*", "md.v1.>", "md.v1.caiso.*.*.hub.>", ">", "",
         "batch.v1.caiso.day_ahead", "md.v1.caiso.*.*.pnode.*", "$JS.API.INFO", "md.v1.caiso.* .*.hub.*"],
    )  # fmt: skip
    def test_what_names_no_stream_is_refused(self, bus: MessageBus, subject: str) -> None:
        with pytest.raises(InvalidRequest):
            bus.subscribe(subject)
        with pytest.raises(InvalidRequest):
            bus.publish([told(NP15, "a"), told(subject, "b")])
        assert bus.last(NP15) is None

    def test_the_largest_body_passes_and_a_larger_is_refused(self, bus: MessageBus) -> None:
        bus.publish([Message(NP15, "large", b"x" * MOST_BYTES, {"ce-id": "y" * 2_000})])
        (got,) = self.taken(bus.subscribe(NP15, "all"), 1)
        assert len(got.message.body) == MOST_BYTES
        with pytest.raises(TooLarge):
            Message(NP15, "larger", b"x" * (MOST_BYTES + 1))

    @pytest.mark.parametrize("text", ["a\r\nNats-Msg-Id: b", "a\n", "Ö", "a\x00"])
    def test_a_header_cannot_bring_another(self, bus: MessageBus, text: str) -> None:
        with pytest.raises(InvalidRequest):
            bus.publish([told(NP15, "a", **{"ce-subject": text})])

    def test_a_closed_subscription_brings_nothing(self, bus: MessageBus) -> None:
        subscription = bus.subscribe(NP15, "all")
        bus.publish([told(NP15, "a")])
        subscription.close()
        assert subscription.take(1, 0.05) == []
        subscription.close()

    def test_a_closed_bus_wakes_who_waits(self, bus: MessageBus) -> None:
        subscription, found = bus.subscribe(NP15), [object()]

        def wait() -> None:
            found[:] = subscription.take(1, self.patience)

        reader = threading.Thread(target=wait)
        reader.start()
        bus.close()
        reader.join(self.patience)
        assert not reader.is_alive()
        assert found == []
