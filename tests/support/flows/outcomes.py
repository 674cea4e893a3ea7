"""What must hold of documents once all that was under way has come to its end."""

from __future__ import annotations

from uuid import UUID

from hypothesis.stateful import rule

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.changes.bulk import DONE
from artstore.changes.succeeding import PREDECESSOR_TAKEN
from artstore.jobs import JobStatus
from artstore.naming import attributes_key, file_id_of, is_attributes_key
from artstore.spaces import EVERYWHERE
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.support.flows.changers import MARKING, Changers
from tests.support.flows.known import BulkAsked, Known
from tests.support.flows.lives import SWEEPS

DAY = 86_400_000


class Outcomes(Changers):
    """Compares what was acknowledged with what is there."""

    @rule()
    def settle(self) -> None:
        """Let all that is under way come to its end, and compare everything."""
        if self.lost:  # the sweep makes up for it, once the time of the upload is over
            self.world.wait(2 * DAY)
            self.world.start_sweep("uploads")
            self.lost = False
        self.world.mend()
        self.world.revive()
        self.what_goes_may_go()
        self.world.check()
        self.world.check_finalizations()
        self.check_bulk()
        for file_id, known in self.known.items():
            self.check_document(file_id, known)
        self.check_successions()

    def check_bulk(self) -> None:
        """What a bulk job says is done is done, and what it does not name it has not touched."""
        for job_id, asked in self.bulk.items():
            self._check_bulk(job_id, asked)
        self.bulk.clear()

    def _check_bulk(self, job_id: UUID, asked: BulkAsked) -> None:
        pages = self.world.bulk_pages().get(job_id, [])
        done = {each.file_id for page in pages for each in page.results if each.outcome == DONE}
        meant = {file_id for page in pages for file_id in page.ids}
        for file_id in done & self.known.keys():
            if asked.action in MARKING:
                self.known[file_id].marks.add(asked.mark)
        for file_id, (claims, claim) in asked.claims.items():
            claim.pending = False
            if file_id not in meant:
                claims.refused(claim)
        job = self.world.jobs.find(job_id)
        assert job is not None
        if job.status is not JobStatus.COMPLETED:
            return
        for file_id, known in self.known.items():
            if asked.action in MARKING and file_id not in meant:
                known.marks_asked.discard(asked.mark)
        for file_id, turns in asked.found.items():
            known = self.known[file_id]
            assert file_id in meant or known.purged or known.turns != turns, "a search finds what is there"

    def described(self, file_id: UUID) -> list[tuple[str, str, Attributes]]:
        """Give the places that describe a document, those a finalization is to remove left out."""
        found = []
        for bucket in (EDIT, KEPT):
            for key in self.world.buckets.keys(bucket):
                if is_attributes_key(key) and file_id_of(key.removesuffix(".attr.json")) == file_id:
                    attributes = attr.parse(self.world.buckets.body(bucket, key) or b"")
                    found.append((bucket, key.removesuffix(".attr.json"), attributes))
        if len(found) > 1:
            finalized = self.world.finalizations.kept[file_id]
            assert found[0][:2] == finalized.source, "none is there twice"
            assert found[0][2].finalization == finalized.transaction_id
            found = found[1:]
        return found

    def check_document(self, file_id: UUID, known: Known) -> None:
        """The document is there whole, with all that was acknowledged, or it is gone everywhere."""
        record = self.world.records.kept[file_id]
        found = self.world.index.find_any(file_id, EVERYWHERE)
        described = self.described(file_id)
        if known.aborted:
            assert record.status == "ABORTED", "what was given up stays so"
        if record.status == "ABORTED":
            assert known.abort_asked
        elif known.sent:
            assert record.status == "STORED", record.reason
        if record.status != "STORED":
            assert (found, described) == (None, [])
            return
        if not described or described[0][2].purged_at is not None:
            assert known.purged or described, "none is lost"
            assert found is None or found.attributes.purged_at is not None
            if not described:
                assert self.world.buckets.body(record.bucket, record.key) is None
            return
        bucket, key, attributes = described[0]
        assert found is not None, "none is lost"
        assert (found.bucket, found.key) == (bucket, key)
        assert found.attributes == attributes, "the index says what the bucket says"
        assert not found.missing
        body = self.world.buckets.version(bucket, key, attributes.storage_version_id).body
        assert body == known.transfer.body
        assert attributes.finalization is None, "nothing is left sealed"
        self.check_said(file_id, known, attributes)
        held = attributes.retention is not None and attributes.retention.legal_hold
        known.held.settle(held, "legal_hold")
        if held and bucket == KEPT:
            assert self.world.buckets.version(bucket, key, found.version_id).held, "held in storage, too"
        shown = self.world.index.find(file_id, EVERYWHERE)
        assert (shown is None) == (attributes.deleted_at is not None)

    def check_said(self, file_id: UUID, known: Known, attributes: Attributes) -> None:
        """Every mark that was acknowledged is there, none that nobody asked for, and the audit log knows."""
        marks = (set(attributes.custom_attributes) | set(attributes.tags)) & (known.marks_asked | known.marks)
        assert known.marks <= marks, "no acknowledged change is lost"
        assert set(attributes.custom_attributes) | set(attributes.tags) <= known.marks_asked, (
            "nothing is there that was refused, or that nobody asked for"
        )
        known.described.settle(attributes.description, "description")
        if attributes.deleted_at is not None:
            since = [each.since for each in known.deleted.of if each.value]
            assert since, "what nobody deleted is not in the trash"
            assert attributes.deleted_at >= min(since), "its time in the trash begins when it comes there"
        known.deleted.settle(attributes.deleted_at is not None, "deleted")
        for action, count in known.granted.items():
            told = [
                each
                for each in self.world.outbox.events
                if (each.action, each.object) == (action, f"file/{file_id}")
            ]
            assert len(told) >= count, f"{action} is in the audit log"

    def check_successions(self) -> None:
        """At most one has the place of another, the others' clients were told, and who has it hides the other."""
        found = {each: self.world.index.find(each, EVERYWHERE) for each in self.known}
        shown = {file_id: each for file_id, each in found.items() if each is not None}
        taken = [each.attributes.supersedes for each in shown.values() if each.attributes.supersedes is not None]
        assert len(set(taken)) == len(taken), "one successor for a predecessor"
        for file_id, document in shown.items():
            known, supersedes = self.known[file_id], document.attributes.supersedes
            assert document.current == (file_id not in taken), "current is what nobody has taken the place of"
            rivals = [each for each in self.known.values() if each.supersedes == known.supersedes]
            if supersedes is not None or len(rivals) == 1:
                assert supersedes == known.supersedes, "it has the place it asked for, where nobody else did"
            elif known.supersedes is not None and not known.was_deleted:
                notice = self.world.records.kept[file_id].notice
                assert notice == PREDECESSOR_TAKEN, "who did not get the place was told"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.settle()
        for _ in range(2):
            self.world.wait(32 * DAY)
            for name in SWEEPS:
                self.world.start_sweep(name)
            self.settle()
        for record in self.world.records.kept.values():
            assert record.awaited is None, "no upload is awaited for ever"
        for file_id, known in self.known.items():
            assert self.world.storage.under_way.keys() <= self._unwritten(), "no parts are left"
            for bucket, _, attributes in self.described(file_id):
                over = attributes.deleted_at is not None and True not in known.held.values
                assert not (over and bucket == EDIT), "what is over is gone"
        for bucket in (EDIT, KEPT):
            for key in self.world.buckets.keys(bucket):
                self._check_whole(bucket, key)

    def _unwritten(self) -> set[str]:
        """Give the multipart uploads that no record names: the bucket's lifecycle ends them."""
        named = {each.upload_id for each in self.world.records.kept.values()}
        return set(self.world.storage.under_way) - named

    def _check_whole(self, bucket: str, key: str) -> None:
        other = key.removesuffix(".attr.json") if is_attributes_key(key) else attributes_key(key)
        if self.world.buckets.body(bucket, other) is not None:
            return
        assert bucket == KEPT, f"{key} is neither whole nor gone"  # where nothing is deleted, copies may stay
        assert not is_attributes_key(key)
