"""Bags of documents, made by storage and validated by a tool that is not ours."""

from __future__ import annotations

import pathlib
import threading
from typing import Any
from uuid import UUID, uuid4

import bagit
import msgspec
import pytest

from artstore import attributes as attr
from artstore.attributes import Quarantine
from artstore.jobs import Job, JobStatus
from functions.maintenance.exporting.models import ExportSearch
from tests.support.exporting import AT, MIB, Exporting


@pytest.fixture
def world(aws: None) -> Exporting:
    return Exporting()


def reasons(job: Job) -> dict[UUID, str]:
    assert job.result is not None, job
    return {UUID(each["file_id"]): each["reason"] for each in job.result["left_out"]}


def payload(folder: pathlib.Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder / "data").as_posix(): path.read_bytes()
        for path in (folder / "data").rglob("*")
        if path.is_file() and not path.name.endswith(".attr.json")
    }


def test_a_selection_becomes_a_bag_that_another_tool_validates(world: Exporting, tmp_path: pathlib.Path) -> None:
    one = world.put(b"one", "Отчёт 100 %.pdf")
    two = world.put(b"two", "a/b.pdf", bucket="edit")
    world.put(b"three")
    job = world.export(one, two, description="For the\ncourt")
    assert job.status is JobStatus.COMPLETED
    assert job.result is not None
    assert job.result["counts"] == {"exported": 2}
    assert job.result["octets"] == 6
    assert job.result["bag"] == f"s3://exports/bags/{job.job_id}/"
    folder = world.download(job, tmp_path)
    bag = bagit.Bag(str(folder))
    bag.validate()
    assert bag.version_info == (1, 0)
    assert bag.info["External-Description"] == "For the court"
    assert bag.info["Payload-Oxum"].endswith(".4")
    assert payload(folder) == {f"{one}/Отчёт 100 _.pdf": b"one", f"{two}/a_b.pdf": b"two"}
    beside = attr.parse((folder / "data" / str(one) / "Отчёт 100 _.pdf.attr.json").read_bytes())
    assert beside.original_filename == "Отчёт 100 %.pdf"
    assert world.outbox.actions == ["export.completed"]


@pytest.mark.parametrize(
    "tampered", ["data/{}/a.pdf", "data/{}/a.pdf.attr.json", "bag-info.txt", "left-out.jsonl"]
)
def test_a_bag_that_was_tampered_with_is_found_out(
    world: Exporting, tmp_path: pathlib.Path, tampered: str
) -> None:
    file_id = world.put(b"one", "a.pdf")
    folder = world.download(world.export(file_id, uuid4()), tmp_path)
    path = folder / tampered.format(file_id)
    path.write_bytes(bytes(reversed(path.read_bytes())))
    with pytest.raises(bagit.BagError):
        bagit.Bag(str(folder)).validate()


def test_what_cannot_go_is_left_out_and_told(world: Exporting, tmp_path: pathlib.Path) -> None:
    good = world.put(b"good")
    expected = {
        world.put(b"cold", storage_class="GLACIER"): "archived",
        world.put(b"bad", quarantine=Quarantine(reason="infected", at=AT)): "quarantined",
        world.put(b"claimed", checksum_verified=False): "unproven",
        world.put(b"large", checksum=None, checksum_verified=False): "unproven",
        world.put(b"other", bucket="edit", checksum="00" * 32): "changed",
        world.put(b"longer", bucket="edit", storage_etag='"another"'): "changed",
        world.put(b"elsewhere", space="legal"): "not_found",
        uuid4(): "not_found",
    }
    gone, damaged = world.put(b"gone", key="gone", bucket="edit"), world.put(b"damaged", key="damaged")
    world.s3.delete_object(Bucket="edit", Key="gone")
    world.s3.put_object(Bucket="kept", Key="damaged.attr.json", Body=b"{")
    expected |= {gone: "missing", damaged: "damaged_attributes"}
    trashed = world.put(b"away", key="away")
    away = attr.parse(world.s3.get_object(Bucket="kept", Key="away.attr.json")["Body"].read())
    trash = msgspec.structs.replace(away, deleted_at=AT)
    world.s3.put_object(Bucket="kept", Key="away.attr.json", Body=attr.dump(trash))  # the index does not know yet
    expected |= {trashed: "trashed"}
    job = world.export(good, *expected, spaces=("default",))
    assert job.status is JobStatus.COMPLETED
    assert reasons(job) == expected
    folder = world.download(job, tmp_path)
    bagit.Bag(str(folder)).validate()
    assert list(payload(folder).values()) == [b"good"]
    told = [msgspec.json.decode(each) for each in (folder / "left-out.jsonl").read_bytes().splitlines()]
    assert {UUID(each["file_id"]): each["reason"] for each in told} == expected


def test_where_nothing_can_go_there_is_no_bag(world: Exporting) -> None:
    job = world.export(uuid4())
    assert (job.status, job.error and job.error.code) == (JobStatus.FAILED, "nothing_exported")
    assert list(reasons(job).values()) == ["not_found"]


def test_the_described_version_goes_whatever_came_after_it(world: Exporting, tmp_path: pathlib.Path) -> None:
    file_id = world.put(b"ours", "a.pdf", key="a")
    world.s3.put_object(Bucket="kept", Key="a", Body=b"a stranger's")
    folder = world.download(world.export(file_id), tmp_path)
    assert payload(folder) == {f"{file_id}/a.pdf": b"ours"}


