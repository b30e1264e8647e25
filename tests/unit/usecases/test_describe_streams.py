"""The AsyncAPI document says what is really published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from carbon254.adapters.arrow.columns import SCHEMA
from carbon254.adapters.plugins.host import PluginHost
from carbon254.core.domain.events import FeedLate, FeedRecovered
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.streams import batch_subject, heartbeat_subject
from carbon254.core.usecases.describe_streams import COLUMN_FIELDS, describe
from carbon254.core.usecases.relay_messages import RelayMessages
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.messages import ListBus
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.storage import NOON, NP15, hours, told


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost()


@pytest.fixture(scope="module")
def document(host: PluginHost) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(describe(host.cards())))
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def resolve(document: dict[str, Any], path: str) -> Any:
    found: Any = document
    for part in path.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_it_is_of_asyncapi_3_and_its_references_lead_somewhere(document: dict[str, Any]) -> None:
    assert document["asyncapi"].startswith("3.")
    assert {"title", "version"} <= set(document["info"])
    found = list(references(document))
    assert found
    assert all(resolve(document, one) for one in found)
    for operation in document["operations"].values():
        assert operation["action"] == "receive"


def test_every_parameter_of_an_address_is_described(document: dict[str, Any]) -> None:
    for channel in document["channels"].values():
        named = {part[1:-1] for part in channel["address"].split(".") if part.startswith("{")}
        assert named == set(channel["parameters"])


def filled(address: str, **words: str) -> str:
    return address.format(**words)


def test_addresses_are_the_subjects_that_are_published(document: dict[str, Any]) -> None:
    channels = document["channels"]
    one = SeriesId.parse("miso/day_ahead-ex_post/price/hub/ILLINOIS.HUB")
    words = {"market": "miso", "run": one.run, "measure": "price", "kind": "hub"}
    assert (
        filled(channels["series"]["address"], **words, location="ILLINOIS=2EHUB") == one.subject()
    )
    assert filled(channels["batches"]["address"], **words) == batch_subject("miso", one.run, "hub")
    assert filled(channels["heartbeats"]["address"], market="miso") == heartbeat_subject("miso")
    for name, value in words.items():
        if name != "measure":
            assert value in channels["series"]["parameters"][name]["enum"]


def test_markets_that_forbid_redistribution_are_not_in_it(host: PluginHost) -> None:
    from attrs import evolve

    cards = {**host.cards(), "caiso": evolve(host.cards()["caiso"], redistribution="forbidden")}
    assert "caiso" not in json.dumps(describe(cards))
    assert "MD-caiso-hub" in json.dumps(describe(host.cards()))


def test_what_the_relay_publishes_is_what_the_schemas_say(
    document: dict[str, Any], host: PluginHost
) -> None:
    store, bus = MemorySeriesStore(), ListBus()
    store.record(told({NP15: hours({0: -1.5, 1: None})}, name="a", synthetic=True), now=NOON)
    relay = RelayMessages(store, store, bus, host, PinnedClock(NOON), lambda rows: b"columns")
    relay.once()
    relay.beat()
    rows = jsonschema_rs.validator_for(document["components"]["schemas"]["SeriesRows"])
    head = document["channels"]["series"]["messages"]["rows"]["headers"]
    message = bus.last(NP15.subject())
    assert message is not None
    body = json.loads(message.message.body)
    rows.validate(body)
    headers = {"Nats-Msg-Id": message.message.id, **message.message.headers}
    jsonschema_rs.validator_for(head).validate(headers)
    assert set(headers) <= set(head["properties"])
    sign = bus.last("sys.v1.heartbeat.caiso")
    assert sign is not None
    jsonschema_rs.validator_for(document["components"]["schemas"]["Heartbeat"]).validate(
        json.loads(sign.message.body)
    )
    for wrong in ({**body, "more": 1}, {**body, "rows": [{**body["rows"][0], "state": "fine"}]}):
        assert not rows.is_valid(wrong)


def test_alarms_are_what_the_schema_says(document: dict[str, Any]) -> None:
    late = FeedLate(
        "caiso", "day_ahead_lmp", "source", "it does not answer", NOON, "feed_unavailable"
    )
    well = FeedRecovered("caiso", "day_ahead_lmp", "freshness", NOON, NOON)
    channels = document["channels"]
    assert (
        filled(channels["feeds"]["address"], market="caiso", dataset="day_ahead_lmp") == late.topic
    )
    assert filled(channels["checks"]["address"], market="caiso", check="freshness") == well.topic
    schema = jsonschema_rs.validator_for(document["components"]["schemas"]["Alarm"])
    for event in (late, well):
        schema.validate(event.facts())


def test_columns_are_those_that_are_written() -> None:
    assert list(COLUMN_FIELDS) == SCHEMA.names
    for name, told_type in COLUMN_FIELDS.items():
        written = str(SCHEMA.field(name).type)
        first = told_type.split("<")[0].split("[")[0].split(",")[0]
        assert written.startswith({"double": "double"}.get(first, first)), (name, written)


def test_streams_are_listed_with_their_subjects(document: dict[str, Any]) -> None:
    streams = {one["name"]: one["subjects"] for one in document["x-jetstream"]["streams"]}
    assert streams["MD-caiso-hub"] == ["md.v1.caiso.*.*.hub.*", "batch.v1.caiso.*.hub"]
    assert "sys.v1.heartbeat.caiso" in streams["MD-caiso-heartbeat"]
