"""RFC 6749 §5.2 over HTTP: malformed requests are refused as API Gateway and Lambda hand them on.

API Gateway gives functions text: of bytes that are not UTF-8 it makes replacement characters before anyone here
can see them, so those rows are for the tests in process alone.
"""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest
import requests

from tests.e2e.archive import TIMEOUT_SECONDS, Archive
from tests.e2e.service_accounts import ServiceAccounts, TestClient
from tests.support.authorization.malformed import (
    BADLY_ENCODED,
    CLIENT,
    DOCUMENTS,
    FORM,
    FORMS,
    JSON,
    REQUIRED,
    WELL_FORMED,
    basic,
    fill,
)


@pytest.fixture(scope="module")
def client(accounts: ServiceAccounts) -> TestClient:
    return accounts.create("READONLY")


def ask(
    archive: Archive, client: TestClient, endpoint: str, body: bytes, media_type: str = FORM
) -> requests.Response:
    headers = {"Content-Type": media_type, "Authorization": basic(client.client_id, client.client_secret)}
    body = body.replace(CLIENT.encode(), client.client_id.encode())
    return archive.anonymous("POST", f"/api/v1/auth/{endpoint}", data=body, headers=headers)


def told(answer: requests.Response) -> tuple[int, str]:
    """Give status and code of an error in the form of the RFC."""
    assert answer.headers.get("Content-Type") == JSON
    assert answer.headers.get("Cache-Control") == "no-store"
    body = answer.json()
    assert set(body) == {"error", "error_description", "request_id"}
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return answer.status_code, body["error"]


def assert_refused(
    archive: Archive, client: TestClient, endpoint: str, bodies: dict[str, bytes], media_type: str
) -> None:
    sent = {what: body for what, body in bodies.items() if is_text(body)}
    assert len(sent) > len(bodies) / 2
    answers = {what: ask(archive, client, endpoint, body, media_type) for what, body in sent.items()}
    passed = {what: answer.text for what, answer in answers.items() if answer.status_code == 200}
    assert passed == {}
    for what, answer in answers.items():
        assert told(answer) == (400, "invalid_request"), what


def is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("endpoint", REQUIRED)
def test_every_malformed_form_is_an_invalid_request(archive: Archive, client: TestClient, endpoint: str) -> None:
    bodies = {what: fill(form, endpoint) for what, form in FORMS.items() if what not in BADLY_ENCODED}
    assert_refused(archive, client, endpoint, bodies, FORM)


@pytest.mark.lacking("localstack", "its gateway reads forms and writes them anew, so bad encoding never arrives")
@pytest.mark.parametrize("endpoint", REQUIRED)
def test_every_badly_encoded_form_is_an_invalid_request(
    archive: Archive, client: TestClient, endpoint: str
) -> None:
    bodies = {what: fill(form, endpoint) for what, form in BADLY_ENCODED.items()}
    assert_refused(archive, client, endpoint, bodies, FORM)


@pytest.mark.parametrize("endpoint", REQUIRED)
def test_every_malformed_json_body_is_an_invalid_request(
    archive: Archive, client: TestClient, endpoint: str
) -> None:
    bodies = {what: body if isinstance(body, bytes) else body.encode() for what, body in DOCUMENTS.items()}
    assert_refused(archive, client, endpoint, bodies, JSON)


@pytest.mark.parametrize("endpoint", REQUIRED)
def test_every_well_formed_request_is_answered(archive: Archive, client: TestClient, endpoint: str) -> None:
    for what, form in WELL_FORMED.items():
        answer = ask(archive, client, endpoint, fill(form, endpoint))
        assert answer.status_code == 200, f"{what}: {answer.text}"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["RateLimit-Limit"] == "100000"


@pytest.mark.parametrize("endpoint", REQUIRED)
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-form"])
def test_another_content_type_is_an_invalid_request(
    archive: Archive, client: TestClient, endpoint: str, media_type: str
) -> None:
    body = REQUIRED[endpoint].encode()
    assert told(ask(archive, client, endpoint, body, media_type)) == (400, "invalid_request")


@pytest.mark.parametrize("endpoint", REQUIRED)
def test_a_multipart_form_is_an_invalid_request(archive: Archive, client: TestClient, endpoint: str) -> None:
    name, _, value = REQUIRED[endpoint].partition("=")
    body = f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n--x--\r\n'.encode()
    told_by = ask(archive, client, endpoint, body, "multipart/form-data; boundary=x")
    assert told(told_by) == (400, "invalid_request")


@pytest.mark.lacking("localstack", "its gateway answers a multipart form without an end by itself, with nothing")
@pytest.mark.parametrize("endpoint", REQUIRED)
def test_a_multipart_form_without_an_end_is_an_invalid_request(
    archive: Archive, client: TestClient, endpoint: str
) -> None:
    body = REQUIRED[endpoint].encode()
    told_by = ask(archive, client, endpoint, body, "multipart/form-data; boundary=x")
    assert told(told_by) == (400, "invalid_request")


@pytest.mark.parametrize("endpoint", REQUIRED)
def test_a_request_without_a_body_is_an_invalid_request(
    archive: Archive, client: TestClient, endpoint: str
) -> None:
    assert told(ask(archive, client, endpoint, b"")) == (400, "invalid_request")


@pytest.mark.parametrize("endpoint", REQUIRED)
def test_a_body_sent_in_chunks_is_read_whole(archive: Archive, client: TestClient, endpoint: str) -> None:
    headers = {"Content-Type": FORM, "Authorization": basic(client.client_id, client.client_secret)}
    chunks = iter([b"x=1&", REQUIRED[endpoint].encode(), b"&y=2"])
    answer = archive.anonymous("POST", f"/api/v1/auth/{endpoint}", data=chunks, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("endpoint", REQUIRED)
def test_authorization_sent_twice_is_no_error_of_the_server(
    archive: Archive, client: TestClient, endpoint: str
) -> None:
    """The gateway hands on one field (the first or the last), and that one alone is looked at."""
    target = urlsplit(archive.api_url)
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(target.hostname), target.port, timeout=TIMEOUT_SECONDS)
    body = REQUIRED[endpoint].encode()
    try:
        connection.putrequest("POST", f"{target.path}/api/v1/auth/{endpoint}")
        connection.putheader("Authorization", basic(client.client_id, client.client_secret))
        connection.putheader("Authorization", "Bearer x.y.z")
        connection.putheader("Content-Type", FORM)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        assert connection.getresponse().status in (200, 400, 401)
    finally:
        connection.close()
