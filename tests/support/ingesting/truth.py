"""The state machine of the tests of truth: random acts of any tool on the buckets, random deliveries of events.

By default few examples are tried; ARTSTORE_TRUTH_EXAMPLES=2000 tries many.
"""

from __future__ import annotations

import functools
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from artstore.index import DocumentIndex
from artstore.naming import attributes_key, document_key
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.fakes.memory_index import MemoryIndex
from tests.support.ingesting.world import SPACES, World
from tests.support.runs.examples import examples

EXAMPLES = int(os.environ.get("ARTSTORE_TRUTH_EXAMPLES") or examples(300))
"""Four seconds. Among sixty, a handler that looks once and no more came through."""

PLACES = [(EDIT, "a.txt"), (EDIT, "b/a.txt"), (KEPT, "docs/a.txt"), (KEPT, "docs/b/a.txt")]
BODIES = [b"monday", b"friday", b"a longer text"]
BROKEN = [b"", b"{}", b"\xff\xfe{", b'{"schema_version": "9.0"}', b"[" * 200 + b"]" * 200]

places = st.sampled_from(range(6))
bodies = st.sampled_from(BODIES)
pauses = st.sampled_from([0, 1, 400, 1500])

Act = tuple[str, tuple[Any, ...]]
Where = int | tuple[str, str]
acts: st.SearchStrategy[Act] = st.one_of(
    st.tuples(st.just("put"), st.tuples(places, bodies)),
    st.tuples(st.just("upload"), st.tuples(st.sampled_from([EDIT, KEPT]), st.integers(1, 3), bodies, places)),
    st.tuples(st.just("delete_object"), st.tuples(places)),
    st.tuples(st.just("delete_attributes"), st.tuples(places)),
    st.tuples(st.just("put_back"), st.tuples(places)),
    st.tuples(st.just("break"), st.tuples(places, st.sampled_from(BROKEN))),
    st.tuples(st.just("edit"), st.tuples(places, st.sampled_from([0, 1, 5]), st.sampled_from(["x", "y"]))),
    st.tuples(st.just("mark_deleted"), st.tuples(places, st.booleans())),
    st.tuples(st.just("take_to"), st.tuples(places, st.sampled_from(SPACES))),
    st.tuples(st.just("supersede"), st.tuples(places, places)),
    st.tuples(st.just("copy"), st.tuples(places, places, st.booleans())),
    st.tuples(st.just("move"), st.tuples(places, places, st.permutations(["oc", "ac", "od", "ad"]))),
    st.tuples(st.just("deliver"), st.tuples(st.integers(0, 30))),
    st.tuples(st.just("deliver_again"), st.tuples(st.integers(0, 30))),
    st.tuples(st.just("wait"), st.tuples(pauses)),
)


acts_here: st.SearchStrategy[Act] = st.one_of(
    st.tuples(st.just("put"), st.tuples(bodies)),
    *(st.tuples(st.just(each), st.just(())) for each in ("delete_object", "delete_attributes", "put_back")),
    st.tuples(st.just("break"), st.tuples(st.sampled_from(BROKEN))),
    st.tuples(st.just("edit"), st.tuples(st.sampled_from([0, 1, 5]), st.sampled_from(["x", "y"]))),
)
"""Acts on a place that is not drawn."""


