"""What an upload may say of its document: duplicates, a folder, a predecessor, an encoding."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import msgspec
import pytest

from artstore import deadline
from artstore.errors import Unavailable
from artstore.index import VersionsPage
from artstore.spaces import Reach
from functions.upload.uploads.duplicates import DECIDING_SECONDS, REST_SECONDS, TELLING_SECONDS
from tests.fakes.documents import NOON, make_projection
from tests.fakes.memory_index import MemoryIndex
from tests.support.uploading import Clock, UploadWorld, document

NOW = datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def world(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> UploadWorld:
    return UploadWorld(clock, monkeypatch)


FOO = document()["sha256"]


def store(world: UploadWorld, **changes: Any) -> UUID:
    """Let a document be in the archive."""
    projection = make_projection(**({"checksum": FOO} | changes))
    world.index.project(projection)
    return projection.attributes.file_id


class TestDuplicates:
    def test_content_that_is_stored_is_told_and_stored_again(self, world: UploadWorld) -> None:
        known = store(world)
        answer = world.start()
        assert (answer.status, answer.json["duplicate_of"]) == (201, str(known))
        assert answer.json["duplicates_checked"] is True
        assert len(world.records.kept) == 1

    def test_it_is_refused_for_who_wants_that(self, world: UploadWorld) -> None:
        known = store(world)
        answer = world.start(on_duplicate="reject")
        assert (answer.status, answer.json["code"]) == (409, "duplicate_content")
        assert (answer.json["field"], answer.json["file_id"]) == ("sha256", str(known))
        assert world.records.kept == {}

    def test_what_lies_in_the_trash_does_not_count(self, world: UploadWorld) -> None:
        store(world, deleted_at=NOW)
        answer = world.start(on_duplicate="reject")
        assert (answer.status, answer.json["duplicate_of"]) == (201, None)

    def test_other_content_is_no_duplicate(self, world: UploadWorld) -> None:
        store(world, checksum="ab" * 32)
        assert world.start(on_duplicate="reject").json["duplicate_of"] is None

    def test_a_repeated_request_is_not_refused_for_what_came_meanwhile(self, world: UploadWorld) -> None:
        first = world.start("k", on_duplicate="reject")
        store(world)
        again = world.start("k", on_duplicate="reject")
        assert (again.status, again.json["file_id"]) == (200, first.json["file_id"])

    def test_an_upload_is_no_duplicate_of_itself(self, world: UploadWorld) -> None:
        first = world.start("k")
        store(world, file_id=UUID(first.json["file_id"]))
        assert world.start("k").json["duplicate_of"] is None

    def test_what_is_in_a_space_of_others_is_not_told(self, world: UploadWorld) -> None:
        known = store(world, space="press")
        assert world.start(on_duplicate="reject").status == 201
        world.caller = world.principal("press")
        assert world.start().json["duplicate_of"] == str(known)

    def test_a_batch_is_written_while_the_index_is_asked(
        self, world: UploadWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = store(world)
        written = threading.Event()
        world.records.before_write = written.set
        look = world.index.with_checksum

        def looked_up_late(checksums: Collection[str], reach: Reach) -> dict[str, UUID]:
            assert written.wait(10)
            return look(checksums, reach)

        monkeypatch.setattr(world.index, "with_checksum", looked_up_late)
        items = world.batch([document(), document()]).json["items"]
        assert [each["started"]["duplicate_of"] for each in items] == [str(known)] * 2

    def test_in_a_batch_each_is_looked_up(self, world: UploadWorld) -> None:
        known = store(world)
        told, refused, other = world.batch(
            [document(), document(on_duplicate="reject"), document(on_duplicate="reject", sha256="cd" * 32)]
        ).json["items"]
        assert told["started"]["duplicate_of"] == str(known)
        assert (refused["status"], refused["problem"]["file_id"]) == (409, str(known))
        assert other["status"] == 201


class Away(MemoryIndex):
    """An index that does not answer, and counts how often it was asked."""

    asked = 0

    def with_checksum(self, checksums: Collection[str], reach: Reach) -> dict[str, UUID]:
        """Fail."""
        self.asked += 1
        raise Unavailable("the index does not answer")


class TestWithoutTheIndex:
    @pytest.fixture
    def away(self, world: UploadWorld) -> Away:
        world.index = Away()
        return world.index

    def test_an_upload_starts_all_the_same_and_says_so(self, world: UploadWorld, away: Away) -> None:
        answer = world.start()
        assert (answer.status, answer.json["duplicate_of"], answer.json["duplicates_checked"]) == (
            201,
            None,
            False,
        )

    def test_who_wants_duplicates_refused_is_told_to_come_back(self, world: UploadWorld, away: Away) -> None:
        assert world.start(on_duplicate="reject").status == 503
        assert world.records.kept == {}
        told, decided = world.batch([document(), document(on_duplicate="reject")]).json["items"]
        assert (told["status"], decided["status"]) == (201, 503)

    def test_it_is_left_alone_for_a_while_unless_it_has_to_decide(
        self, world: UploadWorld, clock: Clock, away: Away
    ) -> None:
        for _ in range(3):
            world.start()
        assert away.asked == 1
        world.start(on_duplicate="reject")
        assert away.asked == 2
        clock.pass_(seconds=REST_SECONDS)
        world.start()
        assert away.asked == 3

    def test_a_slow_one_is_not_waited_for(self, world: UploadWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        left: list[float] = []

        def with_checksum(checksums: Collection[str], reach: Reach) -> dict[str, UUID]:
            left.append(deadline.remaining())
            return {}

        monkeypatch.setattr(world.index, "with_checksum", with_checksum)
        world.start()
        world.start(on_duplicate="reject")
        telling, deciding = left
        assert telling <= TELLING_SECONDS < deciding <= DECIDING_SECONDS


class TestFolders:
    def test_a_folder_is_kept_in_nfc(self, world: UploadWorld) -> None:
        file_id = world.start(folder="/Vertra\u0308ge/2026").json["file_id"]
        record = world.records.kept[file_id]
        assert record.folder == "/Verträge/2026"
        assert "Vert" not in record.key

    @pytest.mark.parametrize(
        "folder",
        [
            "",
            "/",
            "a",
            "a/b",
            "/a/",
            "//a",
            "/a//b",
            "/.",
            "/a/../b",
            "/a\nb",
            "/a\u0085",
            "/ ",
            "/a\u2028b",
            "C:/a",
        ],
        ids=repr,
    )
    def test_what_is_no_folder_is_refused(self, world: UploadWorld, folder: str) -> None:
        answer = world.start(folder=folder)
        assert (answer.status, answer.json["code"], answer.json["field"]) == (400, "invalid_folder", "folder")

    def test_a_folder_has_at_most_1000_characters(self, world: UploadWorld) -> None:
        assert world.start(folder="/" + "x" * 999).status == 201
        answer = world.start(folder="/" + "x" * 1000)
        assert (answer.status, answer.json["field"]) == (400, "folder")


class TestPredecessors:
    def test_the_place_of_a_document_is_held_until_the_url_ends(self, world: UploadWorld, clock: Clock) -> None:
        known = store(world)
        first = world.start(supersedes=str(known))
        assert first.status == 201
        assert world.records.kept[first.json["file_id"]].supersedes == str(known)
        rival = world.start(supersedes=str(known))
        assert (rival.status, rival.json["code"], rival.json["field"]) == (
            409,
            "supersede_in_progress",
            "supersedes",
        )
        assert len(world.records.kept) == 1
        clock.pass_(seconds=601)
        assert world.start(supersedes=str(known)).status == 201
        late = world.renew(first.json["file_id"])
        assert (late.status, late.json["code"]) == (409, "supersede_in_progress")

    def test_a_renewed_url_holds_it_longer(self, world: UploadWorld, clock: Clock) -> None:
        known = str(store(world))
        file_id = world.start(supersedes=known).json["file_id"]
        clock.pass_(seconds=500)
        assert world.renew(file_id).status == 200
        clock.pass_(seconds=500)
        assert world.start(supersedes=known).json["code"] == "supersede_in_progress"

    def test_a_place_that_is_taken_is_told_with_who_has_it(self, world: UploadWorld) -> None:
        known = str(store(world))
        successor = world.start(supersedes=known).json["file_id"]
        world.records.places[known].held_until = None
        world.records.places[known].settled_at = NOW.timestamp()
        answer = world.start(supersedes=known)
        assert (answer.status, answer.json["code"]) == (409, "already_superseded")
        assert answer.json["file_id"] == successor

    def test_a_place_is_free_again_when_who_had_it_is_deleted(self, world: UploadWorld) -> None:
        known = store(world)
        successor = UUID(world.start(supersedes=str(known)).json["file_id"])
        world.records.places[str(known)].held_until = None
        world.records.places[str(known)].settled_at = NOW.timestamp()
        store(world, file_id=successor, supersedes=known, deleted_at=NOW)
        assert world.start(supersedes=str(known)).status == 503
        assert world.start(supersedes=str(known)).status == 201

    def test_a_document_that_is_replaced_has_no_other_successor_whatever_the_table_says(
        self, world: UploadWorld
    ) -> None:
        known = store(world)
        store(world, created_at=NOON + timedelta(days=1), supersedes=known)
        answer = world.start(supersedes=str(known))
        assert (answer.status, answer.json["code"]) == (409, "already_superseded")

    def test_what_is_no_longer_current_by_its_attributes_alone_is_told_as_well(self, world: UploadWorld) -> None:
        old = store(world)
        new = store(world, supersedes=old, created_at=NOW)
        answer = world.start(supersedes=str(old))
        assert (answer.status, answer.json["code"]) == (409, "already_superseded")
        assert answer.json["file_id"] == str(new)
        assert world.start(supersedes=str(new)).status == 201

    def test_a_successor_that_goes_while_it_is_looked_for_is_no_fault(
        self, world: UploadWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = store(world)
        store(world, supersedes=old, created_at=NOW)
        monkeypatch.setattr(world.index, "versions", lambda *_: VersionsPage(items=(), next=None))
        answer = world.start(supersedes=str(old))
        assert (answer.status, answer.json["code"]) == (503, "upload_busy")

    def test_a_document_that_is_none_has_no_successor(self, world: UploadWorld) -> None:
        answer = world.start(supersedes=str(uuid4()))
        assert (answer.status, answer.json["code"], answer.json["field"]) == (
            404,
            "document_not_found",
            "supersedes",
        )

    def test_a_document_of_another_space_has_no_successor_here(self, world: UploadWorld) -> None:
        answer = world.start(supersedes=str(store(world, space="press")))
        assert (answer.status, answer.json["code"]) == (404, "document_not_found")

    def test_the_same_request_again_is_no_rival_of_itself(self, world: UploadWorld) -> None:
        known = str(store(world))
        first, again = (world.start("k", supersedes=known) for _ in range(2))
        assert (first.status, again.status) == (201, 200)

    def test_of_two_in_one_batch_one_has_it(self, world: UploadWorld) -> None:
        known = str(store(world))
        first, second = world.batch([document(supersedes=known)] * 2).json["items"]
        assert (first["status"], second["status"]) == (201, 409)
        assert second["problem"]["code"] == "supersede_in_progress"


class TestEncodings:
    ENCODED: ClassVar[dict[str, Any]] = {
        "content_encoding": "gzip",
        "original_size": 9,
        "original_sha256": "AB" * 32,
    }

    @pytest.mark.parametrize("encoding", ["gzip", "br"])
    def test_an_encoding_is_signed_and_kept_with_what_was_before_it(
        self, world: UploadWorld, encoding: str
    ) -> None:
        answer = world.start(**self.ENCODED | {"content_encoding": encoding})
        target = answer.json["upload"]
        assert target["headers"]["Content-Encoding"] == encoding
        assert "content-encoding" in parse_qs(urlsplit(target["url"]).query)["X-Amz-SignedHeaders"][0].split(";")
        record = world.records.kept[answer.json["file_id"]]
        assert (record.content_encoding, record.original_size, record.original_sha256) == (encoding, 9, "ab" * 32)

    def test_a_form_says_it_too(self, world: UploadWorld) -> None:
        fields = world.start(method="form", **self.ENCODED).json["upload"]["fields"]
        assert fields["Content-Encoding"] == "gzip"

    @pytest.mark.parametrize("missing", ["content_encoding", "original_size", "original_sha256"])
    def test_it_is_told_whole_or_not_at_all(self, world: UploadWorld, missing: str) -> None:
        given: dict[str, Any] = {name: value for name, value in self.ENCODED.items() if name != missing}
        answer = world.start(**given)
        assert (answer.status, answer.json["code"], answer.json["field"]) == (400, "incomplete_encoding", missing)

    def test_other_encodings_are_refused(self, world: UploadWorld) -> None:
        answer = world.start(**self.ENCODED | {"content_encoding": "zstd"})
        assert (answer.status, answer.json["field"]) == (400, "content_encoding")


def test_what_an_earlier_version_kept_under_a_key_still_holds(world: UploadWorld) -> None:
    """The hash of the request as the first version computed it."""
    asked = {
        "filename": "report.pdf",
        "size": 3,
        "sha256": FOO,
        "content_type": "application/pdf",
        "description": None,
        "tags": [],
        "custom_attributes": {},
        "retention_policy": "permanent",
        "ttl_days": None,
        "expires_in": None,
    }
    file_id = world.start("k").json["file_id"]
    kept = world.records.kept[file_id].request_hash
    assert kept == hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()
    assert world.start("k", folder="/a").json["code"] == "idempotency_key_reused"


def test_an_upload_is_awaited_in_one_of_eight_parts(world: UploadWorld) -> None:
    ids = [world.start().json["file_id"] for _ in range(3)]
    assert [world.records.kept[each].awaited for each in ids] == [str(int(each[0], 16) % 8) for each in ids]
