"""Is it there in time, and is it whole: Brussels days, answers by hand in UTC."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.completeness import check_completeness, check_freshness, check_node_count
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import State

Cards = Callable[..., MarketCard]
ZONE = SeriesId("demo", "day_ahead", "price", "zone", "X")
DAY_AHEAD = """
class = "grid"
day_zone = "Europe/Brussels"
due = "D-1 14:00"
poll = "PT15M"
final_after = "P1D"
resolution = [{ length = "PT1H" }]
"""
EVENTS = 'class = "events"\nday_zone = "Europe/Berlin"\ndue = "D 11:05"\nfinal_after = "P1D"\n'
VINTAGES = 'class = "vintages"\nday_zone = "UTC"\ndue = "issued+PT10M"\nresolution = [{ length = "PT1H" }]\n'
HOUR = np.timedelta64(1, "h")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def instants(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


@pytest.mark.parametrize(
    ("now", "stale"),
    [("2025-01-15T13:00", False), ("2025-01-15T13:15", False), ("2025-01-15T13:15:01", True)],
)
def test_a_feed_is_stale_one_poll_after_its_next_interval_was_due(
    card_of: Cards, now: str, stale: bool
) -> None:
    found = check_freshness(card_of(DAY_AHEAD), ZONE, at("2025-01-15T23:00"), at(now))
    assert bool(found) is stale
    if stale:
        assert found[0].interval_start == at("2025-01-15T23:00")
        assert found[0].message == (
            "nothing after 2025-01-15T23:00:00Z, 9 h 44 min ahead; "
            "the next interval was due 2025-01-15T13:00:00Z, 15 min ago"
        )


def test_a_place_that_has_ended_is_never_stale(card_of: Cards) -> None:
    places = '[[location]]\nkind = "zone"\ncode = "X"\nto = 2025-01-16'
    card = card_of(DAY_AHEAD, places=places)
    assert check_freshness(card, ZONE, at("2025-01-15T23:00"), at("2026-01-01T00:00")) == ()
    assert check_freshness(card, ZONE, at("2025-01-15T22:00"), at("2026-01-01T00:00")) != ()


def test_freshness_of_other_classes(card_of: Cards) -> None:
    irregular = 'class = "irregular"\nday_zone = "UTC"\ndue = "end+PT5M"\nmax_gap = "PT30M"\n'
    after = at("2025-01-01T00:00")
    assert check_freshness(card_of(irregular), ZONE, after, at("2025-01-01T00:35")) == ()
    assert check_freshness(card_of(irregular), ZONE, after, at("2025-01-01T00:36")) != ()
    assert check_freshness(card_of(EVENTS), ZONE, after, at("2026-01-01T00:00")) == ()
    hub = SeriesId("demo", "day_ahead", "price", "hub", "X")
    assert check_freshness(card_of(EVENTS), hub, after, at("2026-01-01T00:00")) == ()


def complete(
    card: MarketCard, now: str, starts: np.ndarray, **options: object
) -> list[tuple[object, ...]]:
    options.setdefault("states", np.zeros(len(starts)))
    window = options.pop("window", Window(at("2025-10-25T22:00"), at("2025-10-26T23:00")))
    found = check_completeness(
        card, ZONE, window, at(now), starts=starts, ends=starts + HOUR, **options
    )  # type: ignore[arg-type]
    return [(one.interval_start, one.interval_end, one.severity, one.count) for one in found]


def test_a_whole_day_of_25_hours_is_complete(card_of: Cards) -> None:
    starts = np.datetime64("2025-10-25T22:00", "us") + np.arange(25) * HOUR
    assert complete(card_of(DAY_AHEAD), "2025-11-01T00:00", starts) == []
    assert complete(card_of(DAY_AHEAD), "2025-11-01T00:00", starts[:24]) == [
        (at("2025-10-26T22:00"), at("2025-10-26T23:00"), "error", 1)
    ]


def test_adjoining_intervals_are_one_finding_and_pending_is_none(card_of: Cards) -> None:
    starts = instants("2025-10-26T00:00", "2025-10-26T03:00")
    assert complete(card_of(DAY_AHEAD), "2025-10-25T11:59", starts) == []
    assert complete(card_of(DAY_AHEAD), "2025-10-25T12:00", starts) == [
        (at("2025-10-25T22:00"), at("2025-10-26T00:00"), "warning", 2),
        (at("2025-10-26T01:00"), at("2025-10-26T03:00"), "warning", 2),
        (at("2025-10-26T04:00"), at("2025-10-26T23:00"), "warning", 19),
    ]


def test_what_is_quarantined_is_not_there(card_of: Cards) -> None:
    starts = np.datetime64("2025-10-25T22:00", "us") + np.arange(25) * HOUR
    states = np.zeros(25)
    states[3:5] = State.QUARANTINED
    assert complete(card_of(DAY_AHEAD), "2025-11-01T00:00", starts, states=states) == [
        (at("2025-10-26T01:00"), at("2025-10-26T03:00"), "error", 2)
    ]


def test_events_are_expected_by_their_calendar(card_of: Cards) -> None:
    auctions = instants("2025-10-26T00:00", "2025-10-26T05:00")
    calendar = (auctions, auctions + HOUR)
    card = card_of(EVENTS)
    assert complete(card, "2025-10-26T11:00", auctions[:1], events=calendar) == [
        (at("2025-10-26T05:00"), at("2025-10-26T06:00"), "warning", 1)
    ]
    assert complete(card, "2025-10-26T10:00", auctions[:1], events=calendar) == []  # due 11:05 CET
    assert complete(card, "2025-10-26T11:00", auctions[:1]) == []


def test_issues_reach_their_horizon(card_of: Cards) -> None:
    """Issues at 00, 06 and 12 for six hours each: the second ends early, the third is not there."""
    starts = np.datetime64("2025-01-01T00:00", "us") + np.arange(10) * HOUR
    issued = np.repeat(instants("2025-01-01T00:00", "2025-01-01T06:00"), [6, 4])
    options = {
        "window": Window(at("2025-01-01T00:00"), at("2025-01-01T18:00")),
        "issued": issued,
        "issues": instants("2025-01-01T00:00", "2025-01-01T06:00", "2025-01-01T12:00"),
        "horizon": timedelta(hours=6),
    }
    card = card_of(VINTAGES)
    second = (at("2025-01-01T10:00"), at("2025-01-01T12:00"), "warning", 2)
    third = (at("2025-01-01T12:00"), at("2025-01-01T18:00"), "warning", 6)
    assert complete(card, "2025-01-01T06:05", starts, **options) == []
    assert complete(card, "2025-01-01T06:10", starts, **options) == [second]
    assert complete(card, "2025-01-01T12:10", starts, **options) == [second, third]
    keep = np.arange(10) != 7
    options["issued"] = issued[keep]
    assert complete(card, "2025-01-01T06:10", starts[keep], **options) == [
        (at("2025-01-01T07:00"), at("2025-01-01T08:00"), "warning", 1),
        second,
    ]


def test_nodes_may_come_and_go_by_one_in_a_hundred() -> None:
    nodes = [SeriesId("demo", "day_ahead", "price", "node", f"N{n}") for n in range(200)]
    assert check_node_count(nodes[2:], nodes) == ()
    assert check_node_count(nodes, nodes[2:]) != ()  # 2 new of 198 are more than 1 %
    (finding,) = check_node_count(nodes[3:], nodes)
    assert (finding.count, finding.rule) == (3, "nodes")
    assert "3 gone, 0 new, such as demo/day_ahead/price/node/N0" in finding.message
