"""Read archived documents again: with a better parser, after a crash, or to rebuild a lost store."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from carbon254.core.domain.documents import Receipt
from carbon254.core.domain.errors import (
    Carbon254Error,
    Conflict,
    DiskFull,
    DocumentDamaged,
    NotFound,
    StoreBusy,
    StoreUnavailable,
)
from carbon254.core.usecases.ingest_documents import IngestDocuments, Outcome
from carbon254.ports.archive import CommitMark

Told = Callable[[Outcome], None]
_FINISHED = "finished"  # the fact that names the last receipt that needs no second look


def _silent(outcome: Outcome) -> None:
    """Tell nobody."""


@frozen
class RereadDocuments:
    """The use case; nothing is asked of an operator."""

    ingest: IngestDocuments

    def market(
        self, market: str, *, digests: frozenset[str] = frozenset(), on_outcome: Told = _silent
    ) -> list[Outcome]:
        """Read all archived documents of a market, or those of the digests, with the parser as it is now.

        A document's earlier rows that the parser no longer finds are retracted; equal ones are not written again.
        """
        receipts = [
            receipt for receipt in self.ingest.journal.receipts().values()
            if receipt.market == market and receipt.role == "data" and (not digests or receipt.digest in digests)
        ]  # fmt: skip
        before: dict[str, list[str]] = {}
        if receipts:
            for batch in self.ingest.store.batches([receipt.id for receipt in receipts]):
                before.setdefault(batch.receipt, []).append(batch.dataset)
        return self._read(receipts, on_outcome, before=before)

    def unfinished(self, *, on_outcome: Told = _silent) -> list[Outcome]:
        """Finish what a crash left undone; what was finished before is not looked at again.

        Rows that were about to be committed get the instant of their mark (`rebuild`), so that a lost store is filled
        before anything new is recorded. Then documents are read whose receipt was written but whose rows were not.
        """
        outcomes = self.rebuild(on_outcome=on_outcome)
        records, receipts = self.ingest.records, list(self.ingest.journal.receipts().values())
        ids = [receipt.id for receipt in receipts]
        seen = records.get(_FINISHED)
        left = receipts[ids.index(seen) + 1 :] if seen in ids else receipts
        if not left:
            return outcomes
        done = {
            (batch.receipt, batch.dataset)
            for batch in self.ingest.store.batches([one.id for one in left])
        }
        done |= {(entry.receipt, entry.dataset) for entry in records.refused()}
        outcomes += self._read(
            [one for one in left if one.role == "data"], on_outcome, done=frozenset(done)
        )
        records.put(_FINISHED, ids[-1])
        return outcomes

    def rebuild(self, *, on_outcome: Told = _silent) -> list[Outcome]:
        """Record from archive and journal what was marked after the store's last commit, each row at its instant.

        That is everything for a lost store, and what a crash interrupted for any other. Raises `DiskFull`,
        `StoreUnavailable` and `StoreBusy`; run again, it goes on where it stopped.
        """
        receipts = self.ingest.journal.receipts()
        outcomes = []
        for mark in self._lost():
            outcome = self._as_recorded(receipts[mark.receipt], mark)
            on_outcome(outcome)
            outcomes.append(outcome)
        return outcomes

    def _lost(self) -> list[CommitMark]:
        """Marks after the last commit, in their order; the last mark of a batch counts.

        Commits have strictly growing instants. So a mark that is followed by one of the same or an earlier instant
        was never committed; its document was read again, with a mark of its own.
        """
        marks = [entry for entry in self.ingest.journal.entries() if isinstance(entry, CommitMark)]
        seen: set[tuple[str, str, str]] = set()
        found: list[CommitMark] = []
        earliest, last = None, self.ingest.store.last_recorded()
        for mark in reversed(marks):
            batch = (mark.receipt, mark.dataset, mark.parser_version)
            if batch not in seen and (earliest is None or mark.recorded_at < earliest):
                found.append(mark)
            earliest = mark.recorded_at if earliest is None else min(earliest, mark.recorded_at)
            seen.add(batch)
        return [mark for mark in reversed(found) if last is None or mark.recorded_at > last]

    def _as_recorded(self, receipt: Receipt, mark: CommitMark) -> Outcome:
        told = Outcome(receipt.name, "recorded", receipt.market, mark.dataset, receipt.digest)
        try:
            self.ingest.claim(synthetic=mark.synthetic)
            document = receipt.document(self.ingest.archive.get(receipt.digest))
            observations, told = self.ingest.prepare(
                receipt, mark.dataset, document, told, synthetic=mark.synthetic
            )
            recorded = self.ingest.store.record(observations, now=mark.recorded_at)
        except (StoreUnavailable, StoreBusy, DiskFull, Conflict):
            raise
        except Carbon254Error as error:
            return evolve(told, status="unavailable", code=error.code, message=str(error))
        self.ingest.learn(receipt.market, observations)
        version = observations.batches[0].parser_version
        note = (
            ""
            if version == mark.parser_version
            else f"read by parser {version}, then by {mark.parser_version}."
        )
        return evolve(told, recorded=recorded, message=note)

    def _read(
        self,
        receipts: Iterable[Receipt],
        on_outcome: Told,
        *,
        done: Container[tuple[str, str]] = (),
        before: Mapping[str, Sequence[str]] | None = None,
    ) -> list[Outcome]:
        """Read documents for the datasets that recognise them and those of ``before``, but not for what is ``done``."""
        synthetic = self.ingest.records.get("nature") == "synthetic"
        outcomes = []
        for receipt in receipts:
            if (receipt.id, receipt.dataset) in done:
                continue
            for outcome in self._each(
                receipt, done, (before or {}).get(receipt.id, ()), synthetic=synthetic
            ):
                on_outcome(outcome)
                outcomes.append(outcome)
        return outcomes

    def _each(
        self,
        receipt: Receipt,
        done: Container[tuple[str, str]],
        before: Sequence[str],
        *,
        synthetic: bool,
    ) -> Iterator[Outcome]:
        try:
            document = receipt.document(self.ingest.archive.get(receipt.digest))
        except (
            NotFound,
            DocumentDamaged,
        ) as error:  # one rotten copy must not keep the others from being read
            yield Outcome(
                receipt.name, "unavailable", receipt.market, receipt.dataset, receipt.digest, code=error.code,
                message=str(error),
            )  # fmt: skip
            return
        datasets: Iterable[str] = (receipt.dataset,)
        if not receipt.dataset:
            homes = self.ingest.recognise(document, receipt.market)
            datasets = dict.fromkeys(
                [*(dataset for _, found in homes for dataset in found), *before]
            )
        for dataset in datasets:
            if (receipt.id, dataset) not in done:
                yield self.ingest.read(receipt, dataset, document, synthetic=synthetic)
