"""Random interleavings of everything that writes, with somebody killed now and then, and what must hold.

Documents that only ArtStore touched are whole at every moment, shown once, with their bytes; of those that other
tools had their hands on the index says what a rebuild would say. At the end nothing is under way any more.

A flow is added by a rule that does it, with ``self.disturbed`` around what may be killed or overtaken.
"""

from __future__ import annotations

import contextlib
import os
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from artstore.errors import ArtStoreError
from artstore.index import DocumentIndex
from artstore.naming import attributes_key
from artstore.spaces import EVERYWHERE
from functions.maintenance.finalizing.departed import Verdict
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.fakes.memory_index import MemoryIndex
from tests.support.flows.disturbing import Act, Disturbance, Disturbed, disturbances_by
from tests.support.flows.world import Flows
from tests.support.runs.examples import examples

EXAMPLES = int(os.environ.get("ARTSTORE_FLOWS_EXAMPLES", "0")) or examples(30)
"""ARTSTORE_FLOWS_EXAMPLES=1000 tries many; ``make test-deep`` twenty times the usual few."""

_BODIES = [b"a small document", b"another document", b"", bytes(range(50)), bytes(range(90))]
numbers = st.integers(0, 1)
"""Of documents: few, so that much happens to each."""
bodies = st.sampled_from(_BODIES)
acts: st.SearchStrategy[Act] = st.one_of(
    st.tuples(st.just("overwrite"), st.tuples(numbers, bodies, st.booleans())),
    st.tuples(st.just("remove"), st.tuples(numbers, st.booleans(), st.booleans())),
    st.tuples(st.just("edit"), st.tuples(numbers, st.booleans(), st.integers(0, 9))),
    st.tuples(st.just("mark_deleted"), st.tuples(numbers, st.booleans(), st.booleans())),
    st.tuples(st.just("deliver"), st.tuples(st.integers(0, 20))),
    st.just(("deliver_all", ())),
    st.tuples(st.just("finalize"), st.tuples(numbers)),
)
"""What may happen at any time, and in the middle of anything."""
disturbances = disturbances_by(acts)


