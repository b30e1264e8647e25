"""Probes and the list of markets; every error is an RFC 9457 problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import falcon
import msgspec

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.errors import Carbon254Error, NotFound

PROBLEM = "application/problem+json"


def create_app(
    cards: Callable[[], Mapping[str, MarketCard]], check: Callable[[], Mapping[str, Any]]
) -> falcon.App[falcon.Request, falcon.Response]:
    """Build the WSGI application.

    ``cards`` gives the installed markets; ``check`` asks the stores whether they answer, raising ours if they do
    not, and tells facts such as whether the data are made up.
    """
    app = falcon.App()
    app.set_error_serializer(_problem)
    app.add_error_handler(Carbon254Error, _ours)
    app.add_error_handler(Exception, _internal)
    probe, markets = Probes(check), Markets(cards, check)
    app.add_route("/livez", probe, suffix="alive")
    app.add_route("/readyz", probe, suffix="ready")
    app.add_route("/v1/markets", markets)
    app.add_route("/v1/markets/{market}", markets, suffix="one")
    return app


class Probes:
    """Is the process there, and can it answer."""

    def __init__(self, check: Callable[[], Mapping[str, Any]]) -> None:
        self._check = check

    def on_get_alive(self, request: falcon.Request, response: falcon.Response) -> None:
        """The process answers; nothing else is asked."""
        _json(response, {"status": "ok"})

    def on_get_ready(self, request: falcon.Request, response: falcon.Response) -> None:
        """The stores answer. No market is asked: one dead operator must not take the platform down."""
        _json(response, {"status": "ok", **self._check()})


class Markets:
    """What is installed, from the cards."""

    def __init__(
        self, cards: Callable[[], Mapping[str, MarketCard]], check: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._cards, self._check = cards, check

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """All markets, in the order of their ids."""
        _json(
            response,
            {"markets": [_market(card) for card in self._cards().values()], **self._check()},
        )

    def on_get_one(self, request: falcon.Request, response: falcon.Response, market: str) -> None:
        """One market with its runs and datasets."""
        card = self._cards().get(market)
        if card is None:
            raise NotFound(
                f"no market '{market}' is installed; there are {', '.join(self._cards())}."
            )
        _json(response, _market(card))


def _market(card: MarketCard) -> dict[str, Any]:
    return {
        "id": card.id, "name": card.name, "operator": card.operator, "region": card.region, "kind": card.kind,
        "currency": card.currency, "time_zone": card.zone, "licence": card.licence,
        "redistribution": card.redistribution, "runs": list(card.runs),
        "datasets": [
            {"id": name, "title": facts.title, "runs": list(facts.runs), "measures": list(facts.measures),
             "kinds": list(facts.kinds), "verified": facts.verified}
            for name, facts in card.datasets.items()
        ],
    }  # fmt: skip


def _json(response: falcon.Response, body: Any) -> None:
    response.content_type = falcon.MEDIA_JSON
    response.data = msgspec.json.encode(body)


def _tell(
    response: falcon.Response, request: falcon.Request, status: int, code: str, detail: str
) -> None:
    response.status = falcon.code_to_http_status(status)
    response.content_type = PROBLEM
    response.append_header("Vary", "Accept")
    response.data = msgspec.json.encode(
        {"type": f"urn:carbon254:{code}", "title": code.replace("_", " "), "status": status, "code": code,
         "detail": detail, "instance": request.path}
    )  # fmt: skip


def _ours(
    request: falcon.Request, response: falcon.Response, error: Carbon254Error, _: Any
) -> None:
    _tell(response, request, error.http_status, error.code, str(error))


def _internal(request: falcon.Request, response: falcon.Response, error: Exception, _: Any) -> None:
    if isinstance(error, falcon.HTTPError):
        _problem(request, response, error)
        response.status = error.status
        return
    _tell(response, request, 500, "internal", "the platform failed; the log says why.")


_CODES = {404: "not_found", 405: "invalid_request", 406: "not_acceptable", 413: "too_large"}


def _problem(request: falcon.Request, response: falcon.Response, error: falcon.HTTPError) -> None:
    code = _CODES.get(
        error.status_code, "invalid_request" if error.status_code < 500 else "internal"
    )
    _tell(response, request, error.status_code, code, error.description or error.title or "")
