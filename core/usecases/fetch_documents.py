"""Ask an operator for the documents of a window and take them in; what does not come is named as missing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping

from attrs import evolve, field, frozen

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Request, receipt_for
from carbon254.core.domain.errors import Carbon254Error, Interrupted, PluginBroken
from carbon254.core.domain.time import Window, day_window, days_in
from carbon254.core.usecases.ingest_documents import IngestDocuments, Outcome, Status
from carbon254.ports.fetching import Fetcher, FetchLimits
from carbon254.ports.stopping import Stop, is_stopped

Asking = Generator[Request, Document, None]
_GIVE_UP: Mapping[str, Status] = {"not_published_yet": "no_data"}


@frozen
class FetchDocuments:
    """The use case behind ``ingest`` and ``backfill`` from the network."""

    ingest: IngestDocuments
    fetcher: Fetcher
    credentials: Mapping[str, str] = field(factory=dict, repr=False)

    def run(
        self,
        market: str,
        dataset: str,
        window: Window,
        *,
        observed: bool = False,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
        stop: Stop | None = None,
    ) -> list[Outcome]:
        """Fetch and take in the window, in requests no longer than the card allows.

        Once ``stop`` is set, what is being fetched is told as interrupted, and nothing more is asked.

        One outcome for each document, and one for each request that failed after its retries. A failure that the
        market does not get over ends its part of the window, the other parts go on. Raises `InvalidRequest` for an
        unknown dataset.
        """
        card = self.ingest.catalogue.market(market).card
        asked = list(parts(card, dataset, window))
        self.ingest.claim(synthetic=False)
        outcomes = []
        for part in asked:
            for outcome in self._part(card, dataset, part, observed=observed, stop=stop):
                on_outcome(outcome)
                outcomes.append(outcome)
            if is_stopped(stop):
                break
        return outcomes

    def _part(
        self,
        card: MarketCard,
        dataset: str,
        window: Window,
        *,
        observed: bool,
        stop: Stop | None,
    ) -> Iterator[Outcome]:
        facts = card.dataset(dataset)
        limits = FetchLimits(
            hosts=card.hosts, max_bytes=facts.max_bytes, credentials=self._credentials_of(card)
        )
        asked: Asking | None = None
        document: Document | None = None
        error: Carbon254Error | None = None
        request: Request | None = None
        while True:
            before = request
            try:
                asked = asked or self.ingest.catalogue.market(card.id).requests(dataset, window)
                request = _next(asked, document, error)
            except Carbon254Error as refused:
                yield _failed(card, dataset, window, refused, before)
                return
            except (Exception, SystemExit) as broken:  # the plugin's own code  # noqa: BLE001
                told = PluginBroken(f"{type(broken).__name__}: {broken}")
                yield _failed(card, dataset, window, told, before)
                return
            if error is not None and before is not None:  # the market has got over it
                yield _skipped(card, dataset, window, error, before)
            if request is None:
                return
            document, error = None, None
            try:
                document = self.fetcher.fetch(request, limits, stop)
            except Interrupted as ended:  # no market gets over that
                yield _failed(card, dataset, window, ended, request)
                return
            except Carbon254Error as failed:
                error = failed
                continue
            for outcome in self._taken(card, dataset, request, document, observed=observed):
                yield (
                    outcome
                    if not outcome.code
                    else evolve(outcome, message=f"{window}: {outcome.message}")
                )

    def _taken(
        self,
        card: MarketCard,
        dataset: str,
        request: Request,
        document: Document,
        *,
        observed: bool,
    ) -> Iterator[Outcome]:
        if request.role == "login":
            return
        self.ingest.archive.put(document.body)
        receipt = self.ingest.journal.receipt(
            receipt_for(
                document,
                market=card.id,
                dataset=dataset,
                request=request.key,
                role=request.role,
                archived_at=document.fetched_at or self.ingest.clock.now(),
                observed=observed,
            )
        )
        if request.role == "data":
            yield self.ingest.read(receipt, dataset, document)

    def _credentials_of(self, card: MarketCard) -> dict[str, str]:
        return {name: value for name, value in self.credentials.items() if name in card.credentials}


def parts(card: MarketCard, dataset: str, window: Window) -> Iterator[Window]:
    """The window in parts of whole operating days, none longer than one request may ask for."""
    facts = card.dataset(dataset)
    most = max(1, facts.window.days)
    days = list(days_in(window, facts.day_zone, facts.day_start))
    for first in range(0, len(days), most):
        chosen = days[first : first + most]
        start = day_window(chosen[0], facts.day_zone, facts.day_start).start
        end = day_window(chosen[-1], facts.day_zone, facts.day_start).end
        yield Window(max(start, window.start), min(end, window.end))


def _next(asked: Asking, document: Document | None, error: Carbon254Error | None) -> Request | None:
    """The next request, given what became of the one before; None when there is no other."""
    try:
        if error is not None:
            return asked.throw(error)
        return next(asked) if document is None else asked.send(document)
    except StopIteration:
        return None


def _skipped(
    card: MarketCard, dataset: str, window: Window, error: Carbon254Error, request: Request
) -> Outcome:
    """A request failed and the market went on: what that request covers is missing."""
    status = _GIVE_UP.get(error.code, "unavailable")
    return Outcome(
        _name(request), status, card.id, dataset, code=error.code, message=f"{window}: {error}"
    )


def _failed(
    card: MarketCard, dataset: str, window: Window, error: Carbon254Error, request: Request | None
) -> Outcome:
    name = _name(request) if request else f"{card.id} {dataset}"
    return Outcome(
        name, _GIVE_UP.get(error.code, "unavailable"), card.id, dataset, code=error.code,
        message=f"{window} is missing: {error}",
    )  # fmt: skip


def _name(request: Request) -> str:
    return request.name or request.key.partition(" ")[2].rstrip("?")
