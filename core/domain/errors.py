"""Every refusal the platform can give: one class per decision the caller can make.

Each class has a stable ``code``. HTTP, command line, audit log and feature files use the code; nobody
matches on text. ``EXIT_STATUS`` and ``HTTP_STATUS`` are the one table that maps codes to the outside.
"""

from __future__ import annotations

from typing import ClassVar


class Carbon254Error(Exception):
    """Root of all errors; ``str(error)`` says what happened, to what, and what to do next."""

    code: ClassVar[str] = "internal"
    http_status: ClassVar[int] = 500
    exit_status: ClassVar[int] = 70


class InvalidRequest(Carbon254Error):
    """The caller asked for something that cannot be; the message says what to change."""

    code = "invalid_request"
    http_status = 422
    exit_status = 2


class NotFound(Carbon254Error):
    """No such series, market, dataset, document or record."""

    code = "not_found"
    http_status = 404
    exit_status = 4


class Unauthenticated(Carbon254Error):
    """The caller did not say, or could not prove, who they are."""

    code = "unauthenticated"
    http_status = 401
    exit_status = 77


class NotEntitled(Carbon254Error):
    """The caller may not see this; the refusal is audited, and explained under the id of its ``decision``."""

    code = "not_entitled"
    http_status = 403
    exit_status = 77
    decision: str = ""

    def __init__(self, message: str, *, series: str = "") -> None:
        super().__init__(message)
        self.series = series  # the written form of the series that was asked for, if it was one


class NotAcceptable(Carbon254Error):
    """None of the formats that the caller accepts can be written."""

    code = "not_acceptable"
    http_status = 406
    exit_status = 2


class Conflict(Carbon254Error):
    """The request contradicts what is there, such as real documents for a synthetic store."""

    code = "conflict"
    http_status = 409
    exit_status = 5


class TooLarge(Carbon254Error):
    """The request or the document is larger than the limit that the message names."""

    code = "too_large"
    http_status = 413
    exit_status = 2


class RateLimited(Carbon254Error):
    """Too many requests; try again after the time that the message names."""

    code = "rate_limited"
    http_status = 429
    exit_status = 75


class ConversionUnavailable(Carbon254Error):
    """A unit or currency conversion that has no exact factor or no named rate source."""

    code = "conversion_unavailable"
    http_status = 422
    exit_status = 2


class StoreBusy(Carbon254Error):
    """Another process owns the data folder or holds the writer's lock; try again."""

    code = "store_busy"
    http_status = 503
    exit_status = 75


class StoreUnavailable(Carbon254Error):
    """The store cannot be reached or answered with an error."""

    code = "store_unavailable"
    http_status = 503
    exit_status = 69


class AuditUnavailable(Carbon254Error):
    """The audit log cannot be written, so the action is refused."""

    code = "audit_unavailable"
    http_status = 503
    exit_status = 69


class StreamUnavailable(Carbon254Error):
    """The message server cannot be reached; what is still to be announced is kept until it is back."""

    code = "stream_unavailable"
    http_status = 503
    exit_status = 69


class DiskFull(Carbon254Error):
    """No space left where the message says; nothing was half written."""

    code = "disk_full"
    http_status = 507
    exit_status = 74


class FeedUnavailable(Carbon254Error):
    """The operator did not answer, or not usably; try again."""

    code = "feed_unavailable"
    http_status = 503
    exit_status = 75


class Interrupted(Carbon254Error):
    """The process that did the work ended before it was done; ask again, or resume what can be resumed."""

    code = "interrupted"
    http_status = 503
    exit_status = 75


class NotPublishedYet(Carbon254Error):
    """The operator has no data for the window yet; wait, no alarm."""

    code = "not_published_yet"
    http_status = 404
    exit_status = 75


class FeedFormatChanged(Carbon254Error):
    """The document is whole but not in the format that we know; a person must look."""

    code = "feed_format_changed"
    http_status = 502
    exit_status = 65


class DocumentDamaged(Carbon254Error):
    """The document is cut, empty, or not what its type says."""

    code = "document_damaged"
    http_status = 502
    exit_status = 65


class PluginBroken(Carbon254Error):
    """A plugin could not be loaded or broke its contract; the others go on without it."""

    code = "plugin_broken"
    http_status = 500
    exit_status = 78


class SettingsInvalid(Carbon254Error):
    """A setting is wrong or unknown; the message names its key."""

    code = "settings_invalid"
    http_status = 500
    exit_status = 78


def _walk(root: type[Carbon254Error]) -> list[type[Carbon254Error]]:
    return [root, *(found for child in root.__subclasses__() for found in _walk(child))]


BY_CODE: dict[str, type[Carbon254Error]] = {error.code: error for error in _walk(Carbon254Error)}
