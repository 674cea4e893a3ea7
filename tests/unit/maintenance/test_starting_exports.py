"""Asking for an export: which documents are meant, and how far whoever asks reaches."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from artstore.errors import Conflict, Forbidden, Invalid
from artstore.http import Request
from artstore.security import Principal, Scope
from functions.maintenance.exporting.models import ExportJob, ExportRequest, ExportSearch
from functions.maintenance.exporting.starting import ExportStarter
from functions.maintenance.started import JobStarter
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake

ONE, TWO = UUID(int=1), UUID(int=2)
BOTH = frozenset({Scope.FILES_READ, Scope.ELEMENTS_ADMIN})
EVERYTHING = ExportRequest(search=ExportSearch())


class Outbox:
    def __init__(self) -> None:
        self.left: list[Any] = []

    def leave(self, event: Any, transaction: Any = None) -> None:
        self.left.append(event)


class World:
    def __init__(self) -> None:
        self.jobs = MemoryJobs()
        self.outbox = Outbox()
        self.wake = RememberedWake()
        self.starter = ExportStarter(JobStarter(jobs=self.jobs, wake=self.wake, outbox=self.outbox))

    def start(
        self, asked: ExportRequest, caller: Principal, key: str | None = None
    ) -> tuple[ExportJob, str | None]:
        headers = {} if key is None else {"idempotency-key": key}
        job = self.starter.start(asked, caller, Request("POST", "/", "r", headers))
        kept = self.jobs.find(job.job_id)
        assert kept is not None
        return msgspec.convert(kept.request, ExportJob), kept.space


@pytest.fixture
def world() -> World:
    return World()


def caller(scopes: frozenset[Scope] = BOTH, **spaces: frozenset[Scope]) -> Principal:
    named = {"*" if name == "all" else name: each for name, each in spaces.items()}
    return Principal(client_id="sa_admin", username="admin", scopes=scopes, spaces=named or None)


@pytest.mark.parametrize(
    "asked",
    [
        ExportRequest(),
        ExportRequest(ids=[ONE], search=ExportSearch()),
        ExportRequest(search=ExportSearch(query="a\0b")),
    ],
)
def test_what_says_nothing_or_two_things_is_refused(world: World, asked: ExportRequest) -> None:
    with pytest.raises(Invalid) as refused:
        world.start(asked, caller())
    assert refused.value.code == "invalid_body"


def test_the_caller_reads_what_it_exports(world: World) -> None:
    with pytest.raises(Forbidden):
        world.start(EVERYTHING, caller(frozenset({Scope.ELEMENTS_ADMIN})))


@pytest.mark.parametrize(
    ("who", "asked", "spaces", "space"),
    [
        (caller(), EVERYTHING, ["default"], None),
        (caller(all=BOTH), EVERYTHING, ["*"], None),
        (caller(all=BOTH), ExportRequest(space="legal"), ["legal"], "legal"),
        (caller(legal=BOTH), EVERYTHING, ["legal"], "legal"),
        (caller(legal=BOTH, press=frozenset({Scope.FILES_READ})), EVERYTHING, ["legal"], "legal"),
        (caller(legal=BOTH, press=BOTH), ExportRequest(space="press"), ["press"], "press"),
        (caller(legal=BOTH), ExportRequest(space="press"), [], None),
        (caller(all=frozenset({Scope.FILES_READ}), legal=BOTH), EVERYTHING, ["legal"], "legal"),
    ],
)
def test_an_export_reaches_where_the_caller_reads_and_administers(
    world: World, who: Principal, asked: ExportRequest, spaces: list[str], space: str | None
) -> None:
    export, of = world.start(asked, who)
    assert (export.spaces, of) == (spaces, space)
    assert world.outbox.left[0].action == "export.started"
    assert len(world.wake.woken) == 1


def test_a_token_for_several_spaces_names_one(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        world.start(EVERYTHING, caller(legal=BOTH, press=BOTH))
    assert refused.value.members["field"] == "space"


def test_the_same_request_under_the_same_key_is_one_job_and_another_is_refused(world: World) -> None:
    asked = ExportRequest(ids=[ONE, TWO, ONE])
    first, _ = world.start(asked, caller(), "k")
    again, _ = world.start(asked, caller(), "k")
    assert first == again
    assert first.asked.ids == [ONE, TWO]
    assert len(world.jobs.list(None, None, 10, None).items) == 1
    with pytest.raises(Conflict):
        world.start(ExportRequest(ids=[ONE]), caller(), "k")