def test_a_checksum_that_nothing_proves_of_these_bytes_is_not_put_into_a_manifest(
    world: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = world.put(b"old", bucket="edit", knows_sha256=False)
    copy = world.s3.copy_object

    def computing_nothing(**arguments: Any) -> Any:
        answer = copy(**arguments)
        answer["CopyObjectResult"].pop("ChecksumSHA256", None)
        return answer

    monkeypatch.setattr(world.s3, "copy_object", computing_nothing)
    job = world.export(file_id)
    assert reasons(job) == {file_id: "unproven"}
    assert world.s3.list_objects_v2(Bucket="exports", Prefix="bags/").get("KeyCount") == 0


def test_bytes_of_which_storage_computes_another_checksum_are_left_out(
    world: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = world.put(b"old", bucket="edit", knows_sha256=False)
    copy = world.s3.copy_object

    def computing(**arguments: Any) -> Any:
        answer = copy(**arguments)
        answer["CopyObjectResult"]["ChecksumSHA256"] = "A" * 43 + "="
        return answer

    monkeypatch.setattr(world.s3, "copy_object", computing)
    assert reasons(world.export(file_id)) == {file_id: "checksum_mismatch"}


def test_a_search_is_frozen_when_the_work_starts_and_goes_page_by_page(
    world: Exporting, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.maintenance.exporting.runner.PAGE", 2)
    ids = {world.put(f"{number}".encode(), f"minutes {number}.pdf") for number in range(5)}
    world.put(b"x", "other.pdf")
    world.put(b"x", "minutes of others.pdf", space="legal")
    job_id = world.start(search=ExportSearch(query="minutes"), space="default", spaces=("default",))
    world.put(b"late", "minutes late.pdf", created_at=world.now.replace(year=2027))
    job = world.work(job_id)
    assert job.result is not None
    assert (job.result["documents"], job.result["counts"]) == (5, {"exported": 5})
    folder = world.download(job, tmp_path)
    bagit.Bag(str(folder)).validate()
    assert {UUID(path.partition("/")[0]) for path in payload(folder)} == ids


def test_all_of_a_space_goes_versions_too(world: Exporting) -> None:
    one = world.put(b"one", space="legal")
    world.put(b"two", space="legal", supersedes=one)
    world.put(b"three")
    job = world.export(space="legal", spaces=("legal",))
    assert job.result is not None
    assert job.result["counts"] == {"exported": 2}


def test_what_is_larger_than_one_copy_takes_goes_in_parts(aws: None, tmp_path: pathlib.Path) -> None:
    world = Exporting(whole_bytes=5 * MIB, at_once=2)
    body = bytes(range(256)) * 4096 * 11 + b"end"
    large, small = world.put(body, "large.bin"), world.put(b"small", "small.bin")
    job = world.export(large, small)
    assert job.result is not None
    assert job.result["counts"] == {"exported": 2}
    folder = world.download(job, tmp_path)
    bagit.Bag(str(folder)).validate()
    assert payload(folder)[f"{large}/large.bin"] == body
    head = world.s3.head_object(Bucket="exports", Key=f"bags/{job.job_id}/data/{large}/large.bin")
    assert head["ETag"].endswith('-3"')


def test_a_large_document_that_changes_meanwhile_is_left_out_and_its_parts_are_dropped(aws: None) -> None:
    world = Exporting(whole_bytes=5 * MIB, at_once=1)
    large = world.put(b"x" * 11 * MIB, "large.bin", bucket="edit", key="large")
    other = world.put(b"other")
    job_id = world.start(large, other)
    runner, job = world.runner(), world.jobs.find(job_id)
    assert job is not None
    for _ in range(3):  # frozen, begun, a part
        step = runner.step(job, lambda: 200.0)
        job = msgspec.structs.replace(job, progress=step.progress)  # type: ignore[union-attr]
    assert job.progress["large"]["copied"] == 1
    world.s3.put_object(Bucket="edit", Key="large", Body=b"y" * 11 * MIB, ChecksumAlgorithm="SHA256")
    world.jobs.save(job)
    assert reasons(world.work(job_id)) == {large: "changed"}
    assert "Uploads" not in world.s3.list_multipart_uploads(Bucket="exports")


def test_a_cancelled_export_drops_the_parts_that_are_there(aws: None) -> None:
    world = Exporting(whole_bytes=5 * MIB)
    job = world.jobs.find(world.start(world.put(b"x" * 11 * MIB)))
    assert job is not None
    for _ in range(2):
        step = world.runner().step(job, lambda: 200.0)
        job = msgspec.structs.replace(job, progress=step.progress)  # type: ignore[union-attr]
    assert world.s3.list_multipart_uploads(Bucket="exports")["Uploads"]
    world.runner().cancel(job, lambda: 200.0)
    assert "Uploads" not in world.s3.list_multipart_uploads(Bucket="exports")


def test_documents_are_copied_side_by_side(world: Exporting, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = threading.Barrier(4, timeout=10)
    copy = world.s3.copy_object

    def together(**arguments: Any) -> Any:
        meeting.wait()
        return copy(**arguments)

    monkeypatch.setattr(world.s3, "copy_object", together)
    job = world.export(*(world.put(f"{number}".encode()) for number in range(4)))
    assert job.status is JobStatus.COMPLETED


def test_a_step_begins_nothing_that_it_has_no_time_for(world: Exporting) -> None:
    job = world.jobs.find(world.start(world.put(b"one")))
    assert job is not None
    step = world.runner().step(job, lambda: 200.0)
    job = msgspec.structs.replace(job, progress=step.progress)  # type: ignore[union-attr]
    assert type(world.runner().step(job, lambda: 20.0)).__name__ == "Wait"
