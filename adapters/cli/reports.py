"""A backtest's report: one HTML file with its tables and pictures, which needs nothing else to be read."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Any, Final

from carbon254.adapters.cli.forecast_plots import all_of, png
from carbon254.adapters.cli.output import SYNTHETIC, cell
from carbon254.core.domain.forecast_table import GROUPINGS, ForecastTable
from carbon254.core.usecases.run_backtest import BacktestResult
from carbon254.core.usecases.score_forecasts import Row, columns_of, scores, significance, value

_STYLE: Final = """
body { font: 14px/1.5 system-ui, sans-serif; max-width: 78em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: .5em 0 1.5em } caption { text-align: left; font-weight: 600 }
th, td { padding: .15em .7em; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left } td.text { text-align: left; white-space: normal }
.synthetic { background: #fff3c4; padding: .5em 1em } img { max-width: 100% } dt { font-weight: 600 }
"""
_LEFT_OUT: Final = ("series",)


def report(result: BacktestResult) -> str:
    """The report as HTML."""
    execution, plan = result.execution, result.execution.facts["plan"]
    title = f"Backtest {execution.id}: {plan['start']} to {plan['end']}"
    parts = [f"<h1>{escape(title)}</h1>"]
    if result.synthetic:
        parts.append(f'<p class="synthetic">{escape(SYNTHETIC)}</p>')
    parts.append(_facts(dict(told_of(result))))
    for table, facts in zip(result.tables, execution.facts["subjects"], strict=True):
        parts += _section(result, table, facts)
    body = "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def told_of(result: BacktestResult) -> Iterator[tuple[str, str]]:
    """What a reader must know of a backtest before any score: conditions, clocks, versions."""
    facts = result.execution.facts
    plan = facts["plan"]
    conditions = plan["conditions"]
    yield "origins", f"every {plan['stride']} day(s), {conditions['days']} day(s) ahead"
    yield (
        "learnt",
        f"every {conditions['refit']} day(s), "
        + (
            f"from the last {conditions['window']} days"
            if conditions["window"]
            else "from all that is known"
        ),
    )
    yield "clock", (
        "what had been published by the origin"
        + (f"; from {conditions['live_since']} on what we had recorded" if conditions["live_since"] else "")
        + (f"; {conditions['gap']} later" if conditions["gap"] != "PT0S" else "")
    )  # fmt: skip
    yield "actuals", f"the {facts['actuals']} word on each interval"
    yield "models", ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    yield "seed", str(conditions["seed"])


def judged(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same of one target: its gate, whose word its clocks are, and its gaps."""
    yield "origin", facts["gate"]
    yield "rows", f"{facts['rows']:,}"
    yield "publication by rule", f"{facts['rule_share']:.1%} of rows"
    yield "revised later", f"{facts['revised_share']:.1%} of intervals"
    yield "gaps", f"{len(facts['gaps'])} of {facts['origins'] * len(facts['models'])} forecasts"
    yield "without an actual", f"{facts['unscored']} rows"


def lacking(facts: dict[str, Any]) -> Iterator[str]:
    """A line for each reason for which a model, or a member of one, left days without numbers."""
    gaps = groupby(facts["gaps"], key=lambda gap: (gap["model"], gap["code"]))
    for (model, code), group in gaps:
        first, *others = group
        yield _why(model, code, 1 + len(others), first["day"], first["message"])
    for gap in facts.get("silent", ()):
        yield _why(f"member {gap['model']}", gap["code"], gap["days"], gap["first"], gap["message"])


def _why(model: str, code: str, days: int, first: str, message: str) -> str:
    since = first if days == 1 else f"{days} days from {first} on"
    return f"{model} said nothing of {since}: {code}: {message}"


def _section(result: BacktestResult, table: ForecastTable, facts: dict[str, Any]) -> Iterator[str]:
    yield f"<h2>{escape(str(table.series))}</h2>"
    yield _facts(dict(judged(facts)))
    yield _table("Scores", scores(table))
    if len(table.models) > 1:
        yield _table("Is the second better by more than luck?", significance(table))
    if earned := value(table):
        yield _table("What a battery of 1 MW and 2 MWh earns on it", earned)
    for name, figure in all_of(table, synthetic=result.synthetic):
        data = base64.b64encode(png(figure)).decode()
        yield f'<p><img alt="{escape(name)}" src="data:image/png;base64,{data}"></p>'
    for by in GROUPINGS:
        yield _table(f"By {by}", scores(table, by))
    yield _notes(facts["notes"])
    if facts.get("silent"):
        yield _table("Members that said nothing", facts["silent"])
    if facts["gaps"]:
        yield _table("Gaps", facts["gaps"])


def _notes(notes: dict[str, dict[str, Any]]) -> str:
    rows = [
        {"model": model, "what": name, **(said if isinstance(said, dict) else {"last": said})}
        for model, found in notes.items()
        for name, said in found.items()
    ]
    return _table("How the models calibrated themselves", rows) if rows else ""


def _facts(facts: dict[str, str]) -> str:
    return (
        "<dl>"
        + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
        + "</dl>"
    )


def _table(title: str, rows: Sequence[Row]) -> str:
    columns = {name: values for name, values in columns_of(rows).items() if name not in _LEFT_OUT}
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(_cell(value) for value in row) + "</tr>"
        for row in zip(*columns.values(), strict=True)
    )
    return f"<table><caption>{escape(title)}</caption><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    kind = ' class="text"' if isinstance(value, str) else ""
    text = f"{value:.4g}" if isinstance(value, float) and value == value else str(cell(value))
    return f"<td{kind}>{escape(text)}</td>"
