"""What clients do to documents that are there, one by one and many at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis.stateful import invariant

from artstore.changes.bulk import Action, BulkSearch
from artstore.changes.changing import no_precondition
from artstore.changes.patching import DocumentPatch
from artstore.changes.succeeding import SETTLING
from artstore.documents import etag_of
from artstore.errors import ArtStoreError, Gone, NotFound, Unavailable
from artstore.http.preconditions import IfMatch
from artstore.index import IndexedDocument
from artstore.spaces import EVERYWHERE
from functions.maintenance.sweeps.ended import TRASH_MARGIN
from functions.upload.uploads.models import Method
from tests.support.flows.known import BulkAsked, Claim, Claims, Known
from tests.support.flows.lives import ACTOR, REACH
from tests.support.flows.senders import Senders
from tests.support.sweeping import TRASH_KEPT

MARKING = (Action.TAG, Action.SET_ATTRIBUTES)
TURNING = (Action.DELETE, Action.UNDELETE)


class Changers(Senders):
    """Clients that change documents."""

    @contextlib.contextmanager
    def asking(self, action: str | None, known: Known, **wanted: tuple[Claims, Any]) -> Iterator[list[Claim]]:
        """Write down what is asked for, and what was granted or refused."""
        now = self.world.now()
        claims = [(claims, Claim(value, now, pending=True)) for claims, value in wanted.values()]
        for each, claim in claims:
            each.of.append(claim)
        try:
            yield [claim for _, claim in claims]
        except Unavailable:
            raise
        except ArtStoreError:
            for each, claim in claims:
                each.refused(claim)
            raise
        finally:
            for _, claim in claims:
                claim.pending = False
        for each, claim in claims:
            each.granted(claim)
        if action is not None:
            known.granted[action] = known.granted.get(action, 0) + 1

    # Requests that name what their client has seen.

    def seen(self, file_id: UUID) -> IndexedDocument:
        """Give the document as a client sees it. Raises NotFound."""
        found = self.world.index.find(file_id, EVERYWHERE)
        if found is None:
            raise NotFound("there is no such document")
        return found

    def do_patch(self, number: int) -> None:
        self.patch(self.nth(number), None)

    def do_patch_as_seen(self, number: int) -> None:
        self.patch(self.nth(number), self.seen(self.nth(number)))

    def do_delete_as_seen(self, number: int) -> None:
        self.delete(self.nth(number), self.seen(self.nth(number)))

    def patch(self, file_id: UUID, seen: IndexedDocument | None) -> None:
        """Change what is said of a document; only what was ``seen``, and nothing newer, when it is given."""
        known, mark = self.known[file_id], self.name()
        known.marks_asked.add(mark)
        try:
            with self.asking(None, known, described=(known.described, mark)):
                self.world.acting()
                patch = DocumentPatch(description=mark, custom_attributes={mark: True})
                patched = self.world.patching.patch(file_id, REACH, patch, _unless_changed(seen))
        except Unavailable:
            raise
        except ArtStoreError:
            known.marks_asked.discard(mark)  # who was refused has changed nothing
            raise
        known.marks.add(mark)
        if seen is not None:
            self._is_next(known, seen, patched)

    def _is_next(self, known: Known, seen: IndexedDocument, changed: IndexedDocument) -> None:
        assert seen.attributes_etag not in known.changed, "of two who have seen the same, one changes it"
        known.changed.add(seen.attributes_etag)
        assert changed.attributes.revision == seen.attributes.revision + 1, "nobody came in between"

    # The trash.

    def do_delete(self, number: int) -> None:
        self.delete(self.nth(number), None)

    def do_undelete(self, number: int) -> None:
        self.undelete(self.nth(number))

    def delete(self, file_id: UUID, seen: IndexedDocument | None) -> None:
        """Put a document into the trash; only as it was ``seen``, when that is given, unless it is there."""
        known = self.known[file_id]
        known.was_deleted, known.turns = True, known.turns + 1
        others, turns = [each for each in known.deleted.of if each.value], known.turns
        before = self.world.index.find_any(file_id, EVERYWHERE)
        is_there = before is not None and known.deleted.values == {True}
        with self.asking("document.deleted", known, deleted=(known.deleted, True)) as [mine]:
            self.world.acting()
            deleted = self.world.deleting.delete(file_id, REACH, ACTOR, _unless_changed(seen))
        others += [each for each in known.deleted.of if each.value and each is not mine]
        if seen is not None and not others:
            self._is_next(known, seen, deleted)
        if before is not None and is_there and known.turns == turns:
            assert deleted.attributes.deleted_at == before.attributes.deleted_at, "its time there goes on"
        self.is_seen_at_once(known)

    def undelete(self, file_id: UUID) -> None:
        """Take a document out of the trash."""
        known = self.known[file_id]
        known.turns += 1
        try:
            with self.asking("document.undeleted", known, deleted=(known.deleted, False)):
                self.world.acting()
                self.world.deleting.undelete(file_id, REACH, ACTOR)
        except Gone:
            over = self.world.now() - TRASH_KEPT
            assert any(each.value and each.since <= over for each in known.deleted.of), "its time was not over"
            raise
        self.is_seen_at_once(known)

    def is_seen_at_once(self, known: Known) -> None:
        """Whoever asks after the answer finds what it said, where nobody else asked for anything else."""
        self.what_goes_may_go()
        if len(known.deleted.values) == 1 and not known.purged:
            found = self.world.index.find(known.transfer.file_id, EVERYWHERE)
            assert known.deleted.values == {found is None}, "the index follows before the answer leaves"

    @invariant()
    def what_goes_may_go(self) -> None:
        """Nothing that is held is purged, nor what nobody deleted, before its time."""
        if not hasattr(self, "world"):
            return
        purged = {each.object: each for each in self.world.outbox.events if each.action == "document.purged"}
        now = self.world.now()
        for file_id, known in self.known.items():
            if known.purged or f"file/{file_id}" not in purged:
                continue
            known.purged = True
            assert known.held.values != {True}, "what is held is never purged"
            over = now - TRASH_KEPT - TRASH_MARGIN
            in_trash = any(each.value and each.since <= over for each in known.deleted.of)
            assert in_trash or (known.ends is not None and known.ends <= now), "only what is over is purged"
            if purged[f"file/{file_id}"].reason == "expired":
                assert known.ends is not None, "what is kept for good does not end"
                assert known.ends <= now, "what is kept for a while does not end before"

    def do_succession(self, supersedes: int, body: bytes, steps: list[tuple[str, int]]) -> None:
        self.succeed(self.nth(supersedes), body, steps)

    def succeed(self, predecessor: UUID, body: bytes, steps: list[tuple[str, int]]) -> None:
        """Have documents take another's place, and let them go, come back, and be followed by others."""
        came: list[UUID] = []
        for step, number in [("come", 0), *steps]:
            with contextlib.suppress(ArtStoreError):
                if step == "come":
                    came.append(self.start(body, Method.PUT, 3650, predecessor))
                    self.send(came[-1])
                    self.complete(came[-1])
                elif step == "wait":
                    self.do_wait(1_000_000)
                elif came:
                    turn = {"delete": lambda each: self.delete(each, None), "undelete": self.undelete}[step]
                    turn(came[number % len(came)])

    def do_wait(self, milliseconds: int) -> None:
        """Let time pass. Events come late, but no later than SETTLING: who takes a place counts on that."""
        if timedelta(milliseconds=milliseconds) >= SETTLING:
            self.world.deliver_all()
        self.world.wait(milliseconds)

    # Holds, finalizations, and many documents at once.

    def do_hold(self, number: int, hold: bool) -> None:
        self.hold(self.nth(number), hold=hold)

    def hold(self, file_id: UUID, *, hold: bool) -> None:
        """Place a hold, or end it."""
        known = self.known[file_id]
        action = "legal_hold.placed" if hold else "legal_hold.released"
        with self.asking(action, known, held=(known.held, hold)):
            self.world.acting()
            self.world.holding.set(file_id, REACH, hold=hold, reason="a case", actor=ACTOR)

    def do_finalize(self, number: int) -> None:
        self.finalize(self.nth(number))

    def finalize(self, file_id: UUID) -> None:
        """Ask for a finalization; one that is under way or done is not asked for again."""
        known = self.known[file_id]
        with self.asking("finalization.requested", known):
            before = self.world.finalizations.kept.get(file_id)
            shown = self.world.finalize(file_id)
            if before is not None and before.transaction_id == shown.transaction_id:
                known.granted["finalization.requested"] = known.granted.get("finalization.requested", 0) - 1

    def do_bulk(self, action: Action, which: list[int]) -> None:
        ids = list(dict.fromkeys(self.nth(each) for each in which))
        asked = self._claim(action, ids)
        job_id = self.world.start_bulk(self.name(), action, ids=ids, **_said(asked))
        self.bulk[job_id] = asked

    def do_bulk_search(self, action: Action, versions: bool) -> None:
        """Change all that a search finds; to undelete, all that is in the trash."""
        in_trash = action is Action.UNDELETE
        surely = [each for each, known in self.known.items() if known.deleted.values == {in_trash}]
        asked = self._claim(action, list(self.known))
        for file_id in surely if versions or in_trash else ():
            found = self.world.index.find_any(file_id, EVERYWHERE)
            if found is not None and (found.attributes.deleted_at is not None) == in_trash:
                asked.found[file_id] = self.known[file_id].turns
        search = BulkSearch(versions=versions)
        job_id = self.world.start_bulk(self.name(), action, search=search, **_said(asked))
        self.bulk[job_id] = asked
        self.world.wait(1000)  # what came in the same moment might be meant

    def _claim(self, action: Action, ids: list[UUID]) -> BulkAsked:
        asked, now = BulkAsked(action, self.name()), self.world.now()
        for file_id in ids:
            known = self.known[file_id]
            if action in MARKING:
                known.marks_asked.add(asked.mark)
            if action in TURNING:
                known.was_deleted |= action is Action.DELETE
                known.turns += 1
                claim = Claim(action is Action.DELETE, now, pending=True)
                asked.claims[file_id] = (known.deleted, claim)
            if action in (Action.HOLD, Action.RELEASE):
                asked.claims[file_id] = (known.held, Claim(action is Action.HOLD, now, pending=True))
        for claims, claim in asked.claims.values():
            claims.of.append(claim)
        return asked


def _unless_changed(seen: IndexedDocument | None) -> Any:
    if seen is None:
        return no_precondition
    return IfMatch(etag_of(seen.attributes_etag, missing=seen.missing, current=seen.current)).check_any


def _said(asked: BulkAsked) -> dict[str, Any]:
    said: dict[Action, dict[str, Any]] = {
        Action.TAG: {"add_tags": [asked.mark]},
        Action.SET_ATTRIBUTES: {"custom_attributes": {asked.mark: True}},
        Action.MOVE: {"folder": "/moved"},
        Action.HOLD: {"reason": "a case"},
        Action.RELEASE: {"reason": "a case"},
    }
    return said.get(asked.action, {})
