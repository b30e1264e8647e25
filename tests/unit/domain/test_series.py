"""The codec of identities."""

import re
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.series import SeriesId, escape, subject_token, unescape

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
quick = settings(derandomize=True, max_examples=300, deadline=None)


@quick
@given(any_text)
def test_any_text_reads_back_as_written(text: str) -> None:
    written = escape(text)
    assert unescape(written) == text
    assert re.fullmatch(r"([A-Za-z0-9._:-]|=[0-9A-F]{2})*", written)
    assert unquote(written) == written  # a server that decodes %XX changes nothing
    assert unescape(subject_token(text)) == text


@quick
@given(any_text)
def test_a_subject_token_is_one_token(text: str) -> None:
    assert not set(subject_token(text)) & set(".:*> \t\r\n/%")


@quick
@given(any_text, any_text)
def test_different_texts_are_written_differently(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)
    assert (subject_token(one) == subject_token(other)) == (one == other)


@pytest.mark.parametrize(
    ("location", "written"),
    [
        ("TH_NP15_GEN-APND", "TH_NP15_GEN-APND"),
        ("MID-ATL/APS", "MID-ATL=2FAPS"),
        ("CA ISO-TAC", "CA=20ISO-TAC"),
        ("10YNL----------L>10Y1001A1001A82H", "10YNL----------L=3E10Y1001A1001A82H"),
        ("TORONTO:HUB", "TORONTO:HUB"),
        ("100%", "100=25"),
        ("A=B", "A=3DB"),
        ("Zürich", "Z=C3=BCrich"),
        (".H.INTERNAL_HUB", ".H.INTERNAL_HUB"),
    ],
)
def test_locations_of_operators_survive(location: str, written: str) -> None:
    series = SeriesId("demo", "day_ahead", "price", "zone", location)
    assert str(series) == f"demo/day_ahead/price/zone/{written}"
    assert SeriesId.parse(str(series)) == series
    assert SeriesId.parse(unquote(quote(str(series)))) == series


def test_a_raw_slash_in_the_last_part_is_the_locations() -> None:
    assert SeriesId.parse("pjm/day_ahead/price/zone/MID-ATL/APS").location == "MID-ATL/APS"


def test_a_subject_escapes_dots_and_colons() -> None:
    series = SeriesId("ieso", "real_time-5min", "price", "zone", "TORONTO:HUB.1 A")
    assert series.subject() == "md.v1.ieso.real_time-5min.price.zone.TORONTO=3AHUB=2E1=20A"
    assert series.subject().count(".") == 6


def test_parts_of_an_identity() -> None:
    series = SeriesId.parse("sem/balancing-30min/price-gbp/zone/SEM")
    assert (series.stage, series.measure_name) == ("balancing", "price")
    assert series < SeriesId.parse("sem/balancing-5min/price/zone/SEM")
    assert len({series, SeriesId.parse(str(series))}) == 1


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("demo/day_ahead/price/zone", "expected market/run"),
        ("Demo/day_ahead/price/zone/X", "market"),
        ("/day_ahead/price/zone/X", "market"),
        ("demo/dayahead/price/zone/X", "run"),
        ("demo/day_ahead-/price/zone/X", "run"),
        ("demo/day_ahead-a-b/price/zone/X", "run"),
        ("demo/day_ahead/lmp/zone/X", "measure"),
        ("demo/day_ahead/price/pnode/X", "kind"),
        ("demo/day_ahead/price/zone/", "location"),
        ("demo/day_ahead/price/zone/A=0AB", "location"),
        ("demo/day_ahead/price/zone/" + "X" * 257, "location"),
        ("demo/day_ahead/price/zone/A=2f", "upper-case hex"),
        ("demo/day_ahead/price/zone/A=", "upper-case hex"),
        ("demo/day_ahead/price/zone/A=FF", "UTF-8"),
    ],
)
def test_a_wrong_part_is_named(text: str, part: str) -> None:
    with pytest.raises(InvalidRequest, match=part):
        SeriesId.parse(text)


def test_equal_text_of_two_normal_forms_is_two_locations() -> None:
    composed, combining = "\u00fc", "u\u0308"
    assert escape(composed) != escape(combining)
