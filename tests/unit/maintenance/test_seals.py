"""An attr.json that names a finalization of which nothing is known: its document can be changed again."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.finalizations import Phase
from artstore.index.claims import Place
from artstore.jobs import JobStatus
from artstore.naming import attributes_key
from artstore.spaces import EVERYWHERE
from functions.maintenance.finalizing.departed import Verdict
from functions.maintenance.sweeping import Did
from functions.maintenance.sweeping import Verdict as Swept
from functions.maintenance.sweeps.finalized import FinalizedSources
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.fakes.memory_index import MemoryIndex
from tests.support.flows.world import Flows

FILE, TRANSACTION = UUID(int=7), UUID(int=70)
BODY = b"a small document"
DAY = 24 * 60 * 60 * 1000


@pytest.fixture
def world() -> Flows:
    """A world in which one document is sealed by a finalization that nobody knows, for longer than a day."""
    world = Flows(MemoryIndex())
    world.upload(EDIT, FILE.int, BODY)
    world.deliver_all()
    seal(world, TRANSACTION)
    world.wait(DAY + 1000)
    return world


def place_of(world: Flows) -> Place:
    found = world.index.find_any(FILE, EVERYWHERE)
    assert found is not None
    return Place(found.bucket, found.key)


def beside(world: Flows, place: Place) -> Attributes:
    body = world.buckets.body(place.bucket, attributes_key(place.key))
    assert body is not None
    return attr.parse(body)


def seal(world: Flows, transaction_id: UUID) -> None:
    """Write the marker into the attr.json, as whoever puts one back from a backup does."""
    place = place_of(world)
    found = beside(world, place)
    sealed = msgspec.structs.replace(
        found, finalization=transaction_id, revision=found.revision + 1, updated_at=world.buckets.now
    )
    world.buckets.put(place.bucket, attributes_key(place.key), attr.dump(sealed))
    world.deliver_all()


def sweep(world: Flows, *, dry_run: bool = False) -> list[Swept]:
    """Do what the sweep does, page after page."""
    sweep, verdicts = FinalizedSources(world.sources(), world.seals()), []
    page = sweep.find(None, 10)
    while True:
        verdicts += [sweep.settle(each, dry_run=dry_run) for each in page.candidates]
        if page.next is None:
            return verdicts
        page = sweep.find(page.next, 10)


def test_a_seal_of_which_nothing_is_known_is_broken_and_reported(world: Flows) -> None:
    place, before = place_of(world), beside(world, place_of(world))
    assert sweep(world) == [Swept(Did.SETTLED, "unsealed")]
    after = beside(world, place)
    assert (after.finalization, after.revision) == (None, before.revision + 2)
    found = world.index.find(FILE, EVERYWHERE)
    assert found is not None
    assert found.attributes.finalization is None, "the index says so at once"
    assert sweep(world) == []
    world.deliver_all()
    world.check()
    world.check_shown(FILE, BODY, EDIT)


def test_a_rehearsal_breaks_nothing(world: Flows) -> None:
    assert sweep(world, dry_run=True) == [Swept(Did.SETTLED, "unsealed")]
    assert beside(world, place_of(world)).finalization == TRANSACTION


def test_a_young_seal_is_let_alone(world: Flows) -> None:
    seal(world, UUID(int=71))
    assert sweep(world) == [Swept(Did.KEPT, "under_way")]
    assert beside(world, place_of(world)).finalization == UUID(int=71)


def test_a_seal_that_was_broken_meanwhile_is_no_matter(world: Flows) -> None:
    place = place_of(world)
    world.seals().look_at(FILE, place, dry_run=False)
    assert world.seals().look_at(FILE, place, dry_run=False) is Verdict.OVERTAKEN


@pytest.mark.parametrize("phase", [Phase.OPEN, Phase.COMMITTED])
def test_what_an_item_tells_of_is_left_to_whoever_goes_on_with_it(world: Flows, phase: Phase) -> None:
    world.seals().look_at(FILE, place_of(world), dry_run=False)
    world.finalize(FILE)
    known = world.finalizations.kept[FILE]
    world.finalizations.kept[FILE] = msgspec.structs.replace(known, phase=phase)
    seal(world, known.transaction_id)
    world.wait(DAY + 1000)
    assert world.seals().look_at(FILE, place_of(world), dry_run=False) is Verdict.UNDER_WAY


def test_a_job_that_is_not_over_is_let_alone_though_its_item_is_lost(world: Flows) -> None:
    world.seals().look_at(FILE, place_of(world), dry_run=False)
    transaction_id = world.finalize(FILE).transaction_id
    del world.finalizations.kept[FILE]
    seal(world, transaction_id)
    world.wait(DAY + 1000)
    assert world.seals().look_at(FILE, place_of(world), dry_run=False) is Verdict.UNDER_WAY
    job = world.jobs.find(transaction_id)
    assert job is not None
    world.jobs.save(msgspec.structs.replace(job, status=JobStatus.DEAD))
    assert world.seals().look_at(FILE, place_of(world), dry_run=False) is Verdict.UNSEALED


def test_a_backup_of_an_undone_finalization_is_unsealed(world: Flows) -> None:
    world.seals().look_at(FILE, place_of(world), dry_run=False)
    world.finalize(FILE)
    known = world.finalizations.kept[FILE]
    world.finalizations.kept[FILE] = msgspec.structs.replace(known, phase=Phase.UNDONE)
    seal(world, UUID(int=72))
    world.wait(DAY + 1000)
    assert world.seals().look_at(FILE, place_of(world), dry_run=False) is Verdict.UNSEALED


def test_a_document_that_lies_at_its_target_keeps_the_seal_at_its_source(world: Flows) -> None:
    """Its item is lost; the seal is what makes the source yield."""
    world.seals().look_at(FILE, place_of(world), dry_run=False)
    source = place_of(world)
    world.run_job(world.finalize(FILE).transaction_id)
    del world.finalizations.kept[FILE]
    world.deliver_all()
    world.wait(DAY + 1000)
    assert place_of(world).bucket == KEPT
    assert {each.did for each in sweep(world)} <= {Did.GONE}
    assert world.seals().look_at(FILE, source, dry_run=False) is Verdict.OVERTAKEN
    assert beside(world, source).finalization is not None


@pytest.mark.parametrize("there", ["the document", "what cannot be read"])
def test_a_seal_stays_while_something_lies_where_the_document_was_to_go(world: Flows, there: str) -> None:
    """It was handed over, and its event and item are lost: without its seal the source would be shown again."""
    world.seals().look_at(FILE, place_of(world), dry_run=False)
    transaction_id = world.finalize(FILE).transaction_id
    target = world.finalizations.kept.pop(FILE).target
    job = world.jobs.find(transaction_id)
    assert job is not None
    world.jobs.save(msgspec.structs.replace(job, status=JobStatus.DEAD))
    seal(world, transaction_id)
    world.wait(DAY + 1000)
    handed_over = msgspec.structs.replace(beside(world, place_of(world)), finalization=None)
    world.buckets.put(
        target.bucket, attributes_key(target.key), attr.dump(handed_over) if there == "the document" else b"{"
    )
    assert Swept(Did.REPORTED, "target_changed") in sweep(world)
    assert beside(world, place_of(world)).finalization == transaction_id
