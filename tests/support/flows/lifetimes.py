"""Random interleavings of all that documents live through by ArtStore alone, with somebody killed now and then.

What was acknowledged is written down beside the archive, see tests.support.flows.known. A flow is added by an act;
each act may be killed or overtaken at any of its calls, by any other. Rules of their own are for what would else
come together seldom.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from artstore.changes.bulk import Action
from artstore.errors import ArtStoreError
from artstore.index import DocumentIndex, IndexedDocument
from artstore.spaces import EVERYWHERE
from functions.upload.uploads.models import Method
from tests.fakes.memory_index import MemoryIndex
from tests.support.flows.disturbing import Act, Disturbance, disturbances_by, moments
from tests.support.flows.lives import SWEEPS, Lives
from tests.support.flows.outcomes import DAY, Outcomes

BODIES = [b"a small document", b"", bytes(range(50)), bytes(range(90))]
bodies = st.sampled_from(BODIES)
numbers = st.integers(0, 2)
methods = st.sampled_from([Method.PUT, Method.PUT, Method.FORM, Method.MULTIPART])
lives_for = st.sampled_from([3650, 3650, 1, None])
"""Days of a temporary document; None for a permanent one."""
some = st.lists(numbers, min_size=1, max_size=2, unique=True)
announced = st.tuples(bodies, methods, lives_for, st.none() | numbers)
turns = st.sampled_from(["come", "delete", "undelete", "undelete", "wait"])
actions = st.sampled_from(list(Action))


def _acts(*shapes: tuple[str, tuple[st.SearchStrategy[Any], ...]]) -> st.SearchStrategy[Act]:
    return st.one_of(*(st.tuples(st.just(name), st.tuples(*given)) for name, given in shapes))


acts = _acts(
    ("start", (bodies, methods, lives_for, st.none() | numbers)),
    ("store", (bodies, methods, lives_for, st.none() | numbers)),
    ("batch", (st.lists(announced, min_size=1, max_size=3),)),
    ("store_batch", (st.lists(announced, min_size=2, max_size=3),)),
    ("batch_again", (numbers,)),
    ("rivals", (bodies, numbers)),
    ("succession", (numbers, bodies, st.lists(st.tuples(turns, st.integers(0, 1)), min_size=1, max_size=5))),
    ("send", (numbers,)),
    ("complete", (numbers,)),
    ("abort", (numbers,)),
    ("patch", (numbers,)),
    ("patch_as_seen", (numbers,)),
    ("delete", (numbers,)),
    ("delete_as_seen", (numbers,)),
    ("undelete", (numbers,)),
    ("hold", (numbers, st.booleans())),
    ("finalize", (numbers,)),
    ("bulk", (actions, some)),
    ("bulk_search", (actions, st.booleans())),
    ("sweep", (st.sampled_from(SWEEPS),)),
    ("work", (numbers,)),
    ("deliver", (st.integers(0, 20),)),
    ("deliver_all", ()),
    ("lose", (numbers,)),
    ("wait", (st.sampled_from([2000, 700_000, DAY, 31 * DAY]),)),
)
disturbances = disturbances_by(acts)
COMEBACKS = [
    [("delete", 0), ("undelete", 0)],
    [("delete", 0), ("come", 1), ("undelete", 0)],
    [("delete", 0), ("come", 1), ("delete", 1), ("undelete", 0)],
    [("delete", 0), ("come", 1), ("undelete", 0), ("delete", 1), ("undelete", 1)],
    [("come", 1), ("delete", 0), ("undelete", 0)],
]
"""What becomes of the first and the second document that take the place of another."""
changes = st.sampled_from(
    ["patch", "patch as seen", "patch as seen", "delete", "delete as seen", "undelete", "hold", "release"]
)
"""Of one document, by somebody who has seen it."""


class Lifetimes(Outcomes):
    """An archive in which documents come, are changed, and go."""

    def new_index(self) -> DocumentIndex:
        """Give an empty index."""
        return MemoryIndex()

    @initialize(knows_sha256=st.booleans(), first=bodies, second=bodies)
    def begin(self, knows_sha256: bool, first: bytes, second: bytes) -> None:
        self.world = Lives(self.new_index(), knows_sha256=knows_sha256)
        self.known = {}
        self.batches = []
        self.bulk = {}
        self.count = 0
        self.lost = False
        self.do_store(first, Method.PUT, 3650, None)
        self.do_store(second, Method.PUT, 3650, None)

    @rule(act=acts)
    def something_happens(self, act: Act) -> None:
        self.do(act)

    @rule(act=acts, disturbance=disturbances)
    def something_is_disturbed(self, act: Act, disturbance: Disturbance) -> None:
        with self.disturbed(disturbance):
            self.do(act)

    # What would else come together seldom.

    def shown(self, number: int) -> UUID:
        """Give one of the newest three that are shown and current; a new one where there is none."""
        found = [each for each in self.known if (one := self.world.index.find(each, EVERYWHERE)) and one.current]
        if found:
            return found[-1 - number % min(3, len(found))]
        self.do(("store", (BODIES[0], Method.PUT, 3650, None)))
        return list(self.known)[-1]

    @rule(number=numbers, second=changes, call=st.integers(0, 4), when=moments, by_deletion=st.booleans())
    def two_have_seen_the_same(self, number: int, second: str, call: int, when: str, by_deletion: bool) -> None:
        """Have somebody change what he has seen while another one, who has seen the same, changes it, too."""
        file_id = self.shown(number)
        with contextlib.suppress(ArtStoreError):
            seen = self.seen(file_id)
            self.world.killer.do_at(call, when, lambda: self.change(second, file_id, seen))
            self.change("delete as seen" if by_deletion else "patch as seen", file_id, seen)
        self.world.killer.spare()

    @rule(number=numbers, change=changes, call=st.integers(0, 45), when=moments)
    def a_finalization_is_overtaken(self, number: int, change: str, call: int, when: str) -> None:
        """Change a document while it is on its way from one element to another."""
        file_id = self.shown(number)
        with contextlib.suppress(ArtStoreError):
            seen = self.seen(file_id)
            self.finalize(file_id)
            self.world.killer.do_at(call, when, lambda: self.change(change, file_id, seen))
            self.world.run_job(self.world.finalizations.kept[file_id].transaction_id)
        self.world.killer.spare()

    def change(self, what: str, file_id: UUID, seen: IndexedDocument) -> None:
        """Make a change that may be refused, a moment after whoever else is at work has begun."""
        changes: dict[str, Callable[[], None]] = {
            "patch": lambda: self.patch(file_id, None),
            "patch as seen": lambda: self.patch(file_id, seen),
            "delete": lambda: self.delete(file_id, None),
            "delete as seen": lambda: self.delete(file_id, seen),
            "undelete": lambda: self.undelete(file_id),
            "hold": lambda: self.hold(file_id, hold=True),
            "release": lambda: self.hold(file_id, hold=False),
        }
        self.world.wait(1)
        with contextlib.suppress(ArtStoreError):
            changes[what]()

    @rule(number=numbers, body=bodies, steps=st.sampled_from(COMEBACKS), disturbance=disturbances)
    def a_successor_comes_back(
        self, number: int, body: bytes, steps: list[tuple[str, int]], disturbance: Disturbance
    ) -> None:
        """Take the place of a document, let it go, and come back, whoever has it by then."""
        predecessor = self.shown(number)
        with self.disturbed(disturbance):
            self.succeed(predecessor, body, steps)

    @rule(
        number=numbers,
        wait=st.sampled_from([0, 2000, DAY, 29 * DAY, 30 * DAY + 1_800_000, 31 * DAY]),
        back=st.booleans(),
        disturbance=disturbances,
    )
    def what_was_deleted_is_swept(self, number: int, wait: int, back: bool, disturbance: Disturbance) -> None:
        """Sweep a while after a deletion, or before anything else happens, while somebody takes it out again."""
        self.do(("delete", (number,)))
        self.do_wait(wait)
        for name in ("trash", "temporary"):
            self.do_sweep(name)
        if back and disturbance is not None:
            disturbance = (*disturbance[:2], ("undelete", (number,)))
        with self.disturbed(disturbance):
            for _ in range(2):
                self.do_work(0)
                self.what_goes_may_go()

    @rule(disturbance=disturbances, name=st.sampled_from(SWEEPS))
    def sweep_is_disturbed(self, disturbance: Disturbance, name: str) -> None:
        """Sweep when there is something to sweep."""
        self.do_sweep(name)
        with self.disturbed(disturbance):
            self.do_work(0)

    def do(self, act: Act) -> None:
        with contextlib.suppress(ArtStoreError):
            super().do(act)

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
