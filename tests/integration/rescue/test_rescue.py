"""A bucket alone: what the command makes of it, with nothing else there."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import pathlib
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import bagit
import boto3
import msgspec
import pytest
from botocore.exceptions import IncompleteReadError
from hypothesis import given, settings
from hypothesis import strategies as st

from artstore import attributes as attr
from artstore.attributes import Attributes, Quarantine
from infra.rescue.__main__ import main
from infra.rescue.memory import Memory

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Bucket:
    """A bucket of documents, and the command that is given nothing but it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket="edit")
        self.s3.create_bucket(Bucket="kept")
        self.s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        self.folder = folder
        self.made = 0

    def put(self, body: bytes, name: str = "report.pdf", *, bucket: str = "edit", **said: Any) -> str:
        """Put a document with its attributes; give its key."""
        self.made += 1
        file_id = said.pop("file_id", None) or uuid4()
        key = f"2026/03/01/12/{self.made:03}_{file_id}.pdf"
        stored = said.pop("storage_class", "STANDARD")
        answer = self.s3.put_object(Bucket=bucket, Key=key, Body=body, StorageClass=stored)
        if bucket == "kept":
            said.setdefault("storage_version_id", answer["VersionId"])
        document = Attributes(
            file_id=file_id,
            original_filename=name,
            storage_filename=key.rpartition("/")[2],
            file_size=len(body),
            content_type="application/pdf",
            created_at=AT,
            updated_at=AT,
            created_by_id="sa_anna",
            created_by_username="anna",
            storage_path=key.rpartition("/")[0],
            checksum=said.pop("checksum", hashlib.sha256(body).hexdigest()),
            **said,
        )
        self.s3.put_object(Bucket=bucket, Key=key + ".attr.json", Body=attr.dump(document))
        return key

    def run(self, command: str, *arguments: str, expect: int = 0) -> dict[str, dict[str, Any]]:
        """Run the command; give the lines by key."""
        report = self.folder / "report.jsonl"
        report.unlink(missing_ok=True)
        asked = [command, "s3://edit", "s3://kept", "--report", str(report), "--at-once", "4", *arguments]
        assert main(asked) == expect
        lines = [msgspec.json.decode(each) for each in report.read_bytes().splitlines()]
        return {each["key"]: each for each in lines}

    def export(self, *arguments: str, expect: int = 0) -> dict[str, dict[str, Any]]:
        return self.run("export", "--to", str(self.out), *arguments, expect=expect)

    @property
    def out(self) -> pathlib.Path:
        return self.folder / "out"

    def files(self) -> dict[str, bytes]:
        """Give what was written, the attributes left out."""
        return {
            path.relative_to(self.out / "documents").as_posix(): path.read_bytes()
            for path in sorted((self.out / "documents").rglob("*"))
            if path.is_file() and not path.name.endswith(".attr.json")
        }


@pytest.fixture
def bucket(aws: None, tmp_path: pathlib.Path) -> Bucket:
    return Bucket(tmp_path)


def test_documents_are_written_under_the_names_that_people_gave_them(bucket: Bucket) -> None:
    one = bucket.put(b"one", "Отчёт за квартал.pdf")
    bucket.put(b"two", "отчёт за квартал.PDF")
    bucket.put(b"three", "Отчёт за квартал.pdf", folder="/договоры/2026")
    bucket.put(b"four", "a/b:c?.pdf", space="legal", bucket="kept")
    lines = bucket.export()
    files = bucket.files()
    assert sorted(files.values()) == [b"four", b"one", b"three", b"two"]
    assert {name.casefold() for name in files} == {
        "default/2026-03/отчёт за квартал.pdf",
        "default/2026-03/отчёт за квартал (2).pdf",
        "default/договоры/2026/отчёт за квартал.pdf",
        "legal/2026-03/a_b_c_.pdf",
    }
    assert lines[one]["outcome"] == "exported"
    written = bucket.out / lines[one]["path"]
    assert written.read_bytes() == b"one"
    beside = written.with_name(written.name + ".attr.json")
    assert beside.read_bytes() == bucket.s3.get_object(Bucket="edit", Key=one + ".attr.json")["Body"].read()


def test_a_second_run_continues_and_writes_what_is_new_changed_or_gone(bucket: Bucket) -> None:
    one, two, three = (bucket.put(each, "same.pdf") for each in (b"one", b"two", b"three"))
    first = bucket.export()
    (bucket.out / first[two]["path"]).unlink()
    changed = msgspec.json.decode(bucket.s3.get_object(Bucket="edit", Key=three + ".attr.json")["Body"].read())
    bucket.s3.put_object(
        Bucket="edit", Key=three + ".attr.json", Body=msgspec.json.encode(changed | {"description": "new"})
    )
    four = bucket.put(b"four", "same.pdf")
    second = bucket.export()
    assert {key: line["outcome"] for key, line in second.items()} == {
        one: "already",
        two: "exported",
        three: "exported",
        four: "exported",
    }
    assert [second[key]["path"] for key in (one, two, three)] == [first[key]["path"] for key in (one, two, three)]
    assert sorted(bucket.files().values()) == [b"four", b"one", b"three", b"two"]
    assert {line["outcome"] for line in bucket.export().values()} == {"already"}


