"""Random interleavings of all that documents live through by ArtStore alone, with somebody killed now and then.

What was acknowledged is written down beside the archive. Of each member of a document that says what it is now the
values are kept that it may have: those asked for since the last acknowledged change was, that one included, since
requests at the same time may be taken in any order. Marks are never taken away: each that was acknowledged stays.

A flow is added by an act; each act may be killed or overtaken at any of its calls, by any other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.changes.bulk import DONE, Action
from artstore.changes.changing import no_precondition
from artstore.changes.patching import DocumentPatch
from artstore.changes.succeeding import PREDECESSOR_TAKEN
from artstore.errors import ArtStoreError, Unavailable
from artstore.index import DocumentIndex
from artstore.naming import attributes_key, file_id_of, is_attributes_key
from artstore.spaces import EVERYWHERE
from functions.upload.uploads.models import Method
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.fakes.memory_index import MemoryIndex
from tests.support.flows.disturbing import Act, Disturbance, Disturbed, disturbances_by
from tests.support.flows.lives import ACTOR, CALLER, REACH, SWEEPS, Lives, Transfer
from tests.support.sweeping import TRASH_KEPT

BODIES = [b"a small document", b"", bytes(range(50)), bytes(range(90))]
DAY = 86_400_000
bodies = st.sampled_from(BODIES)
numbers = st.integers(0, 2)
methods = st.sampled_from([Method.PUT, Method.PUT, Method.MULTIPART])
lives_for = st.sampled_from([3650, 3650, 1, None])
"""Days of a temporary document; None for a permanent one."""
some = st.lists(numbers, min_size=1, max_size=2, unique=True)


def _acts(*shapes: tuple[str, tuple[st.SearchStrategy[Any], ...]]) -> st.SearchStrategy[Act]:
    return st.one_of(*(st.tuples(st.just(name), st.tuples(*given)) for name, given in shapes))


acts = _acts(
    ("start", (bodies, methods, lives_for, st.none() | numbers)),
    ("store", (bodies, methods, lives_for, st.none() | numbers)),
    ("rivals", (bodies, numbers)),
    ("send", (numbers,)),
    ("complete", (numbers,)),
    ("abort", (numbers,)),
    ("patch", (numbers,)),
    ("delete", (numbers,)),
    ("undelete", (numbers,)),
    ("hold", (numbers, st.booleans())),
    ("finalize", (numbers,)),
    ("bulk", (st.sampled_from(list(Action)), some)),
    ("sweep", (st.sampled_from(SWEEPS),)),
    ("work", (numbers,)),
    ("deliver", (st.integers(0, 20),)),
    ("deliver_all", ()),
    ("wait", (st.sampled_from([2000, 700_000, DAY, 31 * DAY]),)),
)
disturbances = disturbances_by(acts)


@dataclass
class Claim:
    """A value that was asked for, and since when it may be so."""

    value: Any
    since: datetime
    pending: bool = False
    """Whether a request or a job that is not over may still make it so."""


@dataclass
class Claims:
    """The values that something may have."""

    of: list[Claim]

    @property
    def values(self) -> set[Any]:
        """Give them."""
        return {each.value for each in self.of}

    def granted(self, claim: Claim) -> None:
        """Forget what had been asked for before."""
        if any(each is claim for each in self.of):
            at = next(number for number, each in enumerate(self.of) if each is claim)
            claim.since = min(each.since for each in self.of if each.value == claim.value)  # it may have been so
            self.of = [each for number, each in enumerate(self.of) if number >= at or each.pending]

    def refused(self, claim: Claim) -> None:
        """Forget what was not done."""
        self.of = [each for each in self.of if each is not claim]

    def settle(self, value: Any, of: str) -> None:
        """See that it is one of them, and know it from now on."""
        assert value in self.values, f"{of} is {value}, not among {self.values}"
        self.of = [next(each for each in self.of if each.value == value)]
        self.of[0].pending = False


@dataclass
class Known:
    """What is known of an upload and its document."""

    transfer: Transfer
    supersedes: UUID | None
    ends: datetime | None
    deleted: Claims
    held: Claims
    described: Claims
    sent: bool = False
    """Its bytes lie there whole, or did."""
    abort_asked: bool = False
    aborted: bool = False
    marks: set[str] = field(default_factory=set)
    marks_asked: set[str] = field(default_factory=set)
    granted: dict[str, int] = field(default_factory=dict)
    """How many requests of each action of the audit log were granted."""
    was_deleted: bool = False
    purged: bool = False


class Lifetimes(Disturbed):
    """An archive in which documents come, are changed, and go."""

    world: Lives

    def new_index(self) -> DocumentIndex:
        """Give an empty index."""
        return MemoryIndex()

    @initialize(knows_sha256=st.booleans(), first=bodies, second=bodies)
    def begin(self, knows_sha256: bool, first: bytes, second: bytes) -> None:
        self.world = Lives(self.new_index(), knows_sha256=knows_sha256)
        self.known: dict[UUID, Known] = {}
        self.bulk: dict[UUID, tuple[Action, str, list[UUID], list[tuple[Claims, Claim]]]] = {}
        self.count = 0
        self.do_store(first, Method.PUT, 3650, None)
        self.do_store(second, Method.PUT, 3650, None)

    @rule(act=acts)
    def something_happens(self, act: Act) -> None:
        self.do(act)

    @rule(act=acts, disturbance=disturbances)
    def something_is_disturbed(self, act: Act, disturbance: Disturbance) -> None:
        with self.disturbed(disturbance):
            self.do(act)

    @rule(disturbance=disturbances, name=st.sampled_from(SWEEPS))
    def sweep_is_disturbed(self, disturbance: Disturbance, name: str) -> None:
        """Sweep when there is something to sweep."""
        self.do_sweep(name)
        with self.disturbed(disturbance):
            self.do_work(0)

    def do(self, act: Act) -> None:
        with contextlib.suppress(ArtStoreError):
            super().do(act)

    # What clients do. A request that was killed was asked for, and nobody knows what became of it.

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
        return self._start(body, method, ttl_days, predecessor)

    def _start(self, body: bytes, method: Method, ttl_days: int | None, predecessor: UUID | None) -> UUID:
        now = self.world.now()
        transfer = self.world.start(self.name(), body, method if body else Method.PUT, ttl_days, predecessor)
        self.known[transfer.file_id] = Known(
            transfer,
            predecessor,
            None if ttl_days is None else now + timedelta(days=ttl_days),
            deleted=Claims([Claim(False, now)]),
            held=Claims([Claim(False, now)]),
            described=Claims([Claim(None, now)]),
        )
        return transfer.file_id

    def do_store(self, body: bytes, method: Method, ttl_days: int | None, supersedes: int | None) -> None:
        """Start, send, and ask for the document."""
        file_id = self.do_start(body, method, ttl_days, supersedes)
        self._send(file_id)
        self._complete(file_id)

    def do_rivals(self, body: bytes, supersedes: int) -> None:
        """Have two documents take another's place, the first of which has its event come late."""
        predecessor = self.nth(supersedes)
        self._send(self._start(body, Method.PUT, 3650, predecessor))
        self.world.wait(700_000)
        second = self._start(body, Method.PUT, 3650, predecessor)
        self._send(second)
        self._complete(second)

    def do_send(self, number: int) -> None:
        self._send(self.nth(number))

    def do_complete(self, number: int) -> None:
        self._complete(self.nth(number))

    def _send(self, file_id: UUID) -> None:
        known = self.known[file_id]
        known.sent = self.world.send(known.transfer) or known.sent

    def _complete(self, file_id: UUID) -> None:
        self.world.complete(file_id)
        self.known[file_id].sent = True

    def do_abort(self, number: int) -> None:
        known = self.known[self.nth(number)]
        known.abort_asked = True
        self.world.multiparts().abort(known.transfer.file_id, CALLER)
        known.aborted = True

    @contextlib.contextmanager
    def asking(self, action: str | None, known: Known, **wanted: tuple[Claims, Any]) -> Iterator[None]:
        """Write down what is asked for, and what was granted or refused."""
        now = self.world.now()
        claims = [(claims, Claim(value, now, pending=True)) for claims, value in wanted.values()]
        for each, claim in claims:
            each.of.append(claim)
        try:
            yield
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

    def do_patch(self, number: int) -> None:
        known, mark = self.known[self.nth(number)], self.name()
        known.marks_asked.add(mark)
        with self.asking(None, known, described=(known.described, mark)):
            self.world.acting()
            patch = DocumentPatch(description=mark, custom_attributes={mark: True})
            self.world.patching.patch(known.transfer.file_id, REACH, patch, no_precondition)
        known.marks.add(mark)

    def do_delete(self, number: int) -> None:
        known = self.known[self.nth(number)]
        known.was_deleted = True
        with self.asking("document.deleted", known, deleted=(known.deleted, True)):
            self.world.acting()
            self.world.deleting.delete(known.transfer.file_id, REACH, ACTOR)
        self.is_seen_at_once(known)

    def do_undelete(self, number: int) -> None:
        known = self.known[self.nth(number)]
        with self.asking("document.undeleted", known, deleted=(known.deleted, False)):
            self.world.acting()
            self.world.deleting.undelete(known.transfer.file_id, REACH, ACTOR)
        self.is_seen_at_once(known)

    def is_seen_at_once(self, known: Known) -> None:
        """Whoever asks after the answer finds what it said, where nobody else asked for anything else."""
        self.what_goes_may_go()
        if len(known.deleted.values) == 1 and not known.purged:
            found = self.world.index.find(known.transfer.file_id, EVERYWHERE)
            assert known.deleted.values == {found is None}, "the index follows before the answer leaves"

    def do_hold(self, number: int, hold: bool) -> None:
        known = self.known[self.nth(number)]
        action = "legal_hold.placed" if hold else "legal_hold.released"
        with self.asking(action, known, held=(known.held, hold)):
            self.world.acting()
            self.world.holding.set(known.transfer.file_id, REACH, hold=hold, reason="a case", actor=ACTOR)

    def do_finalize(self, number: int) -> None:
        known = self.known[self.nth(number)]
        with self.asking("finalization.requested", known):
            before = self.world.finalizations.kept.get(known.transfer.file_id)
            shown = self.world.finalize(known.transfer.file_id)
            if before is not None and before.transaction_id == shown.transaction_id:
                known.granted["finalization.requested"] = known.granted.get("finalization.requested", 0) - 1

    def do_bulk(self, action: Action, which: list[int]) -> None:
        ids, mark = list(dict.fromkeys(self.nth(each) for each in which)), self.name()
        said: dict[Action, dict[str, Any]] = {
            Action.TAG: {"add_tags": [mark]},
            Action.SET_ATTRIBUTES: {"custom_attributes": {mark: True}},
            Action.MOVE: {"folder": "/moved"},
            Action.HOLD: {"reason": "a case"},
            Action.RELEASE: {"reason": "a case"},
        }
        claims: list[tuple[Claims, Claim]] = []
        for known in (self.known[each] for each in ids):
            if action in (Action.TAG, Action.SET_ATTRIBUTES):
                known.marks_asked.add(mark)
            known.was_deleted |= action is Action.DELETE
            if action in (Action.DELETE, Action.UNDELETE):
                claims.append((known.deleted, Claim(action is Action.DELETE, self.world.now(), pending=True)))
            if action in (Action.HOLD, Action.RELEASE):
                claims.append((known.held, Claim(action is Action.HOLD, self.world.now(), pending=True)))
        for each, claim in claims:
            each.of.append(claim)
        job_id = self.world.start_bulk(self.name(), action, ids, **said.get(action, {}))
        self.bulk[job_id] = (action, mark, ids, claims)

    # What the clock and the queues do.

    def do_sweep(self, name: str) -> None:
        self.world.start_sweep(name)

    def do_work(self, number: int) -> None:
        """Do a job that is due; whoever was killed at it is followed when the lease is over."""
        if not (due := self.world.jobs.due(self.world.now(), 100)):
            self.world.wait(70_000)
            due = self.world.jobs.due(self.world.now(), 100)
        if due:
            self.world.run_job(due[number % len(due)])

    def do_deliver(self, number: int) -> None:
        waiting = self.world.buckets.events
        if waiting:
            self.world.deliver(waiting[number % len(waiting)])

    def do_deliver_all(self) -> None:
        self.world.deliver_all()

    def do_wait(self, milliseconds: int) -> None:
        self.world.wait(milliseconds)

    # What must hold.

    @invariant()
    def what_goes_may_go(self) -> None:
        """Nothing that is held is purged, nor what nobody deleted before its time."""
        if not hasattr(self, "world"):
            return
        purged = {each.object for each in self.world.outbox.events if each.action == "document.purged"}
        now = self.world.now()
        for file_id, known in self.known.items():
            if known.purged or f"file/{file_id}" not in purged:
                continue
            known.purged = True
            assert known.held.values != {True}, "what is held is never purged"
            in_trash = any(each.value and each.since + TRASH_KEPT <= now for each in known.deleted.of)
            assert in_trash or (known.ends is not None and known.ends <= now), "only what is over is purged"

    @rule()
    def settle(self) -> None:
        """Let all that is under way come to its end, and compare everything."""
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
        """What a bulk job says is done is done."""
        pages = self.world.bulk_pages()
        for job_id, (action, mark, _, claims) in self.bulk.items():
            for each in (each for page in pages.get(job_id, []) for each in page.results):
                if each.outcome != DONE:
                    continue
                if action in (Action.TAG, Action.SET_ATTRIBUTES):
                    self.known[each.file_id].marks.add(mark)
            for _, claim in claims:
                claim.pending = False
        self.bulk.clear()

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
        assert set(attributes.custom_attributes) | set(attributes.tags) <= known.marks_asked
        known.described.settle(attributes.description, "description")
        known.deleted.settle(attributes.deleted_at is not None, "deleted")
        for action, count in known.granted.items():
            told = [
                each
                for each in self.world.outbox.events
                if (each.action, each.object) == (action, f"file/{file_id}")
            ]
            assert len(told) >= count, f"{action} is in the audit log"

    def check_successions(self) -> None:
        """At most one has the place of another, and the others' clients were told."""
        taken: list[UUID] = []
        for file_id, known in self.known.items():
            found = self.world.index.find(file_id, EVERYWHERE)
            if found is None:
                continue
            if found.attributes.supersedes is not None:
                taken.append(found.attributes.supersedes)
                assert found.attributes.supersedes == known.supersedes
            elif known.supersedes is not None and not known.was_deleted:
                notice = self.world.records.kept[file_id].notice
                assert notice == PREDECESSOR_TAKEN, "who did not get the place was told"
        assert len(set(taken)) == len(taken), "one successor for a predecessor"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.settle()
        for _ in range(2):
            self.world.wait(32 * DAY)
            for name in SWEEPS:
                self.world.start_sweep(name)
            self.settle()
        for file_id, known in self.known.items():
            record = self.world.records.kept[file_id]
            assert record.awaited is None, "no upload is awaited for ever"
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
