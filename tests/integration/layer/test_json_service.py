"""What goes out without botocore: connections that are kept and lost, answers of every kind, and trying again."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

from artstore import deadline
from artstore.aws import json_service, wire
from artstore.aws.json_service import DYNAMODB, SECRETS_MANAGER, JsonService
from artstore.errors import Misconfigured
from tests.support.certificates import Authority
from tests.support.scripted_server import Act, ScriptedServer, answer, echo, hang_up, raw, silence

CHUNKED = (
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n{"a\r\n5\r\n": 1}\r\n0\r\nTrailer: 1\r\n\r\n'
)
UNTIL_THE_END = b'HTTP/1.1 200 OK\r\n\r\n{"a": 1}'
INTERIM = b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{"a": 1}'
CLOSING = b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 8\r\n\r\n{"a": 1}'
OLD = b'HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}'

Serve = Callable[..., tuple[JsonService, ScriptedServer]]


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No pause is waited for; how long each would have been at most."""
    waited: list[float] = []
    monkeypatch.setattr("random.random", lambda: 1.0)
    monkeypatch.setattr("time.sleep", waited.append)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return waited


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    servers: list[ScriptedServer] = []

    def begin(*script: Act, tls: ssl.SSLContext | None = None) -> tuple[JsonService, ScriptedServer]:
        server = ScriptedServer(*script, tls=tls)
        servers.append(server)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
        service = JsonService.of(DYNAMODB)
        assert service is not None
        return service, server

    yield begin
    for each in servers:
        each.close()


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < ends
        threading.Event().wait(0.005)


def test_calls_are_signed_requests_over_one_connection(serve: Serve) -> None:
    service, server = serve(answer({"Item": 1}), answer({"Item": 2}))
    assert service.call("GetItem", {"TableName": "t"}) == {"Item": 1}
    assert service.call("PutItem", {"Data": b"\x00\xff"}) == {"Item": 2}
    assert server.connections == 1
    (first, body), (_, second) = server.requests
    assert first["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert first["content-type"] == "application/x-amz-json-1.0"
    assert first["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIATEST/")
    assert (body, second) == (b'{"TableName":"t"}', b'{"Data":"AP8="}')


def test_credentials_that_are_renewed_sign_the_next_call(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    service, server = serve(answer({}), answer({}))
    service.call("GetItem", {})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIANEW")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a session")
    service.call("GetItem", {})
    assert "x-amz-security-token" not in server.requests[0][0]
    renewed = server.requests[1][0]
    assert renewed["x-amz-security-token"] == "a session"
    assert "Credential=ASIANEW/" in renewed["authorization"]


def test_a_connection_that_the_server_closed_while_it_was_idle_is_not_used(
    serve: Serve, pauses: list[float]
) -> None:
    service, server = serve(answer({"a": 1}), answer({"a": 2}))
    service.call("GetItem", {})
    server.hang_up_on_all()
    until(lambda: not service._wire._idle[0].is_quiet())
    assert service.call("PutItem", {}) == {"a": 2}
    assert (server.connections, len(server.requests), pauses) == (2, 2, []), "nothing was sent twice"


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_what_a_server_sends_beyond_its_answer_is_not_the_next_one(
    serve: Serve, tls: tuple[ssl.SSLContext, Path], secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 9}'
    twice = raw(b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}' + another)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tls[1]))
    service, server = serve(twice, answer({"a": 2}), tls=tls[0] if secure else None)
    assert [service.call("GetItem", {})["a"] for _ in range(2)] == [1, 2]
    assert server.connections == 2


def test_a_call_whose_connection_is_lost_is_made_again_after_a_pause(serve: Serve, pauses: list[float]) -> None:
    service, server = serve(answer({"a": 1}), hang_up, hang_up, answer({"a": 2}))
    service.call("GetItem", {})
    assert service.call("PutItem", {"x": 1}) == {"a": 2}
    assert [body for _, body in server.requests[1:]] == [b'{"x":1}'] * 3
    assert pauses == [0.05, 0.1]


def test_an_answer_that_breaks_off_is_asked_for_again(serve: Serve) -> None:
    half = raw(b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a"', keep=False)
    in_the_headers = raw(b"HTTP/1.1 200 OK\r\nContent-Le", keep=False)
    service, _ = serve(half, in_the_headers, answer({"a": 2}))
    assert service.call("GetItem", {}) == {"a": 2}


def test_after_three_tries_the_failure_is_told_as_botocore_tells_it(serve: Serve) -> None:
    service, server = serve(hang_up, hang_up, hang_up, answer({}))
    with pytest.raises(exceptions.ConnectionClosedError):
        service.call("GetItem", {})
    assert len(server.requests) == 3


def test_nobody_at_home(serve: Serve) -> None:
    service, server = serve()
    server.close()
    with pytest.raises(exceptions.EndpointConnectionError):
        service.call("GetItem", {})


def test_silence_is_waited_for_no_longer_than_the_service_s_limit(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, server = serve(silence(5), silence(5), silence(5))
    impatient = json_service.Service("dynamodb", "X", "1.0", "AWS_ENDPOINT_URL_DYNAMODB", 0.05)
    service = JsonService(impatient, "us-east-1", wire.Wire(server.url))
    started = time.monotonic()
    with pytest.raises(exceptions.ReadTimeoutError):
        service.call("GetItem", {})
    assert time.monotonic() - started < 2


def test_no_try_follows_when_the_pause_would_outlast_the_deadline(serve: Serve) -> None:
    service, server = serve(answer({}, 503), answer({}))
    with deadline.within(0.04), pytest.raises(deadline.DeadlineExceeded):
        service.call("GetItem", {})
    assert len(server.requests) <= 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_tried_again(serve: Serve, status: int) -> None:
    service, _ = serve(answer({}, status), answer(b"<html>", status), answer({"a": 1}))
    assert service.call("GetItem", {}) == {"a": 1}


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException"])
def test_throttling_is_tried_again_after_longer(serve: Serve, code: str, pauses: list[float]) -> None:
    refused = answer({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "slower"}, 400)
    service, _ = serve(refused, answer({"a": 1}))
    assert service.call("GetItem", {}) == {"a": 1}
    assert pauses == [1.0]


def test_a_refusal_is_told_as_botocore_tells_it_and_at_once(serve: Serve) -> None:
    refused = {
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
        "Item": {"a": {"S": "b"}},
    }
    service, server = serve(answer(refused, 400, x_amzn_RequestId="R1"))
    with pytest.raises(ClientError) as caught:
        service.call("PutItem", {})
    told: Any = caught.value.response
    assert told["Error"] == {
        "Code": "ConditionalCheckFailedException",
        "Message": "The conditional request failed",
    }
    assert told["Item"] == {"a": {"S": "b"}}
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert told["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"] == "R1"
    assert caught.value.operation_name == "PutItem"
    assert len(server.requests) == 1


def test_an_answer_that_fails_its_checksum_is_asked_for_again_and_never_taken(serve: Serve) -> None:
    spoilt = answer({"a": 1}, x_amz_crc32="1")
    service, _ = serve(spoilt, answer({"a": 2}), spoilt, spoilt, spoilt)
    assert service.call("GetItem", {}) == {"a": 2}
    with pytest.raises(ClientError):
        service.call("GetItem", {})


@pytest.mark.parametrize("sent", [CHUNKED, UNTIL_THE_END, INTERIM, CLOSING, OLD], ids=repr)
def test_an_answer_may_have_any_form_of_http(serve: Serve, sent: bytes) -> None:
    closes = sent in (UNTIL_THE_END, CLOSING, OLD)
    service, server = serve(raw(sent, keep=not closes), answer({"a": 2}))
    assert service.call("GetItem", {}) == {"a": 1}
    assert service.call("GetItem", {}) == {"a": 2}
    assert server.connections == (2 if closes else 1)


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300,
    ],
    ids=lambda sent: repr(sent[:50]),
)
def test_what_is_no_answer_is_a_failure(serve: Serve, sent: bytes) -> None:
    service, _ = serve(*[raw(sent, keep=False)] * 3)
    with pytest.raises(exceptions.HTTPClientError):
        service.call("GetItem", {})


def test_threads_get_each_their_own_answer(serve: Serve) -> None:
    service, server = serve(*[echo] * 400)
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda number: service.call("GetItem", {"n": number})["n"], range(400)))
    assert numbers == list(range(400))
    assert server.connections <= 8


