"""Kept answers: worthless after a commit or when their gaps are due, bounded, the least used gone first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from carbon254.adapters.http import caching
from carbon254.adapters.http.caching import Answer, AnswerCache, etag_of

NOON = datetime(2025, 6, 10, 12, tzinfo=UTC)


def answer(size: int = 10, watermark: datetime = NOON, until: datetime | None = None) -> Answer:
    return Answer(b"x" * size, {}, etag_of(b"a"), 1, watermark, until)


def test_a_commit_makes_answers_worthless() -> None:
    cache, kept = AnswerCache(), answer()
    cache.put("a", kept)
    assert cache.get("a", NOON, NOON) is kept
    assert cache.get("a", NOON + timedelta(microseconds=1), NOON) is None
    assert cache.get("a", NOON, NOON) is None, "it is gone, not hidden"


def test_an_answer_with_gaps_lasts_until_they_are_judged_anew() -> None:
    cache, kept = AnswerCache(), answer(until=NOON + timedelta(seconds=1))
    cache.put("a", kept)
    assert cache.get("a", NOON, NOON + timedelta(milliseconds=999)) is kept
    assert cache.get("a", NOON, NOON + timedelta(seconds=1)) is None


def test_the_least_used_goes_first_and_a_very_large_one_is_not_kept() -> None:
    cache, size = AnswerCache(), caching.LARGEST
    for name in range(caching.MOST_BYTES // size):
        cache.put(name, answer(size))
    assert cache.get(0, NOON, NOON) is not None
    cache.put("new", answer(size))
    assert cache.get(0, NOON, NOON) is not None
    assert cache.get(1, NOON, NOON) is None
    cache.put("large", answer(size + 1))
    assert cache.get("large", NOON, NOON) is None


def test_another_answer_to_the_same_question_takes_the_place_of_the_first() -> None:
    cache, first, second = AnswerCache(), answer(), answer(20)
    cache.put("a", first)
    cache.put("a", second)
    assert cache.get("a", NOON, NOON) is second


def test_a_tag_tells_where_one_part_ends() -> None:
    assert etag_of(b"ab", b"c") != etag_of(b"a", b"bc")
    assert etag_of(b"ab", b"c") == etag_of(b"ab", b"c")
