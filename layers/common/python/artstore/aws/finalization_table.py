"""The finalizations of documents, in the table of the uploads: one item for each document, by its id.

Rights needed: dynamodb:GetItem on the uploads table to look, PutItem to begin and to settle, Query on its index
by-end and UpdateItem to remove sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from artstore.aws.dynamodb import reaching_dynamodb, refusal_code, write_together
from artstore.errors import Unavailable
from artstore.finalizations import Finalization, Phase, Waiting
from artstore.index.claims import Place
from artstore.tables import FinalizationRecord, bind

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

_TRIES = 5


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

    def settle(self, ended: Finalization, alongside: Callable[[TransactWrite], None] = lambda _: None) -> bool:
        """End a finalization that is under way, with what ``alongside`` adds to the transaction.

        False when it was not under way any more; then nothing is written. Raises Unavailable.
        """

        def writes(transaction: TransactWrite) -> None:
            transaction.save(self._record(ended), condition=self._is(ended, Phase.OPEN))
            alongside(transaction)

        for _ in range(_TRIES):
            if write_together(self._prefix, writes):
                return True
            present = self.find(ended.file_id)  # another's write may only have come at the same moment
            if present is None or (present.transaction_id, present.phase) != (ended.transaction_id, Phase.OPEN):
                return False
        raise Unavailable("the finalization is being written by others")

    def waiting(self, what: Waiting, until: datetime, limit: int) -> list[UUID]:
        """Name the documents whose finalizations have waited since ``until`` or longer, the longest first.

        What was just written may take a moment to appear. Raises Unavailable.
        """
        with reaching_dynamodb():
            found = self._table.by_end.query(
                what.value, FinalizationRecord.expires_at <= _text(until), limit=limit
            )
            return [_file_id(each) for each in found]

    def postpone(self, finalization: Finalization, at: datetime) -> bool:
        """Let a source wait anew from ``at``; False when there is another finalization. Raises Unavailable."""
        actions = [self._table.expires_at.set(_text(at))]
        return self._update(finalization, actions)

    def release(self, finalization: Finalization) -> bool:
        """Note that the source is gone; False when there is another finalization. Raises Unavailable."""
        return self._update(finalization, [self._table.awaited.remove(), self._table.expires_at.remove()])

    def _update(self, finalization: Finalization, actions: list[Action]) -> bool:
        with reaching_dynamodb():
            try:
                self._table(_key(finalization.file_id)).update(
                    actions=actions, condition=self._is(finalization, Phase.COMMITTED)
                )
            except UpdateError as error:
                if refusal_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True

    def _is(self, finalization: Finalization, phase: Phase) -> Condition:
        condition: Condition = (self._table.transaction_id == str(finalization.transaction_id)) & (
            self._table.phase == phase.value
        )
        return condition

    def _record(self, finalization: Finalization) -> FinalizationRecord:
        awaited, since = None, None
        if finalization.phase is Phase.OPEN:
            awaited, since = Waiting.UNDER_WAY.value, finalization.started_at
        elif finalization.phase is Phase.COMMITTED:
            awaited, since = Waiting.SOURCE.value, finalization.settled_at
        record: FinalizationRecord = self._table(
            _key(finalization.file_id),
            transaction_id=str(finalization.transaction_id),
            phase=finalization.phase.value,
            source_bucket=finalization.source.bucket,
            source_key=finalization.source.key,
            bucket=finalization.target.bucket,
            key=finalization.target.key,
            element_id=finalization.element_id,
            started_at=_text(finalization.started_at),
            settled_at=None if finalization.settled_at is None else _text(finalization.settled_at),
            etag=finalization.etag,
            version_id=finalization.version_id,
            source_etag=finalization.source_etag,
            sealed_etag=finalization.sealed_etag,
            code=finalization.code,
            detail=finalization.detail,
            awaited=awaited,
            expires_at=None if since is None else _text(since),
        )
        return record


def _key(file_id: UUID) -> str:
    return f"finalization#{file_id}"


def _file_id(record: FinalizationRecord) -> UUID:
    return UUID(str(record.file_id).removeprefix("finalization#"))


def _text(moment: datetime) -> str:
    """Write a time so that text sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _read(record: FinalizationRecord) -> Finalization:
    return Finalization(
        file_id=_file_id(record),
        transaction_id=UUID(record.transaction_id),
        source=Place(record.source_bucket, record.source_key),
        target=Place(record.bucket, record.key),
        element_id=record.element_id,
        started_at=datetime.fromisoformat(record.started_at),
        phase=Phase(record.phase),
        settled_at=None if record.settled_at is None else datetime.fromisoformat(record.settled_at),
        etag=record.etag,
        version_id=record.version_id,
        source_etag=record.source_etag,
        sealed_etag=record.sealed_etag,
        code=record.code,
        detail=record.detail,
    )
