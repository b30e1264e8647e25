"""Public and exempt from audit: probes, metrics and the description of the interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import falcon

from carbon254.adapters.http.encoders import plain_json
from carbon254.adapters.http.formats import JSON
from carbon254.adapters.http.metrics import MEDIA, Metrics


class Probes:
    """Is the process there, and can it answer; ``check`` asks the stores and raises ours where one does not."""

    def __init__(self, check: Callable[[], Mapping[str, Any]], metrics: Metrics) -> None:
        self._check, self._metrics = check, metrics

    def on_get_alive(self, request: falcon.Request, response: falcon.Response) -> None:
        """The process answers; nothing else is asked."""
        _json(response, {"status": "ok"})

    def on_get_ready(self, request: falcon.Request, response: falcon.Response) -> None:
        """The stores answer. No market is asked: one dead operator must not take the platform down."""
        _json(response, {"status": "ok", **self._check()})

    def on_get_metrics(self, request: falcon.Request, response: falcon.Response) -> None:
        """Counts for Prometheus."""
        response.content_type = MEDIA
        response.data = self._metrics.page()


class Description:
    """The OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._body = plain_json(document)

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """As this version of the platform answers."""
        response.content_type = JSON
        response.data = self._body


def _json(response: falcon.Response, body: Any) -> None:
    response.content_type = JSON
    response.set_header("Cache-Control", "no-store")
    response.data = plain_json(body)
