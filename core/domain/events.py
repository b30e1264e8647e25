"""What has happened, in the past tense; announced after the commit that made it true."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from attrs import asdict, frozen

from carbon254.core.domain.observations import Batch, Observations, from_instant64
from carbon254.core.domain.time import format_instant


@frozen
class ObservationsRecorded:
    """Rows of one batch were committed: how many, of which runs and kinds, over which span."""

    market: str
    dataset: str
    receipt: str
    runs: tuple[str, ...]
    kinds: tuple[str, ...]
    start: datetime | None
    end: datetime | None
    rows: int
    synthetic: bool
    recorded_at: datetime

    @property
    def topic(self) -> str:
        """Where it is announced."""
        return f"ObservationsRecorded.{self.market}.{self.dataset}"

    def facts(self) -> dict[str, Any]:
        """The event as plain values; instants as ISO 8601 in UTC."""
        return {
            "type": "ObservationsRecorded", "market": self.market, "dataset": self.dataset, "receipt": self.receipt,
            "runs": list(self.runs), "kinds": list(self.kinds),
            "start": self.start and format_instant(self.start), "end": self.end and format_instant(self.end),
            "rows": self.rows, "synthetic": self.synthetic, "recorded_at": format_instant(self.recorded_at),
        }  # fmt: skip


def recorded(batch: Batch, rows: Observations, recorded_at: datetime) -> ObservationsRecorded:
    """The event that a batch's rows were committed."""
    held = len(rows) > 0
    return ObservationsRecorded(
        batch.market,
        batch.dataset,
        batch.receipt,
        tuple(sorted({one.run for one in rows.series})),
        tuple(sorted({one.kind for one in rows.series})),
        from_instant64(rows.interval_start.min()) if held else None,
        from_instant64(rows.interval_end.max()) if held else None,
        len(rows),
        batch.synthetic,
        recorded_at,
    )


Check = Literal["freshness", "completeness", "source"]


@frozen
class _OfFeed:
    """What is said of a dataset of a market, by one of the checks."""

    market: str
    dataset: str
    check: Check

    @property
    def topic(self) -> str:
        """Where it is announced."""
        if self.check == "source":
            return f"src.v1.{self.market}.{self.dataset}.state"
        return f"dq.v1.{self.market}.{self.check}"

    def facts(self) -> dict[str, Any]:
        """The event as plain values; instants as ISO 8601 in UTC."""
        told = {
            name: format_instant(value) if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
        }
        return {"type": type(self).__name__, **told}


@frozen
class FeedLate(_OfFeed):
    """A dataset's numbers stopped coming in time, or are not whole; said once, until it recovers."""

    reason: str
    at: datetime
    code: str = ""  # of the error, where the source itself fails
    synthetic: bool = False


@frozen
class FeedRecovered(_OfFeed):
    """What `FeedLate` said at ``since`` is over."""

    since: datetime
    at: datetime
    synthetic: bool = False


@frozen
class AuditCheckpointed:
    """The audit log's head was signed and published: how many entries, their root in hex, and the signed note."""

    size: int
    root: str
    note: str
    at: datetime

    @property
    def topic(self) -> str:
        """Where it is announced."""
        return "AuditCheckpointed"

    def facts(self) -> dict[str, Any]:
        """The event as plain values; instants as ISO 8601 in UTC."""
        return {
            "type": "AuditCheckpointed", "size": self.size, "root": self.root, "note": self.note,
            "at": format_instant(self.at),
        }  # fmt: skip