def test_a_run_that_was_cut_off_leaves_no_half_of_a_file(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put(b"one", "a.pdf")
    bucket.put(b"two", "b.pdf")

    def cut_off(*arguments: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Memory, "keep", cut_off)
        bucket.export(expect=3)
    assert {line["outcome"] for line in bucket.export().values()} == {"exported"}
    assert bucket.files() == {"default/2026-03/a.pdf": b"one", "default/2026-03/b.pdf": b"two"}
    assert list((bucket.out / ".rescue" / "unfinished").iterdir()) == []


def test_what_is_not_whole_is_told_and_the_rest_goes_on(bucket: Bucket) -> None:
    good = bucket.put(b"good", "good.pdf")
    other = bucket.put(b"rotten", "rotten.pdf", checksum="00" * 32)
    gone = bucket.put(b"gone", "gone.pdf")
    bucket.s3.delete_object(Bucket="edit", Key=gone)
    damaged = bucket.put(b"still there", "damaged.pdf")
    bucket.s3.put_object(Bucket="edit", Key=damaged + ".attr.json", Body=b'{"file_id": ')
    cold = bucket.put(b"cold", "cold.pdf", storage_class="GLACIER")
    bucket.s3.put_object(Bucket="edit", Key="loose.bin", Body=b"nobody's")
    expected = {
        other: "checksum_mismatch",
        gone: "missing",
        damaged: "damaged_attributes",
        cold: "archived",
        "loose.bin": "undescribed",
    }
    verified = bucket.run("verify", expect=1)
    assert {key: line["outcome"] for key, line in verified.items()} == {good: "verified", **expected}
    assert verified[other]["sha256"] == hashlib.sha256(b"rotten").hexdigest()
    assert "attributes_not_json" in verified[damaged]["detail"]
    exported = bucket.export(expect=1)
    assert {key: line["outcome"] for key, line in exported.items()} == {good: "exported", **expected}
    assert bucket.files() == {
        "default/2026-03/good.pdf": b"good",
        "default/2026-03/rotten.pdf.mismatch": b"rotten",
        f"damaged/{damaged.rpartition('/')[2]}": b"still there",
    }
    listed = bucket.run("list", expect=1)
    assert {line["outcome"] for line in listed.values()} == {"listed", "damaged_attributes", "undescribed"}


def test_what_is_archived_or_undescribed_alone_is_no_finding(bucket: Bucket) -> None:
    bucket.put(b"cold", storage_class="GLACIER")
    bucket.s3.put_object(Bucket="edit", Key="loose.bin", Body=b"nobody's")
    bucket.run("verify")
    bucket.run("list")


def test_the_version_that_is_described_is_read_whatever_came_after_it(bucket: Bucket) -> None:
    key = bucket.put(b"ours", "a.pdf", bucket="kept")
    bucket.s3.put_object(Bucket="kept", Key=key, Body=b"a stranger's")
    bucket.run("verify")
    bucket.s3.delete_object(Bucket="kept", Key=key)
    bucket.export()
    assert list(bucket.files().values()) == [b"ours"]
    unknown = bucket.put(b"x", "b.pdf", bucket="kept", storage_version_id=str(UUID(int=1)))
    assert bucket.run("verify", expect=1)[unknown]["outcome"] == "missing"


def test_documents_of_the_first_artstore_are_read(bucket: Bucket) -> None:
    body = b"an old one"
    fields = {
        "file_id": str(uuid4()),
        "original_filename": "старый.txt",
        "size_bytes": len(body),
        "mime_type": "text/plain",
        "sha256_hash": hashlib.sha256(body).hexdigest().upper(),
        "uploaded_by": "anna",
        "uploaded_at": "2019-05-06T07:08:09",
    }
    bucket.s3.put_object(Bucket="edit", Key="old.txt", Body=body)
    bucket.s3.put_object(Bucket="edit", Key="old.txt.attr.json", Body=msgspec.json.encode(fields))
    bucket.export()
    assert bucket.files() == {"default/2019-05/старый.txt": body}


def test_the_trash_and_quarantine_are_left_out_unless_they_are_wanted(bucket: Bucket) -> None:
    trashed = bucket.put(b"away", "trashed.pdf", deleted_at=AT)
    kept_back = bucket.put(b"bad", "bad.pdf", quarantine=Quarantine(reason="infected", at=AT))
    left_out = bucket.export()
    assert (left_out[trashed]["outcome"], left_out[kept_back]["outcome"]) == ("trashed", "quarantined")
    assert bucket.files() == {}
    bucket.export("--all")
    assert sorted(bucket.files().values()) == [b"away", b"bad"]
    assert {line["outcome"] for line in bucket.run("verify").values()} == {"verified"}


def test_a_verification_that_remembers_continues(bucket: Bucket) -> None:
    one = bucket.put(b"one")
    state = str(bucket.folder / "verified.sqlite3")
    assert bucket.run("verify", "--state", state)[one]["outcome"] == "verified"
    two = bucket.put(b"two", checksum="00" * 32)
    for _ in range(2):  # what was not whole is read again
        lines = bucket.run("verify", "--state", state, expect=1)
        assert (lines[one]["outcome"], lines[two]["outcome"]) == ("already", "checksum_mismatch")


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = bytes(range(256)) * 20_000
    key = bucket.put(body)
    client = boto3.client("s3")
    get, asked = client.get_object, []

    def breaking(**arguments: Any) -> Any:
        asked.append(arguments.get("Range"))
        answer = get(**arguments)
        if arguments["Key"] == key and len(asked) < 4:
            answer["Body"] = Breaking(answer["Body"].read())
        return answer

    monkeypatch.setattr(client, "get_object", breaking)
    report = bucket.folder / "r"
    assert main(["verify", "s3://edit", "--report", str(report)], lambda at_once: client) == 0
    assert asked == [None, None, "bytes=1048576-", "bytes=2097152-"]


class Breaking(io.BytesIO):
    """A body whose connection breaks after a MiB."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise IncompleteReadError(actual_bytes=self.tell(), expected_bytes=10**9)
        return super().read(size)


def test_a_folder_may_be_a_bag_that_others_validate(bucket: Bucket) -> None:
    bucket.put(b"one", "Отчёт 100 %.pdf")
    bucket.put(b"two", "b.pdf", checksum="00" * 32)
    bucket.export("--bag", expect=1)
    bag = bagit.Bag(str(bucket.out))
    bag.validate()
    assert sorted(path for path in bag.payload_entries() if not path.endswith(".attr.json")) == [
        "data/default/2026-03/b.pdf.mismatch",
        "data/default/2026-03/Отчёт 100 _.pdf",
    ]
    assert bag.info["Payload-Oxum"].endswith(".4")
    (bucket.out / "data/default/2026-03/Отчёт 100 _.pdf").write_bytes(b"eno")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(bucket.out)).validate()


def test_a_bucket_that_is_not_there_is_an_error_and_no_empty_archive(
    bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "s3://none"]) == 3
    assert "NoSuchBucket" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["list", "edit"])
    assert ended.value.code == 2


def test_a_folder_with_something_else_in_it_is_not_written_to(bucket: Bucket) -> None:
    bucket.out.mkdir()
    (bucket.out / "mine.txt").write_text("mine")
    with pytest.raises(SystemExit) as ended:
        bucket.export()
    assert ended.value.code == 2
    assert [each.name for each in bucket.out.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(("first", "then"), [((), ("--bag",)), (("--bag",), ())])
def test_what_was_begun_as_a_bag_is_gone_on_with_as_one(
    bucket: Bucket, first: tuple[str, ...], then: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.put(b"one")
    bucket.export(*first)
    with pytest.raises(SystemExit) as ended:
        bucket.export(*then)
    assert ended.value.code == 2
    assert "was begun with" in capsys.readouterr().err


def test_folders_that_no_path_has_room_for_stop_nothing(bucket: Bucket) -> None:
    long = bucket.put(b"one", folder="/" + "/".join(["я" * 90] * 60))
    deep = bucket.put(b"two", folder="/a" * 8000)
    lines = bucket.export()
    assert lines[long]["path"].startswith("documents/default/" + "я" * 90 + "/")
    assert lines[deep]["path"].startswith("documents/default/a/a/a/")
    assert sorted(bucket.files().values()) == [b"one", b"two"]


def test_a_name_that_the_file_system_does_not_take_is_told_and_the_rest_goes_on(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = bucket.put(b"one", "one.pdf"), bucket.put(b"two", "two.pdf")
    replace = pathlib.Path.replace

    def choosy(path: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
        if target.name == "one.pdf":
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        return replace(path, target)

    monkeypatch.setattr(pathlib.Path, "replace", choosy)
    lines = bucket.export(expect=3)
    assert {key: line["outcome"] for key, line in lines.items()} == {one: "failed", two: "exported"}
    monkeypatch.undo()
    assert bucket.export()[one]["outcome"] == "exported"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "A", "a/b"]), st.sampled_from(["a", "b", "B", "a.attr.json"]))))
def test_no_two_documents_get_one_file_whatever_they_and_their_folders_are_called(
    named: list[tuple[str, str]],
) -> None:
    memory = Memory(pathlib.Path(":memory:"))
    paths = [memory.name("b", str(number), f"d/{folder}", name) for number, (folder, name) in enumerate(named)]
    files = [each.casefold() for path in paths for each in (path, path + ".attr.json")]
    assert len(set(files)) == len(files)
    folders = {"/".join(file.split("/")[:depth]) for file in files for depth in range(1, file.count("/") + 1)}
    assert not folders & set(files)


def test_the_lines_go_to_standard_output(bucket: Bucket, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    key = bucket.put(b"one")
    assert main(["list", "s3://edit/2026"]) == 0
    sys.stdout.flush()
    (line,) = capsysbinary.readouterr().out.splitlines()
    assert msgspec.json.decode(line)["key"] == key
