"""The finalizations of documents, in the table of the uploads: one item for each document, by its id.

Rights needed: dynamodb:GetItem on the uploads table to look, PutItem to begin, UpdateItem to settle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from artstore.aws.dynamodb import reaching_dynamodb, write_together
from artstore.finalizations import Finalization, Phase
from artstore.index.claims import Place
from artstore.tables import FinalizationRecord, bind

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite


class FinalizationTable:
    """The finalizations of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the uploads table of the deployment ``prefix``."""
        self._prefix = prefix
        self._table = bind(FinalizationRecord, prefix)

    def find(self, file_id: UUID) -> Finalization | None:
        """Read the last finalization of a document, or None; one GetItem, consistent. Raises Unavailable."""
        with reaching_dynamodb():
            try:
                found: FinalizationRecord = self._table.get(_key(file_id), consistent_read=True)
            except self._table.DoesNotExist:
                return None
        return _read(found)

    def find_all(self, file_ids: Iterable[UUID]) -> dict[UUID, Finalization]:
        """Read those there are, a hundred for each call. Raises Unavailable."""
        keys = [_key(each) for each in file_ids]
        with reaching_dynamodb():
            found = [_read(each) for each in self._table.batch_get(keys, consistent_read=True)]
        return {each.file_id: each for each in found}

    def begin(self, finalization: Finalization, transaction: TransactWrite) -> None:
        """Add the item to a transaction, which fails while another finalization of the document is under way."""
        transaction.save(
            self._record(finalization),
            condition=self._table.file_id.does_not_exist() | (self._table.phase != Phase.OPEN.value),
        )

    def settle(
        self,
        finalization: Finalization,
        phase: Phase,
        at: datetime,
        *,
        code: str | None = None,
        detail: str | None = None,
        etag: str | None = None,
        alongside: Callable[[TransactWrite], None] = lambda _: None,
    ) -> bool:
        """End a finalization that is under way, with what ``alongside`` adds to the transaction.

        False when it was not under way any more; then nothing is written. Raises Unavailable.
        """
        record = self._record(finalization)
        actions = [self._table.phase.set(phase.value), self._table.settled_at.set(at.isoformat())]
        for attribute, value in ((self._table.code, code), (self._table.detail, detail), (self._table.etag, etag)):
            if value is not None:
                actions.append(attribute.set(value))

        def writes(transaction: TransactWrite) -> None:
            transaction.update(
                record,
                actions=actions,
                condition=(self._table.transaction_id == str(finalization.transaction_id))
                & (self._table.phase == Phase.OPEN.value),
            )
            alongside(transaction)

        return write_together(self._prefix, writes)

    def _record(self, finalization: Finalization) -> FinalizationRecord:
        record: FinalizationRecord = self._table(
            _key(finalization.file_id),
            transaction_id=str(finalization.transaction_id),
            phase=finalization.phase.value,
            source_bucket=finalization.source.bucket,
            source_key=finalization.source.key,
            bucket=finalization.target.bucket,
            key=finalization.target.key,
            element_id=finalization.element_id,
            started_at=finalization.started_at.isoformat(),
        )
        return record


def _key(file_id: UUID) -> str:
    return f"finalization#{file_id}"


def _read(record: FinalizationRecord) -> Finalization:
    return Finalization(
        file_id=UUID(str(record.file_id).removeprefix("finalization#")),
        transaction_id=UUID(record.transaction_id),
        source=Place(record.source_bucket, record.source_key),
        target=Place(record.bucket, record.key),
        element_id=record.element_id,
        started_at=datetime.fromisoformat(record.started_at),
        phase=Phase(record.phase),
        settled_at=None if record.settled_at is None else datetime.fromisoformat(record.settled_at),
        etag=record.etag,
        code=record.code,
        detail=record.detail,
    )
