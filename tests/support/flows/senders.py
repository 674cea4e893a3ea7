"""What clients do until their documents are there: announce, send, ask for, give up.

A request that was killed was asked for, and nobody knows what became of it.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from uuid import UUID

from artstore.errors import ArtStoreError
from functions.upload.uploads.models import Method
from tests.support.flows.disturbing import Disturbed
from tests.support.flows.known import Batch, BulkAsked, Known, newly
from tests.support.flows.lives import CALLER, Lives, Transfer, announcement

Announced = tuple[bytes, Method, int | None, int | None]
"""The bytes of a document, how they come, for how many days it is kept, and whose place it is to take."""


class Senders(Disturbed):
    """Clients that send documents."""

    world: Lives
    known: dict[UUID, Known]
    batches: list[Batch]
    bulk: dict[UUID, BulkAsked]
    count: int
    lost: bool
    """Whether an event was lost that nobody has made up for."""

    def name(self) -> str:
        """Give a name that nothing else has."""
        self.count += 1
        return f"n{self.count}"

    def nth(self, number: int) -> UUID:
        """Give one of the newest three."""
        newest = list(self.known)[-3:]
        return newest[number % len(newest)]

    def do_start(self, body: bytes, method: Method, ttl_days: int | None, supersedes: int | None) -> UUID:
        predecessor = None if supersedes is None or not self.known else self.nth(supersedes)
        return self.start(body, method, ttl_days, predecessor)

    def start(self, body: bytes, method: Method, ttl_days: int | None, predecessor: UUID | None) -> UUID:
        """Announce a document, and give its id."""
        now = self.world.now()
        transfer = self.world.start(self.name(), body, announcement(body, method, ttl_days, predecessor))
        ends = None if ttl_days is None else now + timedelta(days=ttl_days)
        self.known[transfer.file_id] = newly(transfer, predecessor, ends, now)
        return transfer.file_id

    def do_batch(self, announced: list[Announced]) -> None:
        """Announce several documents at once."""
        asked = [
            (body, announcement(body, method, ttl_days, None if supersedes is None else self.nth(supersedes)))
            for body, method, ttl_days, supersedes in announced
        ]
        self.batches.append(Batch(self.name(), self.world.now(), asked))
        self._start_batch(self.batches[-1])

    def do_batch_again(self, number: int) -> None:
        """Announce them again, as a client does that has had no answer."""
        if self.batches:
            self._start_batch(self.batches[-1 - number % len(self.batches)])

    def _start_batch(self, batch: Batch) -> None:
        outcomes = self.world.start_batch(batch.key, [asked for _, asked in batch.asked])
        for number, ((body, asked), started) in enumerate(zip(batch.asked, outcomes, strict=True)):
            if isinstance(started, ArtStoreError):
                refusable = number not in batch.told or asked.supersedes is not None
                assert refusable, "what was started once is refused only where its place was taken"
                continue
            file_id = batch.told.setdefault(number, started.file_id)
            assert file_id == started.file_id, "under one key there is one document"
            until = self.world.now() if started.upload is None else started.upload.expires_at
            if file_id in self.known:
                self.known[file_id].transfer.until = max(until, self.known[file_id].transfer.until)
                continue
            ends = None if asked.ttl_days is None else batch.since + timedelta(days=asked.ttl_days)
            transfer = Transfer(file_id, body, asked.method or Method.PUT, until)
            self.known[file_id] = newly(transfer, asked.supersedes, ends, batch.since)

    def do_store(self, body: bytes, method: Method, ttl_days: int | None, supersedes: int | None) -> None:
        """Start, send, and ask for the document."""
        file_id = self.do_start(body, method, ttl_days, supersedes)
        self.send(file_id)
        self.complete(file_id)

    def do_store_batch(self, announced: list[Announced]) -> None:
        """Start several documents at once, send them all, and ask for them."""
        self.do_batch(announced)
        for file_id in list(self.batches[-1].told.values()):
            with contextlib.suppress(ArtStoreError):
                self.send(file_id)
                self.complete(file_id)

    def do_rivals(self, body: bytes, supersedes: int) -> None:
        """Have two documents take another's place, the first of which has its event come late."""
        predecessor = self.nth(supersedes)
        self.send(self.start(body, Method.PUT, 3650, predecessor))
        self.world.wait(700_000)
        second = self.start(body, Method.PUT, 3650, predecessor)
        self.send(second)
        self.complete(second)

    def do_send(self, number: int) -> None:
        self.send(self.nth(number))

    def do_complete(self, number: int) -> None:
        self.complete(self.nth(number))

    def send(self, file_id: UUID) -> None:
        """Send the bytes of a document."""
        known = self.known[file_id]
        known.sent = self.world.send(known.transfer) or known.sent

    def complete(self, file_id: UUID) -> None:
        """Ask for the document of an upload."""
        self.world.complete(file_id)
        self.known[file_id].sent = True

    def do_lose(self, number: int) -> None:
        """Lose the event of an upload whose client has sent it, and asks for nothing."""
        self.lost |= self.world.lose(number) is not None

    def do_abort(self, number: int) -> None:
        known = self.known[self.nth(number)]
        known.abort_asked = True
        self.world.multiparts().abort(known.transfer.file_id, CALLER)
        known.aborted = True
