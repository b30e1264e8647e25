"""The keys that a demo makes, one a role, and how to use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from carbon254.adapters.cli.options import Format

if TYPE_CHECKING:
    from carbon254.core.usecases.platform import Platform

# Role, principal, tenant, and what the role is for.
_CALLERS: Final = (
    ("admin", "demo-admin", "house", "everything"),
    ("analyst", "demo-analyst", "house", "every number"),
    ("pilot", "demo-pilot", "customer", "CAISO hubs, nothing else"),
    ("auditor", "demo-auditor", "house", "the audit log, no number"),
)
_EXAMPLE: Final = "/v1/series/caiso/day_ahead/price/hub/TH_NP15_GEN-APND/values?start=2026-11-02T08:00Z&end=2026-11-03T08:00Z"


def show_demo_keys(platform: Platform, port: int | None) -> None:
    """Make a new key for each of the demo's callers and show it; the one before stays valid until the next demo."""
    from carbon254.adapters.cli.output import write

    made = [platform.keys.replace(role, who, tenant=tenant) for role, who, tenant, _ in _CALLERS]
    typer.echo()
    write(
        {
            "role": [role for role, _, _, _ in _CALLERS],
            "sees": [sees for _, _, _, sees in _CALLERS],
            "key": [one.token for one in made],
        },
        Format.table,
        title="keys, shown this once",
        notes=["Send a key as Authorization: Bearer KEY, as here the pilot's:"],
    )
    pilot = made[[role for role, _, _, _ in _CALLERS].index("pilot")]
    typer.echo(
        f"curl -H 'Authorization: Bearer {pilot.token}' \\\n  'http://127.0.0.1:{port or 8254}{_EXAMPLE}'"
    )
