"""One contract for both ways to an object: our own calls and botocore's give the same answers and refusals."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

from artstore import deadline
from artstore.aws import s3_requests
from artstore.aws.s3_requests import QuickClient
from artstore.errors import Unavailable
from artstore.objects import ObjectStore, s3_client
from tests.support.scripted_server import Act, ScriptedServer, answer, hang_up, raw

BODY = b'{"a": 1}' * 200
SHA256 = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
KEYS = ["k.json", "2026/11/25/t/отчёт за май (1)+%2F~'!*.json", "a//b/../c/./d", "/leading"]


def never() -> Any:
    raise AssertionError("botocore's client was asked for")


@pytest.fixture
def ours(s3: Any) -> QuickClient:
    client = QuickClient.of(never)
    assert client is not None
    return client


def outcome(call: Callable[..., Any], **arguments: Any) -> Any:
    """What a call gives, or how it is refused, without what differs from one call to the next."""
    try:
        given = dict(call(**arguments))
    except ClientError as error:
        told: Any = error.response
        named = {name: told["Error"].get(name) for name in ("Code", "Message")}
        return error.operation_name, named, told["ResponseMetadata"]["HTTPStatusCode"]
    metadata = given.pop("ResponseMetadata")
    body = given.pop("Body", None)
    return given, metadata["HTTPStatusCode"], None if body is None else body.read()


@pytest.mark.parametrize("key", KEYS)
def test_what_is_said_of_an_object_is_the_same(s3: Any, ours: QuickClient, key: str) -> None:
    s3.put_object(
        Bucket="edit",
        Key=key,
        Body=BODY,
        ContentType="text/plain; charset=utf-8",
        ContentEncoding="identity",
        ContentLanguage="ru",
        CacheControl="no-store",
        Metadata={"Author": "somebody", "two-words": "a b"},
        Tagging="a=b&c=d",
        StorageClass="GLACIER_IR",
        ChecksumAlgorithm="SHA256",
    )
    for arguments in ({}, {"ChecksumMode": "ENABLED"}):
        asked = {"Bucket": "edit", "Key": key, **arguments}
        expected = outcome(s3.head_object, **asked)
        assert outcome(ours.head_object, **asked) == expected
        assert expected[1] == 200
    for arguments in ({"Range": "bytes=0-9"}, {"Range": "bytes=5-"}):
        asked = {"Bucket": "edit", "Key": key, **arguments}
        assert outcome(ours.get_object, **asked) == outcome(s3.get_object, **asked)
    assert outcome(ours.get_object, Bucket="edit", Key=key)[2] == BODY


def test_versions_and_locks_are_told(s3: Any, ours: QuickClient) -> None:
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    retention = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2099-01-01T00:00:00Z"}
    first = s3.put_object(
        Bucket="locked",
        Key="k",
        Body=BODY,
        ObjectLockLegalHoldStatus="ON",
        ChecksumAlgorithm="SHA256",
        **retention,
    )
    s3.put_object(Bucket="locked", Key="k", Body=b"second", ChecksumAlgorithm="SHA256")
    for version in ({}, {"VersionId": first["VersionId"]}, {"VersionId": "not one"}, {"VersionId": "a b&c=ü"}):
        asked = {"Bucket": "locked", "Key": "k", **version}
        assert outcome(ours.head_object, **asked) == outcome(s3.head_object, **asked)
    assert outcome(ours.get_object, Bucket="locked", Key="k", VersionId=first["VersionId"])[2] == BODY


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("head_object", {"Key": "nothing"}),
        ("get_object", {"Key": "nothing"}),
        ("get_object", {"Key": "k", "IfMatch": '"other"'}),
        ("get_object", {"Key": "k", "Range": "bytes=100000-"}),
        ("head_object", {"Key": "k", "IfMatch": '"other"'}),
        ("head_bucket", {}),
        ("head_bucket", {"Bucket": "nowhere"}),
        ("get_object", {"Bucket": "nowhere", "Key": "k"}),
        ("put_object", {"Key": "k", "Body": BODY, "ChecksumSHA256": SHA256, "IfNoneMatch": "*"}),
        ("put_object", {"Key": "k", "Body": BODY, "ChecksumSHA256": SHA256, "IfMatch": '"other"'}),
    ],
    ids=str,
)
def test_refusals_are_the_same(s3: Any, ours: QuickClient, function: str, arguments: dict[str, Any]) -> None:
    s3.put_object(Bucket="edit", Key="k", Body=BODY)
    asked = {"Bucket": "edit", **arguments}
    expected = outcome(getattr(s3, function), **asked)
    told = outcome(getattr(ours, function), **asked)
    if function == "head_bucket" and expected[1] == 200:
        told, expected = told[1], expected[1]
    assert told == expected


def test_what_is_written_is_there(s3: Any, ours: QuickClient) -> None:
    written = ours.put_object(
        Bucket="edit",
        Key="k",
        Body=BODY,
        ContentType="application/json",
        ChecksumAlgorithm="SHA256",
        ChecksumSHA256=SHA256,
        IfNoneMatch="*",
    )
    found = s3.get_object(Bucket="edit", Key="k", ChecksumMode="ENABLED")
    assert found["Body"].read() == BODY
    assert (found["ETag"], found["ContentType"], found["ChecksumSHA256"]) == (
        written["ETag"],
        "application/json",
        SHA256,
    )


def test_what_is_not_known_here_is_left_to_botocore(s3: Any) -> None:
    client = QuickClient.of(lambda: s3)
    assert client is not None
    client.put_object(Bucket="edit", Key="k", Body=BODY, Metadata={"a": "b"}, ChecksumSHA256=SHA256)
    client.put_object(Bucket="edit", Key="without", Body=BODY)
    assert client.head_object(Bucket="edit", Key="k")["Metadata"] == {"a": "b"}
    assert client.get_object(Bucket="edit", Key="k", ResponseContentType="a/b")["ContentType"] == "a/b"
    assert [each["Key"] for each in client.list_objects_v2(Bucket="edit")["Contents"]] == ["k", "without"]
    for key in ("", "x" * 2000):
        with pytest.raises((ClientError, exceptions.ParamValidationError)):
            client.get_object(Bucket="edit", Key=key)


def test_with_a_profile_botocore_is_asked_for_everything(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert QuickClient.of(never) is not None
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    assert QuickClient.of(never) is None


Serve = Callable[..., tuple[QuickClient, ScriptedServer]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr("random.random", lambda: 0.0)
    servers: list[ScriptedServer] = []

    def begin(*script: Act, other: Callable[[], Any] = never) -> tuple[QuickClient, ScriptedServer]:
        server = ScriptedServer(*script)
        servers.append(server)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        client = QuickClient.of(other)
        assert client is not None
        return client, server

    yield begin
    for each in servers:
        each.close()


def bytes_of(content: bytes, **headers: str) -> Act:
    return answer(content, 200, ETag='"e"', **headers)


def refusal(status: int, code: str, **headers: str) -> Act:
    return answer(f"<Error><Code>{code}</Code><Message>a &lt;b&gt;</Message></Error>".encode(), status, **headers)


def test_a_body_is_read_as_it_comes_and_its_connection_used_again(serve: Serve) -> None:
    client, server = serve(bytes_of(b"0123456789"), bytes_of(b"abc"))
    body = client.get_object(Bucket="edit", Key="k")["Body"]
    assert [body.read(4), body.read(4), body.read(4), body.read(4)] == [b"0123", b"4567", b"89", b""]
    assert client.get_object(Bucket="edit", Key="k")["Body"].read() == b"abc"
    assert server.connections == 1


def test_a_body_that_is_not_wanted_to_its_end_takes_its_connection_along(serve: Serve) -> None:
    client, server = serve(bytes_of(b"0" * 1000), bytes_of(b"abc"))
    body = client.get_object(Bucket="edit", Key="k")["Body"]
    body.read(10)
    body.close()
    assert client.get_object(Bucket="edit", Key="k")["Body"].read() == b"abc"
    assert server.connections == 2


def test_two_bodies_are_read_at_once_over_two_connections(serve: Serve) -> None:
    client, server = serve(bytes_of(b"first"), bytes_of(b"second"))
    first = client.get_object(Bucket="edit", Key="k")["Body"]
    second = client.get_object(Bucket="edit", Key="k")["Body"]
    assert (second.read(), first.read()) == (b"second", b"first")
    assert server.connections == 2


def test_a_body_in_chunks_is_read_as_it_comes(serve: Serve) -> None:
    head = b'HTTP/1.1 200 OK\r\nETag: "e"\r\nTransfer-Encoding: chunked\r\n\r\n'
    client, server = serve(raw(head + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"), bytes_of(b"xyz"))
    body = client.get_object(Bucket="edit", Key="k")["Body"]
    assert body.read(5) + body.read() == b"abcdefg"
    assert client.get_object(Bucket="edit", Key="k")["Body"].read() == b"xyz"
    assert server.connections == 1


def test_a_body_that_breaks_off_is_a_failure_and_never_a_shorter_document(serve: Serve) -> None:
    broken = raw(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 100\r\n\r\nabc', keep=False)
    client, _ = serve(broken, broken)
    with pytest.raises(Unavailable):
        ObjectStore(client).read("edit", "k", 1000)
    with pytest.raises(Unavailable):
        ObjectStore(client).sha256("edit", "k", if_match='"e"')


@pytest.mark.parametrize("failing", [hang_up, refusal(503, "SlowDown"), refusal(500, "InternalError")])
def test_a_call_is_made_three_times(serve: Serve, failing: Act) -> None:
    client, server = serve(failing, failing, bytes_of(b"abc"))
    assert client.get_object(Bucket="edit", Key="k")["Body"].read() == b"abc"
    assert len(server.requests) == 3
    server.script = [failing] * 3
    with pytest.raises(Unavailable):
        ObjectStore(client).head("edit", "k")
    assert len(server.requests) == 6


def test_a_refusal_is_told_at_once(serve: Serve) -> None:
    client, server = serve(refusal(403, "AccessDenied"))
    with pytest.raises(ClientError) as caught:
        client.get_object(Bucket="edit", Key="k")
    assert caught.value.response["Error"] == {"Code": "AccessDenied", "Message": "a <b>"}
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "moved",
    [
        refusal(301, "PermanentRedirect"),
        refusal(307, "TemporaryRedirect"),
        refusal(400, "AuthorizationHeaderMalformed"),
        answer(b"", 400, x_amz_bucket_region="eu-north-1"),
    ],
)
def test_a_bucket_in_another_region_is_followed_by_botocore(serve: Serve, moved: Act) -> None:
    class Follower:
        def get_object(self, **arguments: Any) -> Any:
            return {"asked": arguments}

    client, _ = serve(moved, other=Follower)
    assert client.get_object(Bucket="edit", Key="k") == {"asked": {"Bucket": "edit", "Key": "k"}}


def test_a_trickle_of_bytes_does_not_outlast_the_deadline(serve: Serve) -> None:
    silent = raw(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 100\r\n\r\nabc')
    client, _ = serve(silent)
    with deadline.within(0.3), pytest.raises(Unavailable):
        ObjectStore(client).read("edit", "k", 1000)


def test_the_process_has_one_client_and_makes_botocore_s_only_when_it_needs_it(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artstore.objects._botocore_client", never)
    store = ObjectStore(s3_client())
    assert store.create("edit", "k", BODY) is not None
    assert store.create("edit", "k", BODY) is None
    assert store.read("edit", "k", 4).body == BODY[:4]
    store.ping("edit")
    assert isinstance(s3_client(), s3_requests.QuickClient)
    with pytest.raises(AssertionError):
        store.list_folder("edit", "")
