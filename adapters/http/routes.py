"""Every resource in one table: where it is, what it may be asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from carbon254.adapters.http import parameters
from carbon254.adapters.http.executions import BacktestsTold, ExecutionTold, ForecastsTold
from carbon254.adapters.http.tables import Kind
from carbon254.core.domain.backtests import BacktestPlan
from carbon254.core.domain.board import Board
from carbon254.core.usecases.describe_series import SeriesCard
from carbon254.core.usecases.keep_models import NamedModel
from carbon254.core.usecases.run_forecast import ForecastRequest

SERIES: Final = "/v1/series/{market}/{run}/{measure}/{kind}/{location}"


@frozen
class Route:
    """One resource. ``rows`` are the columns of a table, ``answer`` the class or the names of a plain object."""

    path: str
    resource: str
    summary: str
    asked: type[Any] = parameters.NothingAsked
    suffix: str | None = None
    rows: Mapping[str, Kind] = field(factory=dict)
    answer: Any = ()
    media: str = "application/json"
    public: bool = False
    body: type[Any] | None = None  # what a POST takes, where there is one
    made: type[Any] | None = None  # what it answers at once; without, it is done behind the answer


_VALUES: Final[Mapping[str, Kind]] = {
    "interval_start": "instant", "interval_end": "instant", "interval_start_local": "text",
    "interval_end_local": "text", "value": "number", "state": "text", "finality": "text", "flags": "flags",
    "issued_at": "instant", "published_at": "instant", "recorded_at": "instant", "block": "text", "hours": "number",
    "hours_expected": "number", "capture_rate": "number", "mean_price": "number", "energy_mwh": "number",
    "volume_finality": "text", "series": "text", "unit": "text", "source_rank": "count", "published_basis": "text",
}  # fmt: skip
_FOUND: Final[Mapping[str, Kind]] = {
    "series": "text", "unit": "text", "first": "instant", "last": "instant", "rows": "count", "recorded_at": "instant",
}  # fmt: skip
_COVERAGE: Final[Mapping[str, Kind]] = {
    "series": "text", "start": "instant", "end": "instant", "intervals": "count", "share": "number", "states": "text",
    "gaps": "text", "revisions": "count",
}  # fmt: skip
_FINDINGS: Final[Mapping[str, Kind]] = {
    "severity": "text", "rule": "text", "series": "text", "interval_start": "instant", "interval_end": "instant",
    "count": "count", "message": "text",
}  # fmt: skip
_REFUSED: Final[Mapping[str, Kind]] = {
    "at": "instant", "market": "text", "dataset": "text", "document": "text", "code": "text", "message": "text",
    "digest": "text",
}  # fmt: skip
_PLACES: Final[Mapping[str, Kind]] = {
    "market": "text", "kind": "text", "code": "text", "name": "text", "parent": "text", "area": "text", "zone": "text",
    "fuel": "text", "aliases": "text", "valid_from": "text", "valid_to": "text", "replaces": "text",
    "replaced_by": "text", "latitude": "number", "longitude": "number", "capacity_mw": "number",
    "recorded_at": "instant",
}  # fmt: skip
_ENTRIES: Final[Mapping[str, Kind]] = {
    "index": "count", "at": "instant", "kind": "text", "call": "text", "principal": "text", "tenant": "text",
    "key": "text", "action": "text", "target": "text", "door": "text", "request_id": "text", "trace": "text",
    "outcome": "text", "roles": "text", "facts": "text", "decision": "text",
}  # fmt: skip
_MARKET: Final = (
    "id", "name", "operator", "region", "kind", "currency", "time_zone", "licence", "redistribution", "runs",
    "datasets",
)  # fmt: skip
_TRACED: Final = (
    "series", "value", "unit", "state", "finality", "flags", "interval_start", "interval_end", "issued_at",
    "published_at", "recorded_at", "published_basis", "document", "request", "archived_at", "document_stamp", "digest",
    "parser_version", "locator", "fragment", "read_again", "same",
)  # fmt: skip
_DECISION: Final = (
    "id", "at", "principal", "tenant", "roles", "action", "target", "series", "code", "rules", "changed_by",
    "request_id", "reason",
)  # fmt: skip

ROUTES: Final = (
    Route("/v1/markets", "markets", "The installed markets", answer=("markets",)),
    Route("/v1/markets/{market}", "markets", "One market's card", suffix="one", answer=_MARKET),
    Route("/v1/locations", "locations", "Places", parameters.LocationsAsked, rows=_PLACES),
    Route("/v1/series", "series", "Find series", parameters.FindAsked, rows=_FOUND),
    Route(
        SERIES,
        "series",
        "Identity card of a series",
        parameters.CardAsked,
        "card",
        answer=SeriesCard,
    ),
    Route(f"{SERIES}/values", "values", "Values of a series", parameters.ValuesAsked, rows=_VALUES),
    Route("/v1/values", "many", "Values of many series", parameters.ManyValuesAsked, rows=_VALUES),
    Route("/v1/board", "board", "The morning board", parameters.BoardAsked, answer=Board),
    Route(
        "/v1/coverage",
        "coverage",
        "What is there, what lacks",
        parameters.CoverageAsked,
        rows=_COVERAGE,
    ),
    Route(
        "/v1/provenance",
        "provenance",
        "A number's bytes",
        parameters.ProvenanceAsked,
        answer=_TRACED,
    ),
    Route("/v1/quality", "quality", "Findings of checks", parameters.QualityAsked, rows=_FINDINGS),
    Route(
        "/v1/quality/documents",
        "quality",
        "Refused documents that wait for a decision",
        parameters.RefusedAsked,
        "documents",
        rows=_REFUSED,
    ),
    Route(
        "/v1/models",
        "models",
        "The installed models, and those with a name of ours",
        answer=("models", "named"),
        body=NamedModel,
        made=NamedModel,
    ),
    Route(
        "/v1/models/{model}",
        "models",
        "One model and the schema of its parameters",
        suffix="one",
        answer=("id", "version", "kind", "title", "parameters", "named"),
    ),
    Route(
        "/v1/forecasts",
        "forecasts",
        "Forecasts that were made",
        parameters.ExecutionsAsked,
        answer=ForecastsTold,
        body=ForecastRequest,
    ),
    Route(
        "/v1/forecasts/{execution}", "forecasts", "One forecast", suffix="one", answer=ExecutionTold
    ),
    Route(
        "/v1/backtests",
        "backtests",
        "Backtests",
        parameters.ExecutionsAsked,
        answer=BacktestsTold,
        body=BacktestPlan,
    ),
    Route(
        "/v1/backtests/{execution}",
        "backtests",
        "One backtest and its scores",
        parameters.ScoresAsked,
        "one",
        answer=ExecutionTold,
    ),
    Route(
        "/v1/me",
        "me",
        "The caller",
        answer=("principal", "tenant", "roles", "key", "scopes", "limits"),
    ),
    Route("/v1/decisions/{decision}", "decisions", "Why a call was refused", answer=_DECISION),
    Route(
        "/v1/audit", "audit", "The audit log, for auditors", parameters.AuditAsked, rows=_ENTRIES
    ),
    Route(
        "/openapi.json", "description", "This document", public=True, answer=("openapi", "paths")
    ),
    Route(
        "/livez", "probes", "Is the process there", suffix="alive", public=True, answer=("status",)
    ),
    Route("/readyz", "probes", "Can it answer", suffix="ready", public=True, answer=("status",)),
    Route(
        "/metrics",
        "probes",
        "Counts for Prometheus",
        suffix="metrics",
        public=True,
        media="text/plain",
    ),
)
