"""Administering storage elements, on the tables and buckets themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from artstore.audit import Actor, AuditEntry, AuditQuery
from artstore.aws.audit_table import AuditTable
from artstore.aws.buckets import Buckets
from artstore.aws.element_table import ElementTable, open_registry
from artstore.elements import Limits, Mode, RetentionPolicy, StorageElement, StorageElements
from artstore.elements.registry import Usage
from artstore.errors import ArtStoreError, Conflict, Invalid, NotFound, PreconditionFailed
from artstore.http import create_app
from artstore.http.preconditions import IfMatch
from artstore.security import Principal
from functions.upload import dependencies
from functions.upload.elements import routes
from functions.upload.elements.administration import ElementAdministration
from functions.upload.elements.models import (
    ElementChange,
    ElementRequest,
    ElementState,
    FirstMode,
    LimitsChange,
    LimitsModel,
    Sight,
)
from functions.upload.elements.views import show
from tests.support.dynamodb import create_tables
from tests.support.gateway import call

SEEDS = StorageElements(
    (StorageElement("edit-01", "edit", Mode.EDIT), StorageElement("rw-01", "rw-bucket", Mode.RW, priority=100))
)
ANY = IfMatch(None)
ACTOR = Actor("admin", "192.0.2.1", "request-1")


@pytest.fixture
def administration(s3: Any) -> ElementAdministration:
    create_tables("moto")
    s3.create_bucket(Bucket="rw-bucket", ObjectLockEnabledForBucket=True)
    return ElementAdministration(
        seeds=SEEDS, table=ElementTable("moto"), storage=Buckets(s3), audit=AuditTable("moto")
    )


def wanted(element_id: str = "rw-02", prefix: str = "two/", **more: Any) -> ElementRequest:
    return ElementRequest(element_id=element_id, mode=more.pop("mode", FirstMode.RW), prefix=prefix, **more)


def refused(act: Callable[[], object], kind: type[ArtStoreError], code: str) -> None:
    with pytest.raises(kind) as refusal:
        act()
    assert refusal.value.code == code


def entries(element_id: str) -> list[AuditEntry]:
    return AuditTable("moto").search(AuditQuery(object=f"storage-element/{element_id}")).entries


def test_the_elements_of_the_template_are_there_from_the_beginning(administration: ElementAdministration) -> None:
    assert [(one.element.element_id, one.definition.revision) for one in administration.list()] == [
        ("edit-01", 0),
        ("rw-01", 0),
    ]


def test_a_new_element_takes_documents_and_is_recorded(administration: ElementAdministration) -> None:
    registry = open_registry("moto", SEEDS)
    registry.current()
    created, repeated = administration.create(wanted(priority=1, capacity_bytes=10**13), ACTOR)
    assert (created.element.bucket, created.definition.revision, repeated) == ("rw-bucket", 1, False)
    registry.forget()
    assert registry.current().place(RetentionPolicy.PERMANENT).element_id == "rw-02"
    [entry] = entries("rw-02")
    assert (entry.action, entry.actor, entry.outcome) == ("storage_element.created", "admin", "success")
    assert entry.after is not None
    assert (entry.after["prefix"], entry.after["capacity_bytes"]) == ("two/", 10**13)


def test_a_repeated_request_is_known_by_its_key_and_a_name_is_given_once(
    administration: ElementAdministration,
) -> None:
    administration.create(wanted(), ACTOR, "key")
    again, repeated = administration.create(wanted(), ACTOR, "key")
    assert (again.element.element_id, repeated) == ("rw-02", True)
    refused(lambda: administration.create(wanted(), ACTOR), Conflict, "element_exists")
    refused(lambda: administration.create(wanted(), ACTOR, "other"), Conflict, "element_exists")
    refused(lambda: administration.create(wanted(prefix="three/"), ACTOR, "key"), Conflict, "element_exists")
    refused(lambda: administration.create(wanted("rw-01"), ACTOR, "key"), Conflict, "element_exists")


@pytest.mark.parametrize("prefix", ["two/", "two/deeper/", "t/"])
def test_elements_do_not_overlap(administration: ElementAdministration, prefix: str) -> None:
    administration.create(wanted("first", "two/" if prefix != "t/" else "t/x/"), ACTOR)
    refused(lambda: administration.create(wanted("second", prefix), ACTOR), Conflict, "prefix_overlaps")
    [refusal] = entries("second")
    assert (refusal.outcome, refusal.reason) == ("refused", "prefix_overlaps")


@pytest.mark.parametrize("theirs", ["two/", "two/deeper/", "t/"])
def test_of_two_that_are_made_at_the_same_time_the_later_one_knows_of_the_other(
    administration: ElementAdministration, s3: Any, theirs: str
) -> None:
    """The other comes when everything has been looked at, and before anything is written."""

    class Late(Buckets):
        def is_empty(self, bucket: str, prefix: str) -> bool:
            if prefix == mine and not made:
                made.append(administration.create(wanted("theirs", theirs), ACTOR)[0].element.element_id)
            return super().is_empty(bucket, prefix)

    made: list[str] = []
    mine = "two/" if theirs != "t/" else "t/x/"
    administration.create(wanted("before", "elsewhere/"), ACTOR)
    late = ElementAdministration(
        seeds=SEEDS, table=ElementTable("moto"), storage=Late(s3), audit=AuditTable("moto")
    )
    refused(lambda: late.create(wanted("mine", mine), ACTOR), Conflict, "prefix_overlaps")
    assert made == ["theirs"]
    assert [one.element.element_id for one in administration.list()] == ["before", "edit-01", "rw-01", "theirs"]


def test_of_two_that_are_made_apart_at_the_same_time_both_are_made(
    administration: ElementAdministration, s3: Any
) -> None:
    class Late(Buckets):
        def is_empty(self, bucket: str, prefix: str) -> bool:
            if prefix == "mine/" and not made:
                made.append(administration.create(wanted("theirs", "theirs/"), ACTOR)[0].element.element_id)
            return super().is_empty(bucket, prefix)

    made: list[str] = []
    late = ElementAdministration(
        seeds=SEEDS, table=ElementTable("moto"), storage=Late(s3), audit=AuditTable("moto")
    )
    created, repeated = late.create(wanted("mine", "mine/"), ACTOR, "key")
    assert (created.element.element_id, repeated, made) == ("mine", False, ["theirs"])
    assert [entry.outcome for entry in entries("mine")] == ["success"]


def test_the_same_prefix_in_another_bucket_is_another_place(administration: ElementAdministration) -> None:
    administration.create(wanted("first", "two/"), ACTOR)
    created, _ = administration.create(wanted("second", "two/", mode=FirstMode.EDIT), ACTOR)
    assert created.element.bucket == "edit"


@pytest.mark.parametrize("bucket", ["elsewhere", "edit"])
def test_a_bucket_that_is_not_for_the_mode_is_refused(administration: ElementAdministration, bucket: str) -> None:
    refused(lambda: administration.create(wanted(bucket=bucket), ACTOR), Invalid, "bucket_not_of_this_deployment")


def test_the_bucket_itself_is_asked_what_it_keeps(administration: ElementAdministration, s3: Any) -> None:
    unlocked = ElementAdministration(
        seeds=StorageElements((StorageElement("rw-01", "edit", Mode.RW),)),
        table=ElementTable("moto"),
        storage=Buckets(s3),
        audit=AuditTable("moto"),
    )
    refused(lambda: unlocked.create(wanted(), ACTOR), Conflict, "bucket_unsuitable")
    gone = ElementAdministration(
        seeds=StorageElements((StorageElement("rw-01", "nowhere", Mode.RW),)),
        table=ElementTable("moto"),
        storage=Buckets(s3),
        audit=AuditTable("moto"),
    )
    refused(lambda: gone.create(wanted(), ACTOR), ArtStoreError, "bucket_unreachable")


def test_what_lies_under_the_prefix_already_belongs_to_another_element(
    administration: ElementAdministration, s3: Any
) -> None:
    s3.put_object(Bucket="rw-bucket", Key="two/x", Body=b"x")
    refused(lambda: administration.create(wanted(), ACTOR), Conflict, "prefix_not_empty")
    s3.delete_object(Bucket="rw-bucket", Key="two/x")
    refused(lambda: administration.create(wanted(), ACTOR), Conflict, "prefix_not_empty")


def test_a_change_needs_what_was_seen_and_says_what_differed(administration: ElementAdministration) -> None:
    administration.create(wanted(), ACTOR)
    change = ElementChange(priority=7, limits=LimitsChange(max_file_size=5))
    with pytest.raises(PreconditionFailed):
        administration.change("rw-02", change, IfMatch('"0"'), ACTOR)
    changed = administration.change("rw-02", change, IfMatch('"1"'), ACTOR)
    assert (changed.element.priority, changed.definition.revision) == (7, 2)
    newest = entries("rw-02")[0]
    assert newest.before == {
        "priority": 100,
        "limits": {"max_file_size": None, "allowed_types": []},
        "revision": 1,
    }
    assert administration.change("rw-02", change, ANY, ACTOR).definition.revision == 2, "nothing changes twice"


@pytest.mark.parametrize(
    ("change", "limits"),
    [
        (LimitsChange(), Limits(max_file_size=5, allowed_types=("image/*",))),
        (LimitsChange(max_file_size=7), Limits(max_file_size=7, allowed_types=("image/*",))),
        (LimitsChange(max_file_size=None), Limits(allowed_types=("image/*",))),
        (LimitsChange(allowed_types=["a/b", "a/b"]), Limits(max_file_size=5, allowed_types=("a/b",))),
        (LimitsChange(allowed_types=None), Limits(max_file_size=5)),
        (None, Limits()),
    ],
)
def test_limits_are_merged_member_by_member(
    administration: ElementAdministration, change: LimitsChange | None, limits: Limits
) -> None:
    administration.create(wanted(limits=LimitsModel(max_file_size=5, allowed_types=["image/*"])), ACTOR)
    changed = administration.change("rw-02", ElementChange(limits=change, priority=7), ANY, ACTOR)
    assert changed.element.limits == limits


def test_an_element_of_the_template_can_be_changed_and_stays_changed(
    administration: ElementAdministration,
) -> None:
    administration.change("rw-01", ElementChange(priority=1), IfMatch('"0"'), ACTOR)
    assert administration.find("rw-01").element.priority == 1


def test_counts_and_failures_do_not_change_the_revision(administration: ElementAdministration) -> None:
    table = ElementTable("moto")
    table.count("rw-01", Usage(used_bytes=9, file_count=3, counted_at="2026-01-01T00:00:00.000Z"))
    for _ in range(3):
        table.failed("rw-01", "storage_unavailable", 4_000_000_000)
    found = administration.find("rw-01")
    shown = show(found.element, found.definition, Sight.WHOLE)
    assert (shown.used_bytes, shown.file_count, shown.revision) == (9, 3, 0)
    assert shown.health.failures == 3  # type: ignore[union-attr]
    assert shown.health.skipped_until is not None  # type: ignore[union-attr]


READ, ADMIN = frozenset({"files:read"}), frozenset({"files:read", "elements:admin"})
PUBLIC = {"element_id", "mode", "status", "limits", "revision"}
USE = {"fill", "priority", "capacity_bytes", "used_bytes", "file_count", "counted_at", "description"}
USE |= {"mode_changed_at", "transition"}
WHOLE = {"bucket", "prefix", "health", "created_at", "created_by", "updated_at"}


@pytest.mark.parametrize(
    ("scopes", "spaces", "seen"),
    [
        (READ, None, PUBLIC),
        (READ, {"books": READ}, PUBLIC),
        (READ, {"*": frozenset({"files:write"}), "books": READ}, PUBLIC),
        (READ, {"*": READ}, PUBLIC | USE),
        (ADMIN, None, PUBLIC | USE | WHOLE),
    ],
)
def test_what_others_store_is_shown_to_nobody_who_may_not_see_it(
    administration: ElementAdministration,
    monkeypatch: pytest.MonkeyPatch,
    scopes: frozenset[str],
    spaces: dict[str, frozenset[str]] | None,
    seen: set[str],
) -> None:
    ElementTable("moto").count("rw-01", Usage(used_bytes=9, file_count=3, counted_at="2026-01-01T00:00:00.000Z"))
    monkeypatch.setenv("ARTSTORE_PREFIX", "unit")
    monkeypatch.setattr(dependencies, "element_administration", lambda: administration)
    app = create_app("unit-elements", routes.ENDPOINTS, lambda _token: Principal("c", "c", scopes, spaces))
    path = "/api/v1/storage-elements"
    listed = call(app, "GET", path, path, token="t").json["items"]
    shown = call(app, "GET", f"{path}/rw-01", f"{path}/{{element_id}}", token="t").json
    assert [one["element_id"] for one in listed] == ["edit-01", "rw-01"]
    assert shown == listed[1]
    assert {name for one in listed for name in one} == seen


def test_only_a_paused_and_empty_element_is_deleted_and_its_name_is_not_given_again(
    administration: ElementAdministration, s3: Any
) -> None:
    administration.create(wanted(mode=FirstMode.EDIT), ACTOR)
    refused(lambda: administration.delete("rw-02", ANY, ACTOR), Conflict, "element_active")
    administration.change("rw-02", ElementChange(status=ElementState.PAUSED), ANY, ACTOR)
    s3.put_object(Bucket="edit", Key="two/x", Body=b"x")
    refused(lambda: administration.delete("rw-02", ANY, ACTOR), Conflict, "element_not_empty")
    s3.delete_object(Bucket="edit", Key="two/x")
    administration.delete("rw-02", ANY, ACTOR)
    assert entries("rw-02")[0].action == "storage_element.deleted"
    refused(lambda: administration.find("rw-02"), NotFound, "element_not_found")
    refused(lambda: administration.delete("rw-02", ANY, ACTOR), NotFound, "element_not_found")
    assert "rw-02" not in [one.element.element_id for one in administration.list()]
    refused(lambda: administration.create(wanted(), ACTOR), Conflict, "element_exists")
    late = open_registry("moto", SEEDS).current().locate("edit", "two/late")
    assert late is not None
    assert late.element_id == "rw-02", "what arrives late is still described"


def test_a_change_of_mode_begins_with_refusing_and_is_begun_once(
    administration: ElementAdministration,
) -> None:
    found = administration.change_mode("rw-01", Mode.RO, ANY, ACTOR)
    assert found.element.mode is Mode.RW
    assert found.element.transition is not None
    assert (found.element.transition.to, found.element.transition.phase) == (Mode.RO, "draining")
    again = administration.change_mode("rw-01", Mode.RO, ANY, ACTOR)
    assert again.definition == found.definition
    with pytest.raises(ArtStoreError) as refusal:
        open_registry("moto", SEEDS).current().place(RetentionPolicy.PERMANENT)
    assert refusal.value.code == "no_storage_element"
    [entry] = entries("rw-01")
    assert entry.action == "storage_element.mode_change_requested"


@pytest.mark.parametrize(("element_id", "to"), [("rw-01", Mode.AR), ("edit-01", Mode.RO), ("edit-01", Mode.AR)])
def test_modes_change_one_way_and_one_step_at_a_time(
    administration: ElementAdministration, element_id: str, to: Mode
) -> None:
    refused(lambda: administration.change_mode(element_id, to, ANY, ACTOR), Conflict, "mode_change_not_allowed")
    [entry] = entries(element_id)
    assert (entry.outcome, entry.reason) == ("refused", "mode_change_not_allowed")


def test_the_element_that_has_the_whole_bucket_becomes_an_archive_as_any_other(
    administration: ElementAdministration,
) -> None:
    table = ElementTable("moto")
    table.replace(msgspec.structs.replace(administration.find("rw-01").definition, mode=Mode.RO, revision=1))
    found = administration.change_mode("rw-01", Mode.AR, ANY, ACTOR)
    assert found.element.transition is not None
    assert (found.element.transition.to, found.element.transition.phase) == (Mode.AR, "draining")
