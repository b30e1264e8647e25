"""The buses against the contract of `MessageBus`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from carbon254.adapters.bus.memory import MemoryBus
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.messages import ListBus
from carbon254.ports.testing.messages import NP15, SP15, MessageBusSuite, texts, told

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class TestList(MessageBusSuite):
    @pytest.fixture
    def bus(self) -> ListBus:
        return ListBus()


class TestMemory(MessageBusSuite):
    @pytest.fixture
    def bus(self) -> MemoryBus:
        return MemoryBus(PinnedClock(NOON, SECOND))

    def test_what_it_keeps_no_longer_shows_as_a_hole(self) -> None:
        bus = MemoryBus(PinnedClock(NOON, SECOND), keep=3)
        slow = bus.subscribe(NP15)
        bus.publish([told(NP15, text) for text in "abcde"])
        assert [one.number for one in slow.take(10, 0)] == [3, 4, 5]

    def test_it_keeps_no_more_bytes_than_it_may(self) -> None:
        bus = MemoryBus(PinnedClock(NOON, SECOND), most_bytes=10)
        bus.publish([told(NP15, text * 4) for text in "abcd"])
        assert texts(bus.subscribe(NP15, "all").take(10, 0)) == ["cccc", "dddd"]

    def test_the_last_of_a_subject_outlives_what_is_kept(self) -> None:
        bus = MemoryBus(PinnedClock(NOON, SECOND), keep=2)
        bus.publish([told(SP15, "sp"), *(told(NP15, text) for text in "abcd")])
        last = bus.last(SP15)
        assert last is not None
        assert texts([last]) == ["sp"]
        assert texts(bus.subscribe("md.v1.caiso.*.price.hub.*", "last").take(10, 0)) == ["sp", "d"]
