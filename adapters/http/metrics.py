"""Counts for Prometheus, in a registry of their own. No label names a node, a user or a key."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

MEDIA: Final = CONTENT_TYPE_LATEST
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What the HTTP door counts: requests by method, route and class of status, and how long they took."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._requests = Counter(
            "c254_http_requests", "Requests answered.", ("method", "route", "status_class"), registry=self.registry
        )  # fmt: skip
        self._seconds = Histogram(
            "c254_http_request_duration_seconds", "Time from request to answer.", ("route",),
            buckets=_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._now = Gauge(
            "c254_http_requests_in_flight", "Requests being answered.", registry=self.registry
        )
        decisions = Counter(
            "c254_authz_decisions",
            "Calls by what was decided.",
            ("effect",),
            registry=self.registry,
        )
        cache = Counter(
            "c254_http_cache_lookups",
            "Answers asked of the cache.",
            ("result",),
            registry=self.registry,
        )
        self._hits, self._misses = cache.labels("hit"), cache.labels("miss")
        self._allowed, self._denied = decisions.labels("allow"), decisions.labels("deny")

    def begun(self) -> None:
        """A request is here."""
        self._now.inc()

    def finished(self, method: str, route: str, status: int, seconds: float) -> None:
        """It was answered; ``route`` is the template, never the path."""
        self._now.dec()
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, f"{status // 100}xx").inc()
        self._seconds.labels(route).observe(seconds)

    def decided(self, *, allowed: bool) -> None:
        """A call was allowed or denied."""
        (self._allowed if allowed else self._denied).inc()

    def looked_up(self, *, found: bool) -> None:
        """The cache was asked."""
        (self._hits if found else self._misses).inc()

    def page(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)
