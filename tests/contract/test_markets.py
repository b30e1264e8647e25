"""The five markets against the conformance kit of `carbon254.ports.testing`."""

from typing import Any

import pytest

from carbon254.ports.testing.market_kit import installed_markets
from carbon254.ports.testing.markets import Check, conformance, named_cases, result_of

EXPECTED = {"miso", "caiso", "entsoe", "nem", "eu_ets"}


def _cases() -> list[Any]:
    return [
        pytest.param(market, check, dataset, id=name)
        for market in installed_markets()
        for name, check, dataset in named_cases(market)
        if check.level != "gold"  # gold is a distinction: the test of levels says who has it
    ]


@pytest.mark.parametrize(("market", "check", "dataset"), _cases())
def test_keeps_its_promise(market: str, check: Check, dataset: str) -> None:
    result = result_of(market, check, dataset)
    if result.skipped:
        pytest.skip(result.skipped)
    assert result.passed, str(result)


def test_the_markets_of_this_landing_are_installed() -> None:
    assert set(installed_markets()) >= EXPECTED


@pytest.mark.parametrize("market", sorted(EXPECTED))
def test_every_market_reaches_silver(market: str) -> None:
    report = conformance(market)
    assert report.level in ("silver", "gold"), str(report)