def test_a_half_of_a_surrogate_pair_reaches_the_service(serve: Serve) -> None:
    service, server = serve(answer(b'{"a": "\\ud800"}'))
    assert service.call("GetItem", {"x": "\ud800"}) == {"a": "\ud800"}
    assert server.requests[0][1] == b'{"x": "\\ud800"}'


@pytest.mark.parametrize(
    "url", ["ftp://a", "http://", "http://a:99999", "http://a:b", "http://[::1", "http://a/?b", "http://a/#b"]
)
def test_what_is_no_endpoint_is_named_as_such(url: str) -> None:
    with pytest.raises(Misconfigured, match="AWS endpoint"):
        wire.Wire(url)


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server with a certificate for 127.0.0.1 needs, and the authority that signed it."""
    authority = Authority("tests")
    certificate, key = authority.issue("127.0.0.1")
    (tmp_path / "server.pem").write_bytes(certificate + key)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return context, tmp_path / "ca.pem"


def test_the_named_authority_s_certificate_is_accepted(
    serve: Serve, tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tls[1]))
    service, server = serve(answer({"a": 1}), answer({"a": 2}), tls=tls[0])
    assert [service.call("GetItem", {})["a"] for _ in range(2)] == [1, 2]
    assert server.connections == 1


def test_a_stranger_s_certificate_is_not(serve: Serve, tls: tuple[ssl.SSLContext, Path]) -> None:
    service, server = serve(answer({}), tls=tls[0])
    with pytest.raises(exceptions.SSLError):
        service.call("GetItem", {})
    assert server.requests == []


def test_a_certificate_of_another_name_is_not(
    serve: Serve, tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, server = serve(answer({}), tls=tls[0])
    elsewhere = wire.Wire(server.url.replace("127.0.0.1", "localhost"), str(tls[1]))
    with pytest.raises(exceptions.SSLError):
        JsonService(DYNAMODB, "us-east-1", elsewhere).call("GetItem", {})
    assert server.requests == []


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_ACCESS_KEY_ID": ""},
        {"AWS_SECRET_ACCESS_KEY": ""},
        {"AWS_PROFILE": "someone"},
        {"AWS_DEFAULT_REGION": ""},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "True"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        {"HTTPS_PROXY": "http://proxy:3128"},
    ],
    ids=str,
)
def test_what_only_botocore_knows_is_left_to_it(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(name, raising=False)
    assert JsonService.of(DYNAMODB) is not None
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert JsonService.of(DYNAMODB) is None
    assert JsonService.of(SECRETS_MANAGER) is None