class Truth(RuleBasedStateMachine):
    """Acts and deliveries in any order; what happens in the middle of a delivery is drawn with it."""

    index: DocumentIndex = MemoryIndex()

    def new_index(self) -> DocumentIndex:
        """Give an empty index."""
        return MemoryIndex()

    @initialize(knows_sha256=st.booleans())
    def begin(self, knows_sha256: bool) -> None:
        self.world = World(self.new_index(), knows_sha256=knows_sha256)
        self.saved: dict[tuple[str, str], bytes] = {}
        self.uploads: list[tuple[str, str]] = []

    @rule(act=acts)
    def act(self, act: Act) -> None:
        self.do(act)

    @rule(number=st.integers(0, 30), interruptions=st.lists(st.none() | acts, max_size=6))
    def deliver_interrupted(self, number: int, interruptions: list[Act | None]) -> None:
        self.world.interruptions = [functools.partial(self.do, each or ("wait", (0,))) for each in interruptions]
        self.do(("deliver", (number,)))
        self.world.interruptions = []

    @rule(number=st.integers(0, 30), calls=st.integers(0, 10), acts=st.lists(acts_here, min_size=1, max_size=3))
    def deliver_overtaken(self, number: int, calls: int, acts: list[Act]) -> None:
        """Deliver an event, and after so many of its calls do something to the same place, and deliver that."""
        waiting = self.world.buckets.events
        if not waiting:
            return
        event = waiting[number % len(waiting)]
        place = (event.bucket, document_key(event.key))

        def overtake() -> None:
            for name, arguments in acts:
                self.do((name, (place, *arguments)))
            for each in list(waiting):
                if each != event and (each.bucket, document_key(each.key)) == place:
                    self.world.deliver(each)

        self.world.interruptions = [overtake, *[lambda: None] * calls]
        self.world.deliver(event)
        self.world.interruptions = []

    @rule()
    def settle(self) -> None:
        self.world.deliver_all()
        self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.settle()

    def place(self, number: Where) -> tuple[str, str]:
        """Give the place of that number, or the very place."""
        if isinstance(number, tuple):
            return number
        known = PLACES + self.uploads
        return known[number % len(known)]

    def do(self, act: Act) -> None:
        """Do an act, at any time."""
        name, arguments = act
        getattr(self, f"do_{name}")(*arguments)

    def do_put(self, number: Where, body: bytes) -> None:
        self.world.buckets.put(*self.place(number), body)

    def do_upload(self, bucket: str, number: int, body: bytes, predecessor: Where) -> None:
        key = self.world.upload(bucket, number, body, self.world.file_id(*self.place(predecessor)))
        found = next(each for each in self.world.records.kept.values() if each.key == key)
        if (found.bucket, key) not in self.uploads:
            self.uploads.append((found.bucket, key))

    def do_delete_object(self, number: Where) -> None:
        self.world.remove(*self.place(number))

    def do_delete_attributes(self, number: Where) -> None:
        bucket, key = self.place(number)
        body = self.world.buckets.body(bucket, attributes_key(key))
        if body is not None:
            self.saved[bucket, key] = body
        self.world.remove(bucket, attributes_key(key))

    def do_put_back(self, number: Where) -> None:
        bucket, key = self.place(number)
        if (bucket, key) in self.saved:
            self.world.buckets.put(bucket, attributes_key(key), self.saved[bucket, key])

    def do_break(self, number: Where, body: bytes) -> None:
        bucket, key = self.place(number)
        before = self.world.buckets.body(bucket, attributes_key(key))
        if before is not None:
            self.saved[bucket, key] = before
            self.world.buckets.put(bucket, attributes_key(key), body)

    def do_edit(self, number: Where, revision: int, description: str) -> None:
        self.world.edit(*self.place(number), revision=revision, description=description)

    def do_mark_deleted(self, number: Where, deleted: bool) -> None:
        self.world.edit(*self.place(number), deleted_at="2026-03-01T12:00:00Z" if deleted else None)

    def do_take_to(self, number: Where, space: str | None) -> None:
        self.world.edit(*self.place(number), space=space)

    def do_supersede(self, number: Where, predecessor: Where) -> None:
        self.world.edit(*self.place(number), supersedes=self.world.file_id(*self.place(predecessor)))

    def do_copy(self, number: Where, to: int, with_object: bool) -> None:
        (bucket, key), (to_bucket, to_key) = self.place(number), self.place(to)
        if with_object:
            self.world.copy(bucket, key, to_bucket, to_key)
        self.world.copy(bucket, attributes_key(key), to_bucket, attributes_key(to_key))

    def do_move(self, number: Where, to: int, order: list[str]) -> None:
        (bucket, key), (to_bucket, to_key) = self.place(number), self.place(to)
        if (bucket, key) == (to_bucket, to_key):
            return
        for step in order:
            both = (key, to_key) if step[0] == "o" else (attributes_key(key), attributes_key(to_key))
            if step[1] == "c":
                self.world.copy(bucket, both[0], to_bucket, both[1])
            else:
                self.world.remove(bucket, both[0])

    def do_deliver(self, number: int) -> None:
        waiting = self.world.buckets.events
        if waiting:
            self.world.deliver(waiting[number % len(waiting)])

    def do_deliver_again(self, number: int) -> None:
        if self.world.delivered:
            self.world.deliver(self.world.delivered[number % len(self.world.delivered)])

    def do_wait(self, milliseconds: int) -> None:
        self.world.wait(milliseconds)


def profile(count: int) -> settings:
    """Give the settings for so many examples."""
    return settings(
        max_examples=count,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        report_multiple_bugs=False,
    )
