"""Codes of errors are a promise to callers: unique, stable, and in one table with their statuses (DESIGN §7)."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from carbon254.core.domain import errors
from carbon254.core.domain.errors import BY_CODE, Carbon254Error

# Typed from the design, never from the code: a code that changes breaks those who match on it.
# Exit statuses are those of sysexits.h where it has one.
TABLE = {
    "InvalidRequest": ("invalid_request", 422, 2),
    "Unauthenticated": ("unauthenticated", 401, 77),
    "NotEntitled": ("not_entitled", 403, 77),
    "NotFound": ("not_found", 404, 4),
    "NotAcceptable": ("not_acceptable", 406, 2),
    "Conflict": ("conflict", 409, 5),
    "TooLarge": ("too_large", 413, 2),
    "RateLimited": ("rate_limited", 429, 75),
    "ConversionUnavailable": ("conversion_unavailable", 422, 2),
    "StoreBusy": ("store_busy", 503, 75),
    "StoreUnavailable": ("store_unavailable", 503, 69),
    "AuditUnavailable": ("audit_unavailable", 503, 69),
    "StreamUnavailable": ("stream_unavailable", 503, 69),
    "DiskFull": ("disk_full", 507, 74),
    # Of feeds. The design names no status: when a caller meets them, it is a gateway to the operator that speaks.
    "FeedUnavailable": ("feed_unavailable", 503, 75),
    "NotPublishedYet": ("not_published_yet", 404, 75),
    "FeedFormatChanged": ("feed_format_changed", 502, 65),
    "DocumentDamaged": ("document_damaged", 502, 65),
    # Of work that is done behind an answer: it stands in the record of the execution.
    "Interrupted": ("interrupted", 503, 75),
    # Beside the design's table: of the installation, not of a request.
    "Carbon254Error": ("internal", 500, 70),
    "PluginBroken": ("plugin_broken", 500, 78),
    "SettingsInvalid": ("settings_invalid", 500, 78),
}
# Exceptions that never leave their module, and what they are.
INSIDE = {
    ("adapters/fetch/network.py", "AddressRefused"): "tells the retries that there is no use in another attempt",
    ("adapters/fetch/retries.py", "TryAgain"): "what is retried; FeedUnavailable when attempts are used up",
    ("core/domain/_building.py", "Unusual"): "sends a value from the short way to the long one",
    ("core/usecases/run_jobs.py", "_Stopped"): "ends a job between two documents when the process goes down",
    ("ports/testing/levels.py", "NotApplicable"): "a check that has nothing to look at",
    ("ports/testing/market_guard.py", "Offence"): "what a market did that it must not, as the kit's guard tells it",
    ("ports/testing/work.py", "OddFormat"): "what a suite sends across to see that it arrives as the nearest of ours",
}  # fmt: skip
DOC = Path(__file__).resolve().parents[2] / "docs/errors.md"


def own() -> dict[str, type[Carbon254Error]]:
    kinds = (one for one in vars(errors).values() if isinstance(one, type))
    return {one.__name__: one for one in kinds if issubclass(one, Carbon254Error)}


def test_every_error_has_the_code_and_the_statuses_of_the_table() -> None:
    found = {name: (one.code, one.http_status, one.exit_status) for name, one in own().items()}
    assert found == TABLE


def test_no_two_errors_share_a_code_and_all_are_found_by_it() -> None:
    codes = [one.code for one in own().values()]
    assert sorted(codes) == sorted(set(codes))
    assert set(BY_CODE) >= set(codes)


def test_every_error_states_its_code_and_statuses_itself() -> None:
    unsaid = {
        f"{name}.{fact}"
        for name, one in own().items()
        for fact in ("code", "http_status", "exit_status", "__doc__")
        if not vars(one).get(fact)
    }
    assert unsaid == set()


@pytest.mark.parametrize("name", TABLE)
def test_statuses_are_refusals(name: str) -> None:
    code, http, leaving = TABLE[name]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
    assert 400 <= http < 600
    assert 0 < leaving < 126, "126 and above belong to the shell"


def test_errors_are_declared_in_one_file(modules: Mapping[str, ast.Module]) -> None:
    roots = {*TABLE, "Exception", "BaseException", "RuntimeError", "ValueError"}
    elsewhere = {
        (name, node.name)
        for name, tree in modules.items()
        if name != "core/domain/errors.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and {ast.unparse(base).rpartition(".")[2] for base in node.bases} & roots
    }
    assert elsewhere - set(INSIDE) == set(), "a decision of the caller's belongs to errors.py"
    assert set(INSIDE) - elsewhere == set(), "listed, and not there any more"


@pytest.mark.parametrize("name", TABLE)
def test_the_list_for_readers_has_it(name: str) -> None:
    assert DOC.is_file(), "docs/errors.md is missing: it lists every code for readers"
    rows = re.findall(
        r"^\| *`([a-z_]+)` *\| *(\d+) *\| *(\d+) *\|", DOC.read_text("utf-8"), re.MULTILINE
    )
    listed = {code: (int(http), int(leaving)) for code, leaving, http in rows}
    code, *statuses = TABLE[name]
    assert listed.get(code) == tuple(statuses), f"docs/errors.md does not list {code} as it is"


def test_the_list_for_readers_has_no_code_that_is_none() -> None:
    assert DOC.is_file(), "docs/errors.md is missing"
    listed = re.findall(r"^\| *`([a-z_]+)`", DOC.read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(code for code, _, _ in TABLE.values())
