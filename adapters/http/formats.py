"""Which format an answer takes: what the caller accepts best, or the alias ``?format=``."""

from __future__ import annotations

import gzip
from typing import Any, Final

import falcon
import zstandard

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
VARY: Final = "Accept, Accept-Encoding, Authorization"
_TEXTS: Final = frozenset(("json", "csv", "ndjson"))
_WORTH: Final = 1024  # bytes; less is not made smaller


def chosen(request: falcon.Request, wanted: Any, *, table: bool) -> str:
    """The format's name. Raises `NotAcceptable` where the caller accepts nothing that can be written.

    Only a table can be anything but JSON.
    """
    if (
        isinstance(wanted, str) and wanted in TABLES
    ):  # anything else is refused with the other parameters
        return wanted
    accept = request.get_header("Accept") or "*/*"
    if accept in ("*/*", JSON):
        return "json"
    known = list(_NAMES) if table else [JSON]
    best = request.client_prefers(known)
    if best is None:
        raise NotAcceptable(f"'Accept: {accept[:200]}' names none of {', '.join(known)}.")
    return _NAMES[best]


def encoding(request: falcon.Request, form: str) -> str:
    """How a text may be compressed for the caller: ``zstd``, ``gzip`` or not at all. Arrow and Parquet never are."""
    accepted = request.get_header("Accept-Encoding")
    if not accepted or form not in _TEXTS:
        return ""
    weights = {}
    for one in accepted.lower().split(","):
        name, _, weight = one.strip().partition(";q=")
        weights[name.strip()] = weight.strip() not in ("0", "0.0", "0.00", "0.000")
    return next((name for name in ("zstd", "gzip") if weights.get(name)), "")


def compressed(body: bytes, how: str) -> bytes:
    """The body as ``how`` says; one that is small stays as it is."""
    if not how or len(body) < _WORTH:
        return body
    if how == "gzip":
        return gzip.compress(body, compresslevel=4, mtime=0)
    return zstandard.compress(body, level=3)
