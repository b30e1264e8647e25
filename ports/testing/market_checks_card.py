"""Checks of what a market declares: its card, its location list, what its requests ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlsplit

from carbon254.core.domain.cards import DatasetCard, MarketCard, read_card
from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import Carbon254Error, FeedUnavailable, InvalidRequest
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import sample_series
from carbon254.core.domain.time import Window, day_window, operating_day
from carbon254.ports.testing.market_kit import Kit, sample_document

_MOST_REQUESTS: Final = 400
_SOME_DAY: Final = date(2025, 6, 4)


def check_card(kit: Kit, _: str) -> Iterator[str]:
    """The card is read without the plugin's code, and says everything that is true of the market."""
    card = kit.card
    if not card.path.exists():
        yield "the card does not know its file: hand in what `read_card` returned"
        return
    if read_card(card.path) != card:
        yield "the market changed its card, or was handed another"
    if card.path.parent.name != card.id:
        yield f"the folder is called '{card.path.parent.name}', the card says '{card.id}'"
    for name in ("name", "operator", "region", "licence", "owners", "hosts", "runs", "datasets"):
        if not getattr(card, name):
            yield f"'{name}' is empty"
    fed = {run for facts in card.datasets.values() for run in facts.runs}
    yield from (f"run '{run}' is fed by no dataset" for run in card.runs if run not in fed)
    for run, facts in card.runs.items():
        if not facts.nature:
            yield f"run '{run}' has no nature"
    yield from _check_board(card)
    yield from _check_places(card)


def check_dataset_card(kit: Kit, dataset: str) -> Iterator[str]:
    """A dataset's card says all that VOCABULARY §13 asks."""
    card, facts = kit.card, kit.facts(dataset)
    yield from (
        f"'{name}' is empty"
        for name in ("title", "runs", "measures", "kinds")
        if not getattr(facts, name)
    )
    if facts.class_ == "grid" and not facts.resolution:
        yield "class 'grid' needs a resolution"
    if facts.class_ == "irregular" and facts.max_gap is None:
        yield "class 'irregular' needs a max_gap"
    if "hub" in facts.kinds and not any(place.kind == "hub" for place in card.places):
        yield "feeds hubs, but locations.toml lists none: the market's own list says what a hub is"
    yield from (
        f"rows_ignored '{r}' has no explanation"
        for r, text in facts.rows_ignored.items()
        if not text.strip()
    )
    yield from _check_sums(facts)
    yield from _check_sample(card, dataset)


def _check_sums(facts: DatasetCard) -> Iterator[str]:
    for rule in facts.adds_up:
        for measure in (rule.total, *rule.parts, *rule.optional):
            if measure not in facts.measures:
                yield f"adds_up names '{measure}', which the dataset does not feed"


def _check_sample(card: MarketCard, dataset: str) -> Iterator[str]:
    facts = card.dataset(dataset)
    if facts.writes and facts.sample is None:
        yield "a dataset that can be written needs a sample, or the demo has nothing to make"
    try:
        sample_series(card, dataset)
    except InvalidRequest as error:
        yield str(error)


def _check_board(card: MarketCard) -> Iterator[str]:
    for text in card.board:
        series = SeriesId.parse(f"{card.id}/{text}")
        if card.feeding(series) is None:
            yield f"the board shows '{text}', which no dataset feeds"


def _check_places(card: MarketCard) -> Iterator[str]:
    seen: dict[tuple[str, str], list[tuple[date | None, date | None]]] = {}
    for place in card.places:
        for start, end in seen.setdefault((place.kind, place.code), []):
            if (place.to is None or start is None or start < place.to) and (
                end is None or place.from_ is None or place.from_ < end
            ):
                yield f"{place.kind} '{place.code}' is listed twice for the same days"
        seen[place.kind, place.code].append((place.from_, place.to))
    codes = {place.code for place in card.places}
    for place in card.places:
        for other in (
            *place.replaces,
            *place.replaced_by,
            *((place.parent,) if place.parent else ()),
        ):
            if other not in codes:
                yield f"{place.kind} '{place.code}' refers to '{other}', which is not listed"


def check_requests(kit: Kit, dataset: str) -> Iterator[str]:
    """Requests ask declared hosts only, name credentials and never hold them, and end."""
    facts = kit.facts(dataset)
    day = next(
        (
            operating_day(a.start, facts.day_zone, facts.day_start)
            for a in kit.golden.answers(dataset)
        ),
        _SOME_DAY,
    )
    span = day_window(day, facts.day_zone, facts.day_start)
    longer = Window(span.start, span.end + facts.window + timedelta(days=1))
    for window in (span, longer):
        asked, problem = drive(kit, dataset, window)
        if problem:
            yield problem
        if not asked:
            yield f"no request was made for {window}"
        for request in asked:
            yield from _check_request(kit, request)
        if [request.key for request in drive(kit, dataset, window)[0]] != [
            request.key for request in asked
        ]:
            yield f"asked twice for {window}, the requests differ"
    yield from _check_thrown(kit, dataset, span)


def _check_request(kit: Kit, request: Request) -> Iterator[str]:
    parts = urlsplit(request.url)
    if parts.scheme not in ("http", "https"):
        yield f"'{request.url}' is neither http nor https"
    if parts.hostname not in kit.card.hosts:
        yield f"'{request.url}': host '{parts.hostname}' is not declared in the card"
    if unknown := set(request.credentials.values()) - set(kit.card.credentials):
        yield f"'{request.url}' needs credentials {sorted(unknown)}, which the card does not declare"


def drive(kit: Kit, dataset: str, window: Window) -> tuple[list[Request], str]:
    """All requests for a window, each answered with a sample; and what went wrong, if anything did."""
    asked: list[Request] = []
    steps = kit.market.requests(dataset, window)
    try:
        request = next(steps)
        while len(asked) < _MOST_REQUESTS:
            asked.append(request)
            request = steps.send(_answer(kit, dataset, request))
    except StopIteration:
        return asked, ""
    except Carbon254Error as error:
        # The answers are another day's, so a listing may well not hold what is looked for.
        known = error.code in (
            "not_published_yet",
            "feed_unavailable",
            "feed_format_changed",
            "document_damaged",
        )
        return asked, "" if known else f"requests raised {error.code}: {error}"
    steps.close()
    return asked, f"more than {_MOST_REQUESTS} requests for {window}"


def _answer(kit: Kit, dataset: str, request: Request) -> Document:
    if request.role != "data":
        for listing in kit.golden.listing:
            if listing.dataset == dataset:
                return sample_document(kit.samples / listing.document)
        return Document(request.name or "listing", b"", "text/html", url=request.url)
    documents = list(kit.readable(dataset).values())
    return documents[0] if documents else Document(request.name or "empty", b"", url=request.url)


def _check_thrown(kit: Kit, dataset: str, window: Window) -> Iterator[str]:
    """An error of the fetch is handed in: it may be passed on or lived with, nothing else."""
    steps = kit.market.requests(dataset, window)
    try:
        next(steps)
        for _ in range(_MOST_REQUESTS):
            steps.throw(FeedUnavailable("the operator does not answer"))
    except (StopIteration, Carbon254Error):
        return
    except Exception as error:  # noqa: BLE001
        yield f"a fetch that failed made `requests` raise {type(error).__name__}: {error}"
    finally:
        steps.close()