class Machine(Disturbed):
    """An archive in which several things are going on."""

    def new_index(self) -> DocumentIndex:
        """Give an empty index."""
        return MemoryIndex()

    @initialize(
        first=bodies,
        second=bodies,
        knows_sha256=st.booleans(),
        heeds_only_new=st.booleans(),
        delivered=st.booleans(),
    )
    def begin(
        self, first: bytes, second: bytes, knows_sha256: bool, heeds_only_new: bool, delivered: bool
    ) -> None:
        self.world = Flows(self.new_index(), knows_sha256=knows_sha256)
        self.world.copies.heeds_only_new = heeds_only_new
        self.bodies: dict[UUID, bytes] = {}
        """What was uploaded and described."""
        self.touched: set[UUID] = set()
        """What other tools had their hands on."""
        for number, body in enumerate((first, second)):
            self.world.upload(EDIT, number, body)
            self.world.deliver(self.world.buckets.events[-1])
            self.bodies[UUID(int=number)] = body
        if delivered:
            self.world.deliver_all()

    @rule(act=acts)
    def something_happens(self, act: Act) -> None:
        self.do(act)

    # What clients ask for, and functions do.

    @rule(number=numbers, disturbance=disturbances)
    def finalize(self, number: int, disturbance: Disturbance) -> None:
        with self.disturbed(disturbance):
            self.world.finalize(UUID(int=number))

    @rule(number=numbers, disturbance=disturbances, other=disturbances)
    def finalize_and_work(self, number: int, disturbance: Disturbance, other: Disturbance) -> None:
        """Ask and do it, twice: the first time whoever does it is disturbed somewhere, the second one perhaps."""
        self.finalize(number, None)
        self.work(0, disturbance)
        self.work(0, other)

    @rule(number=st.integers(0, 3), disturbance=disturbances)
    def work(self, number: int, disturbance: Disturbance) -> None:
        """Do a job that is due; whoever was killed at it is followed when the lease is over."""
        if not (due := self.world.jobs.due(self.world.buckets.now, 100)):
            self.world.wait(70_000)
            due = self.world.jobs.due(self.world.buckets.now, 100)
        if due:
            with self.disturbed(disturbance):
                self.world.run_job(due[number % len(due)])

    @rule(disturbance=disturbances)
    def sweep(self, disturbance: Disturbance) -> None:
        with self.disturbed(disturbance):
            self.world.sweep()

    @rule(number=st.integers(0, 20))
    def deliver_again(self, number: int) -> None:
        if self.world.delivered:
            self.world.deliver(self.world.delivered[number % len(self.world.delivered)])

    @rule(milliseconds=st.sampled_from([2000, 600_000, 90_000_000]))
    def wait(self, milliseconds: int) -> None:
        self.world.wait(milliseconds)

    def do_deliver(self, number: int) -> None:
        waiting = self.world.buckets.events
        if waiting:
            self.world.deliver(waiting[number % len(waiting)])

    def do_deliver_all(self) -> None:
        self.world.deliver_all()

    def do_finalize(self, number: int) -> None:
        with contextlib.suppress(ArtStoreError):
            self.world.finalize(UUID(int=number))

    # What other tools do, where a document lies or where it goes.

    def place(self, number: int, at_target: bool) -> tuple[str, str] | None:
        file_id = UUID(int=number)
        known = self.world.finalizations.kept.get(file_id)
        found = self.world.index.find(file_id, EVERYWHERE)
        if known is None and found is None:
            return None
        self.touched.add(file_id)
        if known is not None:
            return known.target if at_target else known.source
        return (found.bucket, found.key) if found is not None else None

    def do_overwrite(self, number: int, body: bytes, at_target: bool) -> None:
        if (place := self.place(number, at_target)) is not None:
            self.world.buckets.put(*place, body)

    def do_remove(self, number: int, at_target: bool, with_object: bool) -> None:
        if (place := self.place(number, at_target)) is not None:
            bucket, key = place
            self.world.remove(bucket, key if with_object else attributes_key(key))

    def do_edit(self, number: int, at_target: bool, revision: int) -> None:
        if (place := self.place(number, at_target)) is not None:
            self.world.edit(*place, revision=revision, description="by hand")

    def do_mark_deleted(self, number: int, deleted: bool, at_target: bool) -> None:
        if (place := self.place(number, at_target)) is not None:
            self.world.edit(*place, deleted_at="2026-03-01T12:00:00Z" if deleted else None)

    # What must hold.

    @invariant()
    def every_document_is_whole(self) -> None:
        for file_id, body in self.bodies.items() if hasattr(self, "world") else ():
            if file_id in self.touched:
                continue
            found = self.world.index.find(file_id, EVERYWHERE)
            assert found is not None, "none is lost"
            assert self.world.buckets.version(found.bucket, found.key, found.version_id).body == body
            page = self.world.index.search(None, 1000, None, EVERYWHERE)
            assert [each.attributes.file_id for each in page.items].count(file_id) == 1, "none is there twice"

    @rule()
    def settle(self) -> None:
        self.world.mend()
        self.world.revive()
        self.world.check()
        self.world.check_finalizations()
        for file_id in set(self.bodies) - self.touched:
            known = self.world.finalizations.kept.get(file_id)
            found = self.world.index.find(file_id, EVERYWHERE)
            assert found is not None
            assert found.attributes.finalization is None, "nothing is left sealed"
            assert known is None or found.bucket == KEPT, "what was asked for was done"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.settle()
        self.world.wait(90_000_000)
        gone = {Verdict.REMOVED, Verdict.ALREADY_GONE}
        assert all(each in gone for file_id, each in self.world.sweep().items() if file_id not in self.touched)
        self.settle()
        for file_id, known in self.world.finalizations.kept.items():
            if file_id not in self.touched:
                assert self.world.buckets.body(*known.source) is None, "the source is gone a day later"
