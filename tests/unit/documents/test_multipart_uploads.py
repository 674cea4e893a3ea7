"""A document that comes in parts: permitted, listed, put together, given up, and gone on with after any crash."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import msgspec
import pytest

from artstore.attributes import Attributes, to_document
from artstore.aws.ingesting import LATER, IngestOutcome
from artstore.errors import Unavailable
from artstore.security import Principal
from functions.upload.uploads.parts import MIB, composite_sha256
from tests.fakes.documents import make_attributes, make_projection
from tests.support.uploading import CALLER, Clock, UploadWorld

NOW = datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)
SIZE = 17 * MIB
SIZES = (8 * MIB, 8 * MIB, MIB)
DIGESTS = tuple(hashlib.sha256(bytes([number])).hexdigest() for number in range(3))
ETAG = '"attributes"'


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def world(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> UploadWorld:
    return UploadWorld(clock, monkeypatch)


def begun(world: UploadWorld, **members: object) -> str:
    answer = world.start(None, **({"size": SIZE, "method": "multipart"} | members))
    assert answer.status == 201, answer.text
    return str(answer.json["file_id"])


def parts(*numbers: int, **changes: object) -> dict[str, Any]:
    return {
        "parts": [
            {"part_number": number, "size": SIZES[number - 1], "sha256": DIGESTS[number - 1]} | changes
            for number in numbers
        ]
    }


def send(world: UploadWorld, file_id: str, *numbers: int) -> None:
    """Ask for parts, and send them."""
    answer = world.of("POST", file_id, "/parts", parts(*numbers))
    assert answer.status == 200, answer.text
    upload_id = world.records.kept[file_id].upload_id
    assert upload_id is not None
    for number in numbers:
        world.storage.send(upload_id, number, SIZES[number - 1], DIGESTS[number - 1])


def described(file_id: str, **changes: Any) -> IngestOutcome:
    attributes: Attributes = make_attributes(file_id=file_id, checksum_verified=False, **changes)
    return IngestOutcome(outcome="stored", attributes=to_document(attributes), attributes_etag=ETAG)


class TestStart:
    def test_it_says_how_many_parts_of_what_size_and_asks_storage_nothing(self, world: UploadWorld) -> None:
        answer = world.start(size=SIZE, method="multipart")
        assert answer.json["upload"] == {
            "method": "MULTIPART",
            "url": None,
            "headers": {},
            "fields": {},
            "part_size": 8 * MIB,
            "part_count": 3,
            "expires_at": "2026-11-26T07:05:09Z",
        }
        assert world.storage.created == []
        record = world.records.kept[answer.json["file_id"]]
        assert (record.kind, int(record.part_size)) == ("multipart", 8 * MIB)

    def test_what_is_too_large_for_one_request_comes_in_parts_without_being_asked_to(
        self, world: UploadWorld
    ) -> None:
        limit = 5 * 1024 * MIB
        assert world.start(size=limit).json["upload"]["method"] == "PUT"
        assert world.start(size=limit + 1).json["upload"]["method"] == "MULTIPART"
        assert world.start(size=limit + 1, method="put").json["code"] == "too_large_for_method"
        largest = world.start(size=5 * 1024**4).json["upload"]
        assert largest["part_count"] <= 10_000
        assert world.start(size=5 * 1024**4 + 1).status == 400

    def test_an_empty_file_has_no_parts(self, world: UploadWorld) -> None:
        assert world.start(size=0, method="multipart").json["code"] == "empty_multipart"

    def test_it_is_known_by_its_idempotency_key(self, world: UploadWorld) -> None:
        first = world.start("key", size=SIZE, method="multipart")
        file_id = first.json["file_id"]
        send(world, file_id, 1)
        again = world.start("key", size=SIZE, method="multipart")
        assert (again.status, again.json["file_id"]) == (200, file_id)
        assert world.of("GET", file_id).json["multipart"]["parts"] != [], "what was sent is not lost"


class TestParts:
    def test_length_and_checksum_of_each_part_are_signed(self, world: UploadWorld) -> None:
        file_id = begun(world)
        answer = world.of("POST", file_id, "/parts", parts(3, 1))
        assert answer.headers["Cache-Control"] == "no-store"
        last, first = answer.json["parts"]
        assert [last["part_number"], first["part_number"]] == [3, 1]
        assert first["headers"] == {
            "Content-Length": str(8 * MIB),
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(DIGESTS[0])).decode(),
        }
        assert last["headers"]["Content-Length"] == str(MIB)
        query = parse_qs(urlsplit(first["url"]).query)
        assert (query["partNumber"], query["uploadId"]) == (["1"], ["upload-1"])
        assert query["X-Amz-SignedHeaders"] == ["content-length;host;x-amz-checksum-sha256"]
        assert query["X-Amz-Expires"] == ["600"]

    def test_the_upload_is_begun_once_in_storage_with_type_and_checksums(self, world: UploadWorld) -> None:
        file_id = begun(world)
        world.of("POST", file_id, "/parts", parts(1))
        world.of("POST", file_id, "/parts", parts(2))
        assert world.storage.created == [
            {"content_type": "application/pdf", "content_encoding": None, "sha256": True}
        ]

    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            (parts(1, size=8 * MIB - 1), "part_size_mismatch"),
            (parts(3, size=8 * MIB), "part_size_mismatch"),
            (parts(1, part_number=4), "no_such_part"),
            (parts(1, 1), "duplicate_part"),
            (parts(1, part_number=0), "invalid_body"),
            (parts(1, sha256="xyz"), "invalid_body"),
            ({"parts": []}, "invalid_body"),
            ({"parts": parts(1)["parts"] * 101}, "invalid_body"),
        ],
    )
    def test_what_is_no_part_of_it_is_refused_before_storage_hears_of_it(
        self, world: UploadWorld, asked: dict[str, Any], code: str
    ) -> None:
        answer = world.of("POST", begun(world), "/parts", asked)
        assert (answer.status, answer.json["code"]) == (400, code)
        assert world.storage.created == []

    def test_a_url_holds_no_longer_than_the_upload(self, world: UploadWorld, clock: Clock) -> None:
        file_id = begun(world)
        clock.pass_(days=5, seconds=-60)
        [target] = world.of("POST", file_id, "/parts", parts(1)).json["parts"]
        assert target["expires_at"] == "2026-11-26T07:05:09Z"
        clock.pass_(seconds=60)
        answer = world.of("POST", file_id, "/parts", parts(1))
        assert (answer.status, answer.json["code"]) == (409, "upload_expired")

    @pytest.mark.parametrize(
        ("changes", "code"), [({"kind": "put"}, "not_multipart"), ({"status": "STORED"}, "upload_over")]
    )
    def test_other_uploads_have_no_parts(self, world: UploadWorld, changes: dict[str, str], code: str) -> None:
        file_id = begun(world)
        for name, value in changes.items():
            setattr(world.records.kept[file_id], name, value)
        answer = world.of("POST", file_id, "/parts", parts(1))
        assert (answer.status, answer.json["code"]) == (409, code)
        assert world.of("POST", str(uuid4()), "/parts", parts(1)).status == 404


class TestCrashes:
    def test_an_upload_begun_in_storage_and_not_written_down_is_begun_again(self, world: UploadWorld) -> None:
        file_id = begun(world)

        def crash(_name: str) -> None:
            world.storage.after = lambda _name: None
            raise Unavailable("killed")

        world.storage.after = crash
        assert world.of("POST", file_id, "/parts", parts(1)).status == 503
        assert world.records.kept[file_id].upload_id is None
        send(world, file_id, 1, 2, 3)
        assert world.records.kept[file_id].upload_id == "upload-2"
        world.ingest = lambda _bucket, _key: described(file_id)
        assert world.of("POST", file_id, "/complete").status == 200

    def test_of_two_that_begin_it_at_once_one_is_heard_and_the_other_given_up(self, world: UploadWorld) -> None:
        file_id = begun(world)

        def meanwhile(_name: str) -> None:
            world.storage.after = lambda _name: None
            send(world, file_id, 2)

        world.storage.after = meanwhile
        answer = world.of("POST", file_id, "/parts", parts(1))
        query = parse_qs(urlsplit(answer.json["parts"][0]["url"]).query)
        assert query["uploadId"] == ["upload-2"] == [world.records.kept[file_id].upload_id]
        assert list(world.storage.under_way) == ["upload-2"]

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_completing_can_be_repeated_after_a_crash_around_putting_it_together(
        self, world: UploadWorld, when: str
    ) -> None:
        file_id = begun(world)
        send(world, file_id, 1, 2, 3)

        def crash(name: str) -> None:
            if name == "complete":
                setattr(world.storage, when, lambda _name: None)
                raise Unavailable("killed")

        setattr(world.storage, when, crash)
        assert world.of("POST", file_id, "/complete").status == 503
        world.ingest = lambda _bucket, _key: described(file_id)
        assert world.of("POST", file_id, "/complete").status == 200
        record = world.records.kept[file_id]
        assert world.storage.objects == {(record.bucket, record.key): SIZE}


class TestState:
    def test_a_client_that_was_lost_sees_what_has_arrived_page_by_page(self, world: UploadWorld) -> None:
        file_id = begun(world)
        assert world.of("GET", file_id).json["multipart"] == {
            "part_size": 8 * MIB,
            "part_count": 3,
            "parts": [],
            "next_after_part": None,
        }
        send(world, file_id, 3, 1, 2)
        first = world.of("GET", file_id).json["multipart"]
        assert first["parts"] == [
            {"part_number": number, "size": 8 * MIB, "sha256": DIGESTS[number - 1]} for number in (1, 2)
        ]
        rest = world.of("GET", file_id, after_part=first["next_after_part"]).json["multipart"]
        assert [each["part_number"] for each in rest["parts"]] == [3]
        assert rest["next_after_part"] is None

    def test_other_uploads_show_no_parts(self, world: UploadWorld) -> None:
        file_id = world.start().json["file_id"]
        assert "multipart" not in world.of("GET", file_id).json
        stored = begun(world)
        world.records.kept[stored].status = "STORED"
        assert "multipart" not in world.of("GET", stored).json


class TestComplete:
    def test_the_parts_become_the_document_that_is_the_answer(self, world: UploadWorld) -> None:
        file_id = begun(world)
        send(world, file_id, 3, 1, 2)
        world.ingest = lambda _bucket, _key: described(file_id)
        answer = world.of("POST", file_id, "/complete")
        assert answer.status == 200
        assert (answer.json["file_id"], answer.json["status"]) == (file_id, "STORED")
        assert answer.json["checksum_verified"] is False
        assert answer.headers["ETag"] == ETAG
        record = world.records.kept[file_id]
        assert record.composite_sha256 == composite_sha256(DIGESTS)
        assert world.storage.objects == {(record.bucket, record.key): SIZE}
        assert world.ingested == [(record.bucket, record.key)]
        again = world.of("POST", file_id, "/complete")
        assert (again.status, again.json) == (200, answer.json)

    def test_missing_parts_are_named_and_nothing_is_put_together(self, world: UploadWorld) -> None:
        file_id = begun(world)
        answer = world.of("POST", file_id, "/complete")
        assert (answer.status, answer.json["code"]) == (409, "upload_incomplete")
        assert answer.json["missing_parts"] == [1, 2, 3]
        send(world, file_id, 1, 3)
        assert world.of("POST", file_id, "/complete").json["missing_parts"] == [2]
        assert world.storage.objects == {}
        assert world.ingested == []

    @pytest.mark.parametrize(
        ("size", "sha256"), [(8 * MIB - 1, DIGESTS[1]), (8 * MIB, None)], ids=["wrong size", "no checksum"]
    )
    def test_storage_is_not_trusted_to_have_refused_what_was_not_signed(
        self, world: UploadWorld, size: int, sha256: str | None
    ) -> None:
        file_id = begun(world)
        send(world, file_id, 1, 2, 3)
        world.storage.send("upload-1", 2, size, sha256)
        answer = world.of("POST", file_id, "/complete")
        assert (answer.status, answer.json["missing_parts"]) == (409, [2])

    @pytest.mark.parametrize("method", ["put", "form"])
    def test_other_uploads_are_completed_too(self, world: UploadWorld, method: str) -> None:
        file_id = world.start(method=method).json["file_id"]
        answer = world.of("POST", file_id, "/complete")
        assert (answer.status, answer.json["code"]) == (409, "upload_incomplete")
        world.ingest = lambda _bucket, _key: described(file_id)
        assert world.of("POST", file_id, "/complete").status == 200

    def test_what_is_not_described_in_time_is_told_as_it_stands(self, world: UploadWorld) -> None:
        file_id = world.start().json["file_id"]
        world.ingest = lambda _bucket, _key: IngestOutcome(outcome=LATER)
        answer = world.of("POST", file_id, "/complete")
        assert (answer.status, answer.json["status"], answer.headers["Retry-After"]) == (202, "PENDING", "1")

    def test_a_rejected_one_says_why(self, world: UploadWorld) -> None:
        file_id = world.start().json["file_id"]
        world.ingest = lambda _bucket, _key: IngestOutcome(outcome="rejected", reason="size_mismatch")
        for _ in range(2):
            answer = world.of("POST", file_id, "/complete")
            assert (answer.status, answer.json["code"]) == (409, "upload_rejected")
            assert answer.json["reason"] == "size_mismatch"
            world.records.kept[file_id].status, world.records.kept[file_id].reason = "REJECTED", "size_mismatch"

    @pytest.mark.parametrize("outcome", ["gone", LATER])
    def test_a_document_that_lies_elsewhere_by_now_is_the_answer_too(
        self, world: UploadWorld, outcome: str
    ) -> None:
        file_id = world.start().json["file_id"]
        world.records.kept[file_id].status = "STORED"
        world.index.project(make_projection(bucket="rw-b", file_id=UUID(file_id), etag='"elsewhere"'))
        world.ingest = lambda _bucket, _key: IngestOutcome(outcome=outcome)
        answer = world.of("POST", file_id, "/complete")
        assert (answer.status, answer.json["file_id"]) == (200, file_id)
        assert answer.headers["ETag"] == '"elsewhere"'

    def test_a_document_is_told_as_it_is_shown_elsewhere(self, world: UploadWorld) -> None:
        file_id = world.start().json["file_id"]
        world.ingest = lambda _bucket, _key: msgspec.structs.replace(described(file_id), outcome="missing")
        lost = world.of("POST", file_id, "/complete")
        assert (lost.json["status"], lost.headers["ETag"]) == ("MISSING", '"attributes-missing"')
        world.records.kept[file_id].status = "STORED"
        world.index.project(make_projection(bucket="rw-b", file_id=UUID(file_id), etag='"elsewhere"'))
        world.index.project(make_projection(supersedes=UUID(file_id), created_at=NOW))
        world.ingest = lambda _bucket, _key: IngestOutcome(outcome="gone")
        replaced = world.of("POST", file_id, "/complete")
        assert (replaced.json["current"], replaced.headers["ETag"]) == (False, '"elsewhere-replaced"')

    def test_a_document_whose_place_another_took_is_told_so_at_its_own_place_too(self, world: UploadWorld) -> None:
        file_id = world.start().json["file_id"]
        world.records.kept[file_id].status = "STORED"
        world.ingest = lambda _bucket, _key: described(file_id)
        world.index.project(make_projection(file_id=UUID(file_id), etag=ETAG))
        current = world.of("POST", file_id, "/complete")
        assert (current.json["current"], current.headers["ETag"]) == (True, ETAG)
        world.index.project(make_projection(supersedes=UUID(file_id), created_at=NOW))
        replaced = world.of("POST", file_id, "/complete")
        assert (replaced.status, replaced.json["current"]) == (200, False)
        assert replaced.headers["ETag"] == '"attributes-replaced"'

    def test_a_document_that_is_in_the_trash_or_gone_is_not_there(self, world: UploadWorld) -> None:
        file_id = world.start().json["file_id"]
        world.records.kept[file_id].status = "STORED"
        for outcome in (described(file_id, deleted_at=NOW), IngestOutcome(outcome="gone")):
            world.ingest = lambda _bucket, _key, outcome=outcome: outcome  # type: ignore[misc]
            answer = world.of("POST", file_id, "/complete")
            assert (answer.status, answer.json["code"]) == (404, "document_not_found")


class TestAbort:
    def test_it_drops_the_parts_and_can_be_repeated(self, world: UploadWorld) -> None:
        file_id = begun(world)
        send(world, file_id, 1)
        for _ in range(2):
            assert world.of("DELETE", file_id).status == 204
        assert world.storage.under_way == {}
        assert world.of("GET", file_id).json["status"] == "ABORTED"
        for what, payload in (("/parts", parts(1)), ("/complete", None)):
            answer = world.of("POST", file_id, what, payload)
            assert (answer.status, answer.json["code"]) == (409, "upload_over")

    def test_a_crash_before_storage_heard_of_it_is_made_up_for(self, world: UploadWorld) -> None:
        file_id = begun(world)
        send(world, file_id, 1)

        def crash(_name: str) -> None:
            world.storage.before = lambda _name: None
            raise Unavailable("killed")

        world.storage.before = crash
        assert world.of("DELETE", file_id).status == 503
        assert world.of("DELETE", file_id).status == 204
        assert world.storage.under_way == {}

    @pytest.mark.parametrize("settled", [False, True])
    def test_the_place_it_was_to_take_is_free_again_unless_it_was_stored(
        self, world: UploadWorld, clock: Clock, settled: bool
    ) -> None:
        predecessor = make_projection(bucket="edit-b")
        world.index.project(predecessor)
        named = str(predecessor.attributes.file_id)
        file_id = begun(world, supersedes=named)
        if settled:
            world.records.places[named].settled_at = int(clock().timestamp())
        assert world.of("DELETE", file_id).status == 204
        clock.pass_(seconds=1)
        rival = world.start(None, supersedes=named)
        assert (rival.status, rival.json.get("code")) == ((409, "already_superseded") if settled else (201, None))

    def test_what_is_stored_is_no_longer_an_upload(self, world: UploadWorld) -> None:
        file_id = world.start().json["file_id"]
        world.records.kept[file_id].status = "STORED"
        answer = world.of("DELETE", file_id)
        assert (answer.status, answer.json["code"]) == (409, "upload_over")
        assert world.of("DELETE", str(uuid4())).status == 404


class TestSpaces:
    def test_an_upload_of_another_space_is_none(self, world: UploadWorld) -> None:
        file_id = begun(world)
        send(world, file_id, 1)
        world.caller = Principal("sa_2", "other", CALLER.scopes, {"other": CALLER.scopes})
        answers = [
            world.of("GET", file_id),
            world.of("POST", file_id, "/parts", parts(2)),
            world.of("POST", file_id, "/complete"),
            world.of("DELETE", file_id),
            world.sign("POST", file_id),
            world.sign("PUT", world.records.kept[file_id].key, uploadId="upload-1", partNumber=1),
        ]
        assert [(each.status, each.json["code"]) for each in answers] == [(404, "upload_not_found")] * 6
        assert world.records.kept[file_id].status == "PENDING"
        assert list(world.storage.under_way) == ["upload-1"]


class TestUppy:
    def test_a_small_upload_is_the_put_that_was_announced(self, world: UploadWorld) -> None:
        started = world.start().json
        signed = world.sign("PUT", started["file_id"], contentType="text/html").json
        headers = dict(started["upload"]["headers"])
        del headers["Content-Length"]
        assert signed["headers"] == headers
        assert signed["key"] == world.records.kept[started["file_id"]].key
        assert "content-length" in parse_qs(urlsplit(signed["url"]).query)["X-Amz-SignedHeaders"][0]
        assert world.sign("PUT", signed["key"]).status == 200

    def test_a_file_that_uppy_comes_to_late_holds_its_place_like_a_renewed_one(
        self, world: UploadWorld, clock: Clock
    ) -> None:
        predecessor = make_projection(bucket="rw-b")
        world.index.project(predecessor)
        named = str(predecessor.attributes.file_id)
        file_id = world.start(supersedes=named).json["file_id"]
        clock.pass_(hours=2)
        assert world.sign("PUT", file_id).status == 200
        assert world.start(supersedes=named).json["code"] == "supersede_in_progress"
        clock.pass_(hours=2)
        assert world.start(supersedes=named).status == 201
        late = world.sign("PUT", file_id)
        assert (late.status, late.json["code"]) == (409, "supersede_in_progress")

    def test_a_form_is_what_was_announced_too(self, world: UploadWorld) -> None:
        started = world.start(method="form").json
        signed = world.sign("PUT", started["file_id"]).json
        assert signed["fields"]["key"] == signed["key"]
        assert "headers" not in signed

    def test_every_request_of_a_multipart_upload_is_signed(self, world: UploadWorld) -> None:
        file_id = begun(world)
        begin = world.sign("POST", file_id).json
        assert begin["headers"] == {"Content-Type": "application/pdf"}
        assert parse_qs(urlsplit(begin["url"]).query, keep_blank_values=True)["uploads"] == [""]
        key = begin["key"]
        upload_id = world.storage.create("b", key, content_type="application/pdf", sha256=False)
        for number, size in enumerate(SIZES, 1):
            part = world.sign("PUT", key, uploadId=upload_id, partNumber=number).json
            query = parse_qs(urlsplit(part["url"]).query)
            assert (query["uploadId"], query["partNumber"]) == ([upload_id], [str(number)])
            assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
            assert "headers" not in part
            world.storage.send(upload_id, number, size)
        listing = world.sign("GET", key, uploadId=upload_id).json
        assert parse_qs(urlsplit(listing["url"]).query)["uploadId"] == [upload_id]
        end = world.sign("POST", key, uploadId=upload_id, contentType="application/xml").json
        assert end["headers"] == {"If-None-Match": "*", "x-amz-mp-object-size": str(SIZE)}
        assert world.sign("DELETE", key, uploadId=upload_id).status == 200
        record = world.records.kept[file_id]
        assert (record.upload_id, record.part_checksums) == (upload_id, False)

    def test_what_uppy_has_sent_can_be_put_together_here(self, world: UploadWorld) -> None:
        file_id = begun(world)
        upload_id = world.storage.create("b", "k", content_type="application/pdf", sha256=False)
        for number, size in enumerate(SIZES, 1):
            world.sign("PUT", file_id, uploadId=upload_id, partNumber=number)
            world.storage.send(upload_id, number, size)
        world.ingest = lambda _bucket, _key: described(file_id)
        assert world.of("POST", file_id, "/complete").status == 200
        assert world.records.kept[file_id].composite_sha256 is None

    def test_an_upload_that_uppy_begins_takes_the_place_of_the_one_before(self, world: UploadWorld) -> None:
        file_id = begun(world)
        send(world, file_id, 1)
        own = world.storage.create("b", "k", content_type="application/pdf", sha256=False)
        world.sign("PUT", file_id, uploadId=own, partNumber=1)
        assert list(world.storage.under_way) == [own]

    def test_parts_that_are_asked_for_at_once_are_all_signed(self, world: UploadWorld) -> None:
        file_id = begun(world)
        upload_id = world.storage.create("b", "k", content_type="application/pdf", sha256=False)
        answers: list[int] = []
        sessions: Any = world.multiparts.sessions
        note = sessions.note_upload

        def note_after_another(*arguments: Any, **named: Any) -> bool:
            sessions.note_upload = note
            answers.append(world.sign("PUT", file_id, uploadId=upload_id, partNumber=2).status)
            return bool(note(*arguments, **named))

        sessions.note_upload = note_after_another
        answers.append(world.sign("PUT", file_id, uploadId=upload_id, partNumber=1).status)
        assert answers == [200, 200]
        assert list(world.storage.under_way) == [upload_id]

    @pytest.mark.parametrize(
        ("method", "members", "code"),
        [
            ("DELETE", {}, "not_signed"),
            ("GET", {}, "not_signed"),
            ("PUT", {"partNumber": 1}, "not_signed"),
            ("PUT", {"uploadId": "u"}, "not_signed"),
            ("POST", {"uploadId": "u", "partNumber": 1}, "not_signed"),
            ("PUT", {"uploadId": "u", "partNumber": 4}, "no_such_part"),
            ("PATCH", {}, "invalid_body"),
        ],
    )
    def test_nothing_else_is_signed(
        self, world: UploadWorld, method: str, members: dict[str, Any], code: str
    ) -> None:
        answer = world.sign(method, begun(world), **members)
        assert (answer.status, answer.json["code"]) == (400, code)

    def test_only_what_was_announced_is_signed(self, world: UploadWorld) -> None:
        file_id = begun(world)
        key = world.records.kept[file_id].key
        for stranger in (str(uuid4()), "report.pdf", f"other/{key}", f"{key}.attr.json"):
            answer = world.sign("PUT", stranger)
            assert (answer.status, answer.json["code"]) == (404, "upload_not_found"), stranger

    def test_parts_belong_to_what_was_announced_as_multipart(self, world: UploadWorld) -> None:
        file_id = world.start().json["file_id"]
        answer = world.sign("POST", file_id)
        assert (answer.status, answer.json["code"]) == (409, "not_multipart")
