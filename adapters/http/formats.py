"""Which format an answer takes: what the caller accepts best, or the alias ``?format=``."""

from __future__ import annotations

from typing import Final

import falcon

from carbon254.core.domain.errors import NotAcceptable

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
TABLES: Final = {
    "json": JSON,
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
_NAMES: Final = {media: name for name, media in TABLES.items()}
VARY: Final = "Accept, Authorization"


def chosen(request: falcon.Request, wanted: str | None, *, table: bool) -> str:
    """The format's name. Raises `NotAcceptable` where the caller accepts nothing that can be written.

    Only a table can be anything but JSON.
    """
    if wanted is not None:
        return wanted
    accept = request.get_header("Accept") or "*/*"
    if accept in ("*/*", JSON):
        return "json"
    known = list(_NAMES) if table else [JSON]
    best = request.client_prefers(known)
    if best is None:
        raise NotAcceptable(f"'Accept: {accept[:200]}' names none of {', '.join(known)}.")
    return _NAMES[best]
