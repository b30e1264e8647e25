"""Make the demo's documents: made-up readings, written by each market in its own format, taken in like any other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import MINYEAR, date, timedelta

from attrs import frozen

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import Carbon254Error, PluginBroken
from carbon254.core.domain.made_up_history import make_history
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import earlier_statement, sample_window, synthesise
from carbon254.core.domain.time import Window, day_window, operating_day
from carbon254.core.domain.vocabulary import Finality
from carbon254.core.usecases.ingest_documents import IngestDocuments, Outcome


@frozen
class MakeSamples:
    """The use case behind ``carbon254 demo``."""

    ingest: IngestDocuments

    def datasets(self) -> list[tuple[MarketCard, str]]:
        """Datasets of installed markets that have a sample and can be written."""
        return [
            (card, name) for card in self.ingest.catalogue.cards().values() for name, facts in card.datasets.items()
            if facts.sample is not None and facts.writes
        ]  # fmt: skip

    def anchor(self, card: MarketCard, dataset: str) -> date:
        """The last operating day that is wholly published by now."""
        facts, now = card.dataset(dataset), self.ingest.clock.now()
        day = operating_day(now, facts.day_zone, facts.day_start) + timedelta(2)
        while True:
            span = day_window(day, facts.day_zone, facts.day_start)
            last = (
                (facts.resolution[-1].length if facts.resolution else span.length)
                if span.length
                else span.length
            )
            due = facts.due.at(
                span.end - min(last, span.length),
                span.end,
                day_zone=facts.day_zone,
                day_start=facts.day_start,
            )
            if due <= now or day.year < MINYEAR + 2:
                return day
            day -= timedelta(1)

    def documents(self, card: MarketCard, dataset: str) -> Iterator[Document]:
        """Documents of one dataset for the span of its sample, up to the last day that is published by now.

        Where the card's sample revises, what the market said before comes first.
        """
        facts, market = card.dataset(dataset), self.ingest.catalogue.market(card.id)
        reading = synthesise(card, dataset, sample_window(facts, self.anchor(card, dataset)))
        if facts.sample and facts.sample.revises:
            before = earlier_statement(reading, Finality[facts.sample.revises.upper()])
            yield from market.write(dataset, before)
        yield from market.write(dataset, reading)

    def history(self, series: SeriesId, like: str, days: int) -> list[Outcome]:
        """Make and take in a long history of a series, made up as ``like`` is, up to the last day published by now.

        It comes as one document of our own, not in the operator's format, which may serve a day at a time.
        """
        card, now = self.ingest.catalogue.cards()[series.market], self.ingest.clock.now()
        facts = card.dataset(like)
        due = facts.due_for(series.run)
        last = operating_day(now, facts.day_zone, facts.day_start) + timedelta(2)
        while due.on(last, facts.day_zone) > now:
            last -= timedelta(1)
        first, end = (
            day_window(day, facts.day_zone, facts.day_start)
            for day in (last - timedelta(days - 1), last)
        )
        document = make_history(card, series, like, Window(first.start, end.end))
        return self.ingest.run([document], market=card.id, synthetic=True)

    def one(self, card: MarketCard, dataset: str) -> list[Outcome]:
        """Make and take in the sample of one dataset, as synthetic. Again changes nothing.

        A market that fails to write its sample is told of in an outcome; the others are not kept from writing theirs.
        """
        try:
            documents = list(self.documents(card, dataset))
        except (Exception, SystemExit) as error:  # the plugin's own code  # noqa: BLE001
            text = (
                str(error)
                if isinstance(error, Carbon254Error)
                else f"{type(error).__name__}: {error}"
            )
            return [
                Outcome(
                    f"sample of {card.id} {dataset}",
                    "unavailable",
                    card.id,
                    dataset,
                    code=PluginBroken.code,
                    message=text,
                )
            ]
        return self.ingest.run(documents, market=card.id, synthetic=True)
