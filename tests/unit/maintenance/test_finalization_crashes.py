"""A finalization is killed at every call it makes, before and after: the document stays whole, and one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from artstore.jobs import JobStatus
from artstore.spaces import EVERYWHERE
from functions.maintenance.finalizing.departed import Verdict
from functions.maintenance.jobs.engine import cancel
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.fakes.memory_index import MemoryIndex
from tests.support.flows.world import Flows
from tests.support.killing import Killer, every_moment
from tests.unit.maintenance.test_finalization import step_until

FILE = UUID(int=7)
SMALL = b"a small document"
LARGE = bytes(range(100))  # seven parts
BODIES = pytest.mark.parametrize("body", [SMALL, LARGE, b""], ids=["small", "in parts", "empty"])


def stored(killer: Killer, body: bytes) -> Flows:
    """Give a world in which the document lies in the edit element."""
    world = Flows(MemoryIndex(), killer=killer)
    world.upload(EDIT, FILE.int, body)
    world.deliver_all()
    return world


def watched(worlds: list[Flows], body: bytes, check: Callable[[Flows, str], None]) -> Callable[[str], None]:
    """Mend and check the last of ``worlds``, and see that the document was there all the while."""

    def afterwards(where: str) -> None:
        world = worlds[-1]
        found = world.index.find(FILE, EVERYWHERE)
        assert found is not None, where
        assert world.buckets.version(found.bucket, found.key, found.version_id).body == body, where
        world.mend()
        world.check()
        check(world, where)

    return afterwards


@BODIES
@pytest.mark.parametrize("heeds_only_new", [True, False], ids=["storage heeds If-None-Match", "storage does not"])
def test_whoever_finalizes_may_be_killed_anywhere(body: bytes, heeds_only_new: bool) -> None:
    worlds: list[Flows] = []

    def run(killer: Killer) -> None:
        world = stored(killer, body)
        worlds.append(world)
        world.copies.heeds_only_new = heeds_only_new
        killer.calls.clear()
        world.finalize(FILE)
        world.run_job(world.queue.last)

    def check(world: Flows, where: str) -> None:
        if FILE not in world.finalizations.kept:  # killed before anything was written
            world.check_shown(FILE, body, EDIT)
            return
        world.check_finalizations()
        world.check_shown(FILE, body, KEPT)
        assert list(world.copies.uploads.values()) in ([], [{}]), (
            "at most one nobody wrote down, for the bucket's rule"
        )

    killed = every_moment(run, afterwards=watched(worlds, body, check))
    assert killed > 40


@BODIES
def test_whoever_cancels_may_be_killed_anywhere(body: bytes) -> None:
    """A finalization that is cancelled in the middle is undone, or is over already; the document stays one."""
    worlds: list[Flows] = []

    def run(killer: Killer) -> None:
        world = stored(killer, body)
        worlds.append(world)
        world.finalize(FILE)
        transaction = world.queue.last
        step_until(world, transaction, "verifying" if body else "copied")
        killer.calls.clear()
        cancel(world.killer.guard(world.jobs), world.queue, transaction, "sa_admin", world.buckets.now)
        world.run_job(transaction)

    def check(world: Flows, where: str) -> None:
        if FILE not in world.finalizations.kept:
            return
        world.check_finalizations()
        job = world.job_of(FILE)
        if job.cancelled_by_id is None:  # killed before it was written down
            world.check_shown(FILE, body, KEPT)
            return
        assert job.status is JobStatus.CANCELLED, where
        assert job.error is not None
        assert (job.error.code, job.state) == ("cancelled", "rolled_back"), where
        world.check_shown(FILE, body, EDIT)

    assert every_moment(run, afterwards=watched(worlds, body, check)) > 10


@BODIES
def test_whoever_undoes_may_be_killed_anywhere(body: bytes) -> None:
    worlds: list[Flows] = []

    def run(killer: Killer) -> None:
        world = stored(killer, body)
        worlds.append(world)
        world.copies.spoils = bool(body)
        killer.calls.clear()
        world.finalize(FILE)
        world.run_job(world.queue.last)

    def check(world: Flows, where: str) -> None:
        if FILE not in world.finalizations.kept:
            return
        world.check_finalizations()
        world.check_shown(FILE, body, KEPT if not body else EDIT)
        found = world.index.find(FILE, EVERYWHERE)
        assert found is not None
        assert found.attributes.finalization is None, where

    every_moment(run, afterwards=watched(worlds, body, check))


def test_whoever_removes_a_source_may_be_killed_anywhere() -> None:
    worlds: list[Flows] = []

    def run(killer: Killer) -> None:
        calm = Killer()
        world = stored(calm, SMALL)
        worlds.append(world)
        world.finalize(FILE)
        world.run_job(world.queue.last)
        world.mend()
        world.wait(int(timedelta(hours=25) / timedelta(milliseconds=1)))
        world.killer = killer
        assert world.sweep() == {FILE: Verdict.REMOVED}

    def check(world: Flows, where: str) -> None:
        world.wait(int(timedelta(hours=25) / timedelta(milliseconds=1)))
        assert set(world.sweep().values()) <= {Verdict.REMOVED, Verdict.ALREADY_GONE}, where
        world.deliver_all()
        world.check()
        world.check_shown(FILE, SMALL, KEPT)
        assert world.buckets.keys(EDIT) == [], where
        assert world.sweep() == {}, where

    assert every_moment(run, afterwards=watched(worlds, SMALL, check)) > 10
