"""Read archived documents again: with a better parser, after a crash, or to rebuild a lost store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from attrs import evolve, frozen

from carbon254.core.domain.documents import Receipt
from carbon254.core.domain.errors import Carbon254Error
from carbon254.core.usecases.ingest_documents import IngestDocuments, Outcome
from carbon254.ports.archive import CommitMark

Told = Callable[[Outcome], None]


def _silent(outcome: Outcome) -> None:
    """Tell nobody."""


@frozen
class RereadDocuments:
    """The use case; nothing is asked of an operator."""

    ingest: IngestDocuments

    def market(self, market: str, *, digests: frozenset[str] = frozenset(), on_outcome: Told = _silent) -> list[Outcome]:
        """Read all archived documents of a market, or those of the digests, with the parser as it is now.

        A document's earlier rows that the parser no longer finds are retracted; equal ones are not written again.
        """
        receipts = [
            receipt for receipt in self.ingest.journal.receipts().values()
            if receipt.market == market and receipt.role == "data" and (not digests or receipt.digest in digests)
        ]  # fmt: skip
        return self._read(receipts, on_outcome)

    def unfinished(self, *, on_outcome: Told = _silent) -> list[Outcome]:
        """Read documents whose receipt was written but whose rows were not: what a crash left undone."""
        done = {batch.receipt for batch in self.ingest.store.batches()}
        done |= {entry.receipt for entry in self.ingest.records.refused()}
        left = [
            receipt for receipt in self.ingest.journal.receipts().values()
            if receipt.role == "data" and receipt.id not in done
        ]  # fmt: skip
        return self._read(left, on_outcome)

    def rebuild(self, *, on_outcome: Told = _silent) -> list[Outcome]:
        """Fill an empty store from archive and journal; every row gets the instant at which it was recorded."""
        last: dict[tuple[str, str, str], CommitMark] = {}
        receipts: dict[str, Receipt] = {}
        for entry in self.ingest.journal.entries():
            if isinstance(entry, Receipt):
                receipts[entry.id] = entry
            else:
                last[(entry.receipt, entry.dataset, entry.parser_version)] = entry
        outcomes = []
        for mark in sorted(last.values(), key=lambda one: one.recorded_at):
            outcome = self._as_recorded(receipts[mark.receipt], mark)
            on_outcome(outcome)
            outcomes.append(outcome)
        return outcomes

    def _as_recorded(self, receipt: Receipt, mark: CommitMark) -> Outcome:
        told = Outcome(receipt.name, "recorded", receipt.market, mark.dataset, receipt.digest)
        try:
            document = receipt.document(self.ingest.archive.get(receipt.digest))
            observations, told = self.ingest.prepare(receipt, mark.dataset, document, told, synthetic=mark.synthetic)
            recorded = self.ingest.store.record(observations, now=mark.recorded_at)
        except Carbon254Error as error:
            return evolve(told, status="quarantined", code=error.code, message=str(error))
        return evolve(told, recorded=recorded)

    def _read(self, receipts: Iterable[Receipt], on_outcome: Told) -> list[Outcome]:
        synthetic = self.ingest.records.get("nature") == "synthetic"
        outcomes = []
        for receipt in receipts:
            for outcome in self._each(receipt, synthetic=synthetic):
                on_outcome(outcome)
                outcomes.append(outcome)
        return outcomes

    def _each(self, receipt: Receipt, *, synthetic: bool) -> Iterator[Outcome]:
        document = receipt.document(self.ingest.archive.get(receipt.digest))
        datasets: Iterable[str] = (receipt.dataset,)
        if not receipt.dataset:
            homes = self.ingest.recognise(document, receipt.market)
            datasets = [dataset for _, found in homes for dataset in found]
        for dataset in datasets:
            yield self.ingest.read(receipt, dataset, document, synthetic=synthetic)
