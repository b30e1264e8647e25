"""The conformance kit of markets: every check, the level it counts for, and the report they make together.

``pytest --pyargs carbon254.ports.testing --market demo`` runs it from anywhere, for an installed market or the folder
of one. `conformance` runs it without pytest. The answers that samples are held against: `market_golden`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from attrs import frozen

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.errors import Carbon254Error
from carbon254.ports.markets import Market
from carbon254.ports.testing import market_checks_card as cards
from carbon254.ports.testing import market_checks_rows as rows
from carbon254.ports.testing import market_checks_samples as samples
from carbon254.ports.testing import market_checks_wire as wire
from carbon254.ports.testing.levels import NotApplicable, Report, Result, first
from carbon254.ports.testing.market_kit import Kit, card_of, foreign_documents, load_market


@frozen
class Check:
    """One promise of the contract: its name is the sentence that a report shows."""

    name: str
    level: str
    run: Callable[[Kit, str], Iterable[str]]
    once: bool = False  # for the whole market rather than for each dataset


CHECKS: Final = (
    Check("the card is complete", "bronze", cards.check_card, once=True),
    Check("the dataset's card is complete", "bronze", cards.check_dataset_card),
    Check("requests ask declared hosts only", "bronze", cards.check_requests),
    Check("samples hold numbers, each once", "bronze", samples.check_rows_exist),
    Check("samples match the answers typed by hand", "bronze", samples.check_golden),
    Check("answers are enough", "bronze", samples.check_enough_answers),
    Check("what must be refused is refused", "bronze", samples.check_refusals),
    Check("run, measure, kind and unit are the card's", "bronze", samples.check_identity),
    Check("damaged documents are refused", "bronze", wire.check_damage),
    Check("own documents are recognised", "bronze", wire.check_recognise),
    Check("foreign documents are not recognised", "bronze", wire.check_foreign, once=True),
    Check("no file, network, clock or environment", "bronze", wire.check_pure),
    Check("the same document reads the same", "bronze", wire.check_steady),
    Check("every data row is accounted for", "silver", rows.check_balance),
    Check("locators lead to the number", "silver", rows.check_locators),
    Check("parts add up", "silver", samples.check_adds_up),
    Check("samples written are read back", "silver", rows.check_samples_round_trip),
    Check("made-up days written are read back", "silver", rows.check_synthetic_round_trip),
    Check("both clock changes have answers", "gold", samples.check_clock_changes),
    Check("a sample revises another", "gold", samples.check_revised),
    Check("held against recorded documents", "gold", wire.check_recorded),
)


@cache
def kit_of(market: str) -> Kit:
    """The kit of an installed market, or of the folder of one, with every other market's samples as foreign."""
    made = load_market(market)
    return Kit(made, foreign_documents(made.card.id))


def cases(card: MarketCard) -> Iterator[tuple[Check, str]]:
    """Each check with each dataset it is for; the dataset is empty where it is for the whole market."""
    for check in CHECKS:
        for dataset in ("",) if check.once else card.datasets:
            yield check, dataset


def named_cases(market: str) -> Iterator[tuple[str, Check, str]]:
    """`cases` of a market by its id or folder, each with a name for a test; the plugin's code is not imported."""
    for check, dataset in cases(card_of(market)):
        yield "-".join(filter(None, (Path(market).name, dataset, check.name))), check, dataset


def run_check(kit: Kit, check: Check, dataset: str) -> Result:
    """Run one check. What the plugin raises is a problem of the plugin, not an error of the kit."""
    try:
        problems = first(check.run(kit, dataset))
    except NotApplicable as reason:
        return Result(check.name, check.level, dataset, skipped=str(reason))
    except Carbon254Error as error:
        problems = (f"{error.code}: {error}",)
    except Exception as error:  # noqa: BLE001
        problems = (f"{type(error).__name__}: {error}{_line(error)}",)
    return Result(check.name, check.level, dataset, problems)


def _line(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (
        f" (line {trace.tb_lineno} of {trace.tb_frame.f_code.co_filename.rpartition('/')[2]})"
        if trace
        else ""
    )


@cache
def result_of(market: str, check: Check, dataset: str) -> Result:
    """The result of a check for a market by its id or folder, worked out once."""
    return run_check(kit_of(market), check, dataset)


def conformance(market: Market | str) -> Report:
    """Hold a market (its id, the folder of its plugin, or itself) against the whole contract."""
    if isinstance(market, str):
        card = card_of(market)
        return Report(
            card.id, tuple(result_of(market, check, dataset) for check, dataset in cases(card))
        )
    kit = Kit(market, foreign_documents(market.card.id))
    return Report(
        kit.card.id, tuple(run_check(kit, check, dataset) for check, dataset in cases(kit.card))
    )
