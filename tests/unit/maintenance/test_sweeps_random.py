"""Sweeps in any order, stopped at any call, over an archive in any state: every document is whole or gone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from artstore.attributes import Retention
from artstore.naming import attributes_key, is_attributes_key
from tests.fakes.memory_bucket import EDIT
from tests.support.killing import AFTER, BEFORE, Killed, Killer
from tests.support.sweeping import SweptWorld

Make = Callable[[SweptWorld, int], Any]

STAYS: dict[str, Make] = {
    "plain": lambda world, number: world.document(number, b"%d" % number),
    "held": lambda world, number: world.document(
        number,
        b"%d" % number,
        deleted_at=world.now(),
        retention=Retention(policy="temporary", expires_at=world.now(), legal_hold=True, hold_reason="x"),
    ),
    "being finalized": lambda world, number: world.document(
        number, b"%d" % number, deleted_at=world.now(), finalization=UUID(int=99)
    ),
    "lost event": lambda world, number: world.upload(number, b"%d" % number),
}
GOES: dict[str, Make] = {
    "trash": lambda world, number: world.document(number, b"%d" % number, deleted_at=world.now()),
    "expired": lambda world, number: world.document(
        number, b"%d" % number, retention=Retention(policy="temporary", expires_at=world.now())
    ),
    "nothing came": lambda world, number: world.upload(number, b"%d" % number, sent=False),
    "refused": lambda world, number: world.buckets.put(EDIT, world.upload(number, b"%d" % number), b"other"),
}
SWEEPS = ("uploads", "temporary", "trash", "orphans")


@given(
    states=st.lists(st.sampled_from([*STAYS, *GOES]), min_size=1, max_size=5),
    deaths=st.lists(
        st.tuples(st.sampled_from(SWEEPS), st.integers(0, 24), st.sampled_from([BEFORE, AFTER])), max_size=6
    ),
    delivered=st.booleans(),
)
def test_every_document_is_whole_or_gone_and_the_log_knows_of_each_that_went(
    states: list[str], deaths: list[tuple[str, int, str]], delivered: bool
) -> None:
    world = SweptWorld()
    for number, state in enumerate(states, start=1):
        (STAYS | GOES)[state](world, number)
    if delivered:
        world.world.deliver_all()
    world.buckets.events.clear()
    world.wait(days=40)
    for name, number, when in deaths:
        with contextlib.suppress(Killed):
            world.run(name, killer=Killer(number, when))
        world.wait(hours=1)
    for name in (*SWEEPS, *SWEEPS):
        world.run(name)
    snapshot = world.snapshot()
    objects = {key for bucket, key in snapshot["objects"] if bucket == EDIT and not is_attributes_key(key)}
    described = {key for bucket, key in snapshot["objects"] if bucket == EDIT and is_attributes_key(key)}
    assert described == {attributes_key(key) for key in objects}, "whole or gone"
    purged = {each.object for each in world.outbox.events if each.action == "document.purged"}
    for number, state in enumerate(states, start=1):
        key = world.records.kept[UUID(int=number)].key
        assert (key in objects) == (state in STAYS), state
        assert (f"file/{UUID(int=number)}" in purged) == (state in ("trash", "expired")), state
        assert world.records.kept[UUID(int=number)].awaited is None
    shown = [row[0] for row in snapshot["index"]]
    visible = {UUID(int=number) for number, state in enumerate(states, 1) if state in ("plain", "lost event")}
    assert (set(shown), len(shown)) == (visible, len(visible))
