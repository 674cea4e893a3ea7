"""A patch changes what it names, on condition of what was seen, and is found at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from artstore.changes.changing import no_precondition
from artstore.changes.patching import DocumentPatch, merge
from artstore.documents import etag_of
from artstore.errors import ArtStoreError, NotFound, PreconditionFailed, Unavailable
from artstore.http.preconditions import IfMatch
from artstore.index import IndexedDocument
from artstore.spaces import EVERYWHERE, Reach
from tests.support.changing.desk import ANNA, KEPT, Desk
from tests.support.killing import BEFORE, Killer


@pytest.fixture
def desk() -> Desk:
    return Desk()


def patch(desk: Desk, file_id: UUID, if_match: str | None = None, **members: Any) -> IndexedDocument:
    wanted = msgspec.convert(members, DocumentPatch)
    precondition = no_precondition if if_match is None else IfMatch(if_match).check_any
    return desk.patching.patch(file_id, EVERYWHERE, wanted, precondition)


def _nothing() -> None:
    """Let nothing happen."""


def code_of(act: Any) -> str:
    with pytest.raises(ArtStoreError) as refused:
        act()
    return refused.value.code


def test_a_patch_changes_what_it_names_and_nothing_else(desk: Desk) -> None:
    file_id = desk.store(tags=["a"], custom_attributes={"one": 1, "two": {"x": 1, "y": 2}})
    before = desk.written(file_id)
    changed = patch(
        desk,
        file_id,
        description="new",
        tags=["b", "c", "b"],
        custom_attributes={"one": None, "two": {"y": None, "z": 3}},
        folder="/a/b",
        original_filename="Новый.txt",
        version="2nd",
    )
    after = desk.written(file_id)
    expected = {
        "description": "new",
        "tags": ["b", "c"],
        "custom_attributes": {"two": {"x": 1, "z": 3}},
        "folder": "/a/b",
        "original_filename": "Новый.txt",
        "version": "2nd",
        "revision": before["revision"] + 1,
    }
    assert {name: value for name, value in after.items() if before.get(name) != value} == expected | {
        "updated_at": after["updated_at"]
    }
    assert datetime.fromisoformat(after["updated_at"]) > datetime.fromisoformat(before["updated_at"])
    assert changed == desk.found(file_id), "the index says it when the answer leaves"
    desk.settle()


def test_null_takes_away_and_a_patch_that_changes_nothing_writes_nothing(desk: Desk) -> None:
    file_id = desk.store(tags=["a"], folder="/a", description="x")
    patch(desk, file_id, tags=None, folder=None, description=None, custom_attributes=None)
    document = desk.found(file_id)
    assert document is not None
    assert (document.attributes.tags, document.attributes.folder, document.attributes.description) == (
        (),
        None,
        None,
    )
    again = patch(desk, file_id, tags=None, folder=None, description=None)
    assert again == document
    assert patch(desk, file_id) == document


@pytest.mark.parametrize(
    "which", ["the attr.json's", "the missing one's", "the replaced one's", "the object's", "any"]
)
def test_a_change_is_made_to_what_the_client_has_seen(desk: Desk, which: str) -> None:
    file_id = desk.store()
    document = desk.found(file_id)
    assert document is not None
    assert document.object_etag is not None
    etags = {
        "the attr.json's": document.attributes_etag,
        "the missing one's": etag_of(document.attributes_etag, missing=True),
        "the replaced one's": etag_of(document.attributes_etag, current=False),
        "the object's": document.object_etag,
        "any": "*",
    }
    assert patch(desk, file_id, etags[which], description="new").attributes.description == "new"


def test_a_change_to_what_has_changed_is_refused_whether_or_not_it_would_change_anything(desk: Desk) -> None:
    file_id = desk.store(description="old")
    seen = desk.found(file_id)
    assert seen is not None
    patch(desk, file_id, description="theirs")
    for description in ("mine", "theirs"):
        with pytest.raises(PreconditionFailed):
            patch(desk, file_id, seen.attributes_etag, description=description)
    assert desk.written(file_id)["description"] == "theirs"


def test_a_change_by_another_tool_that_the_index_has_not_heard_of_is_not_lost(desk: Desk) -> None:
    file_id = desk.store()
    seen = desk.found(file_id)
    assert seen is not None
    desk.world.edit(*desk.place(file_id), custom_attributes={"theirs": 1})
    with pytest.raises(PreconditionFailed):
        patch(desk, file_id, seen.attributes_etag, tags=["mine"])
    patch(desk, file_id, "*", tags=["mine"])
    assert desk.written(file_id)["custom_attributes"] == {"theirs": 1}
    desk.settle()


def test_a_change_that_another_overtakes_is_made_to_what_is_there_then(desk: Desk) -> None:
    file_id = desk.store()
    place = desk.place(file_id)

    def change() -> None:
        desk.world.edit(*place, custom_attributes={"theirs": 1})

    reads: Iterator[Callable[[], None]] = iter([_nothing, change])
    desk.world.buckets.between = lambda: next(reads, _nothing)()
    patch(desk, file_id, tags=["mine"])
    assert (desk.written(file_id)["tags"], desk.written(file_id)["custom_attributes"]) == (["mine"], {"theirs": 1})


def test_a_change_that_stands_is_no_failure_when_the_index_stops_answering(desk: Desk) -> None:
    file_id = desk.store()
    killer = Killer()
    desk.use(killer)
    patch(desk, file_id, description="first")
    last = len(killer.calls) - 1
    assert killer.calls[last].endswith("find_any")

    def no_answer() -> None:
        raise Unavailable("the index does not answer", code="index_unavailable")

    killer.do_at(last, BEFORE, no_answer)
    changed = patch(desk, file_id, description="second")
    killer.spare()
    assert desk.written(file_id)["description"] == changed.attributes.description == "second"
    assert patch(desk, file_id, changed.attributes_etag, description="third").attributes.description == "third"


@pytest.mark.parametrize("at", range(4))
def test_of_two_who_have_seen_the_same_one_changes_it_and_nothing_of_the_other_is_left(
    desk: Desk, at: int
) -> None:
    file_id = desk.store()
    seen = desk.found(file_id)
    assert seen is not None
    first, second = desk, Desk(desk.world)
    killer = Killer()
    first.use(killer)
    changed: list[str] = []

    def change(by: Desk, name: str) -> None:
        with contextlib.suppress(PreconditionFailed):
            patch(by, file_id, seen.attributes_etag, custom_attributes={name: True})
            changed.append(name)

    killer.do_at(at, BEFORE, lambda: change(second, "second"))
    change(first, "first")
    assert changed == (["second"] if at < 3 else ["first"])  # the third call is the writing
    assert list(desk.written(file_id)["custom_attributes"]) == changed
    desk.settle()


def test_who_does_not_reach_a_document_changes_nothing(desk: Desk) -> None:
    file_id = desk.store()
    elsewhere = Reach(frozenset({"other"}))
    with pytest.raises(NotFound) as refused:
        desk.patching.patch(file_id, elsewhere, DocumentPatch(description="x"), no_precondition)
    assert refused.value.code == "document_not_found"
    # The index is behind: in storage the document belongs to another space by now.
    desk.world.edit(*desk.place(file_id), space="secret")
    with pytest.raises(NotFound):
        desk.patching.patch(
            file_id, Reach(frozenset({"default"})), DocumentPatch(description="x"), no_precondition
        )


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"description": "a\0b"}, "description_nul"),
        ({"custom_attributes": {"a": "\0"}}, "custom_attributes_nul"),
        ({"custom_attributes": {"a": 2**64}}, "custom_attributes_number"),
        ({"custom_attributes": {"a": "x" * 17_000}}, "custom_attributes_too_large"),
        ({"folder": "a/b"}, "invalid_folder"),
        ({"retention": {"expires_at": "2020-01-01T00:00:00Z"}}, "retention_out_of_range"),
        ({"retention": {"expires_at": "2990-01-01T00:00:00Z"}}, "retention_out_of_range"),
    ],
)
def test_what_could_not_be_uploaded_cannot_be_said_later(desk: Desk, members: dict[str, Any], code: str) -> None:
    file_id = desk.store()
    before = desk.written(file_id)
    assert code_of(lambda: patch(desk, file_id, **members)) == code
    assert desk.written(file_id) == before


def test_many_small_patches_cannot_make_attributes_too_large(desk: Desk) -> None:
    file_id = desk.store()
    for number in range(2):
        patch(desk, file_id, custom_attributes={f"part{number}": "x" * 7_000})
    assert code_of(lambda: patch(desk, file_id, custom_attributes={"part2": "x" * 7_000})) == (
        "custom_attributes_too_large"
    )


def test_where_documents_are_kept_retention_is_only_made_longer_and_storage_locks_first(desk: Desk) -> None:
    file_id = desk.store(bucket=KEPT, retention={"policy": "permanent"})
    now = desk.changes.now()
    near, far = now + timedelta(days=10), now + timedelta(days=20)
    patch(desk, file_id, retention={"expires_at": near.isoformat()})
    version = desk.written(file_id)["storage_version_id"]
    assert desk.locks.until == {version: near}
    patch(desk, file_id, retention={"expires_at": far.isoformat()})
    assert desk.locks.until == {version: far}
    for shorter in (
        {"expires_at": near.isoformat()},
        {"expires_at": None},
        {"policy": "temporary"},
        None,
    ):
        assert code_of(lambda wanted=shorter: patch(desk, file_id, retention=wanted)) == "retention_shortened"
    assert desk.locks.until == {version: far}
    desk.settle()


def test_in_an_edit_element_retention_is_whatever_is_said(desk: Desk) -> None:
    file_id = desk.store()
    later = (desk.changes.now() + timedelta(days=10)).isoformat()
    patch(desk, file_id, retention={"expires_at": later})
    patch(desk, file_id, retention={"expires_at": None, "policy": "permanent"})
    assert desk.written(file_id)["retention"] == {"policy": "permanent"}
    patch(desk, file_id, retention=None)
    assert "retention" not in desk.written(file_id)
    assert desk.locks.until == {}


def test_a_patch_of_the_retention_leaves_a_legal_hold_where_it_is(desk: Desk) -> None:
    file_id = desk.store()
    desk.holding.set(file_id, EVERYWHERE, hold=True, reason="case 7", actor=ANNA)
    patch(desk, file_id, retention=None)
    assert desk.written(file_id)["retention"] == {
        "policy": "permanent",
        "legal_hold": True,
        "hold_reason": "case 7",
    }


def test_nobody_changes_what_is_being_finalized_or_lies_in_the_trash(desk: Desk) -> None:
    file_id = desk.store(finalization="5d0f4c0e-6f0b-5b54-9d0e-0c8b9f5c7a10")
    assert code_of(lambda: patch(desk, file_id, tags=["x"])) == "finalization_in_progress"
    desk.world.edit(*desk.place(file_id), finalization=None)
    desk.world.deliver_all()
    desk.deleting.delete(file_id, EVERYWHERE, ANNA)
    assert code_of(lambda: patch(desk, file_id, tags=["x"])) == "document_not_found"


@pytest.mark.parametrize(
    ("target", "change", "expected"),
    [  # the test cases of RFC 7396, appendix A, that are objects
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_its_rfc_says(target: Any, change: Any, expected: Any) -> None:
    assert merge(target, change) == expected
