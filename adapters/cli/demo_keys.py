"""The keys that a demo makes, one a role, and how to use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from carbon254.core.usecases.platform import Platform

# Role, principal, tenant, and what the role is for.
_CALLERS: Final = (
    ("admin", "demo-admin", "house", "everything"),
    ("analyst", "demo-analyst", "house", "every number"),
    ("pilot", "demo-pilot", "customer", "CAISO hubs, nothing else"),
    ("auditor", "demo-auditor", "house", "the audit log, no number"),
)
_HUB: Final = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
_WINDOW: Final = "start=2026-11-02T08:00Z&end=2026-11-03T08:00Z"


def show_demo_keys(platform: Platform, port: int | None) -> None:
    """Make a new key for each of the demo's callers and show it; the one before stays valid until the next demo."""
    typer.echo("\nkeys, shown this once; send one as Authorization: Bearer KEY")
    tokens = {}
    for role, principal, tenant, sees in _CALLERS:
        tokens[role] = platform.keys.replace(role, principal, tenant=tenant).token
        typer.echo(f"{role:8} sees {sees}\n  {tokens[role]}")
    url = f"http://127.0.0.1:{port or 8254}/v1/series/{_HUB}/values?{_WINDOW}"
    typer.echo(f"as in\n  curl -H 'Authorization: Bearer {tokens['pilot']}' \\\n    '{url}'\n")
