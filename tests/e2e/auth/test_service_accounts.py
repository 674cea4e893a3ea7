"""The life of a service account, as its administrator and its owner see it over HTTP."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.e2e.archive import TIMEOUT_SECONDS, Archive, eventually
from tests.e2e.operator import Operator

ACCOUNTS = "/api/v1/service-accounts"
REVOCATION_SECONDS = 60
"""Longer than a revoked token may still pass."""


class Administrator:
    """What an administrator does."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def create(self, **fields: Any) -> dict[str, Any]:
        asked = {"name": f"robot {uuid.uuid4().hex[:8]}", "role": "USER"} | fields
        answer = self._archive.request("POST", ACCOUNTS, json=asked)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def get(self, path: str = "", **parameters: Any) -> requests.Response:
        return self._archive.request("GET", ACCOUNTS + path, params=parameters)

    def change(self, client_id: str, if_match: str | None = "*", **fields: Any) -> requests.Response:
        headers = {} if if_match is None else {"If-Match": if_match}
        return self._archive.request("PATCH", f"{ACCOUNTS}/{client_id}", json=fields, headers=headers)

    def delete(self, client_id: str, if_match: str | None = "*") -> requests.Response:
        headers = {} if if_match is None else {"If-Match": if_match}
        return self._archive.request("DELETE", f"{ACCOUNTS}/{client_id}", headers=headers)

    def restore(self, client_id: str) -> requests.Response:
        return self._archive.request("POST", f"{ACCOUNTS}/{client_id}/restore")

    def rotate(self, client_id: str, **fields: Any) -> requests.Response:
        return self._archive.request("POST", f"{ACCOUNTS}/{client_id}/rotate-secret", json=fields)

    def audit(self, **parameters: Any) -> list[dict[str, Any]]:
        answer = self._archive.request("GET", "/api/v1/audit", params=parameters)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@pytest.fixture(scope="module")
def administrator(archive: Archive) -> Administrator:
    return Administrator(archive)


def ask(archive: Archive, client_id: str, secret: str, scope: str | None = None) -> requests.Response:
    return requests.post(
        f"{archive.api_url}/api/v1/auth/token",
        data={"grant_type": "client_credentials"} | ({"scope": scope} if scope else {}),
        auth=(client_id, secret),
        timeout=TIMEOUT_SECONDS,
    )


def token(archive: Archive, account: dict[str, Any]) -> str:
    answer = ask(archive, account["client_id"], account["client_secret"])
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def call(archive: Archive, bearer: str, method: str = "GET", path: str = "/api/v1/files", **arguments: Any) -> int:
    headers = {"Authorization": f"Bearer {bearer}"} | arguments.pop("headers", {})
    return archive.anonymous(method, path, headers=headers, **arguments).status_code


def test_the_whole_life_of_an_account(archive: Archive, administrator: Administrator) -> None:
    account = administrator.create(description="end to end")
    client_id, secret = account["client_id"], account["client_secret"]
    assert ask(archive, client_id, secret, "files:write").json()["scope"] == "files:write"

    # Demoted: what it may no longer do is refused at once.
    changed = administrator.change(client_id, '"1"', role="READONLY")
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert ask(archive, client_id, secret, "files:write").json()["error"] == "invalid_scope"
    assert ask(archive, client_id, secret).json()["scope"] == "files:read"

    # Rotated: both secrets work in the overlap.
    new = administrator.rotate(client_id, overlap_hours=1).json()["client_secret"]
    assert [ask(archive, client_id, each).status_code for each in (secret, new)] == [200, 200]
    newest = administrator.rotate(client_id, overlap_hours=0).json()["client_secret"]
    assert [ask(archive, client_id, each).status_code for each in (secret, new, newest)] == [401, 401, 200]

    # Deleted and restored: no new token in between, and afterwards the same secret.
    deleted = administrator.delete(client_id, '"4"')
    assert (deleted.status_code, deleted.json()["status"]) == (200, "DELETED")
    refused = ask(archive, client_id, newest)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    restored = administrator.restore(client_id)
    assert (restored.status_code, restored.json()["status"]) == (200, "ACTIVE")
    assert ask(archive, client_id, newest).status_code == 200


def test_a_suspended_account_gets_no_token_and_its_tokens_end(
    archive: Archive, administrator: Administrator
) -> None:
    account = administrator.create(role="READONLY")
    bearer = token(archive, account)

    def refused() -> bool | None:
        """Each environment learns of it by itself: not one refusal, but several in a row."""
        return all(call(archive, bearer) == 401 for _ in range(8)) or None

    assert call(archive, bearer) == 200
    administrator.change(account["client_id"], status="SUSPENDED")
    assert ask(archive, account["client_id"], account["client_secret"]).json()["error"] == "invalid_client"
    eventually(refused, REVOCATION_SECONDS)
    administrator.change(account["client_id"], status="ACTIVE")
    eventually(refused, REVOCATION_SECONDS)  # what was revoked stays so
    assert call(archive, token(archive, account)) == 200


def test_a_change_needs_the_present_etag_and_a_deletion_heeds_it(administrator: Administrator) -> None:
    client_id = administrator.create()["client_id"]
    assert administrator.change(client_id, None).status_code == 428
    for method in (administrator.change, administrator.delete):
        assert method(client_id, '"99"').status_code == 412
    etag = administrator.get(f"/{client_id}").headers["ETag"]
    assert administrator.change(client_id, etag, name="renamed").headers["ETag"] == '"2"'
    assert administrator.change(client_id, etag, name="again").status_code == 412
    assert administrator.delete(client_id, None).status_code == 200


def test_the_first_administrator_stays_what_it_is(archive: Archive, administrator: Administrator) -> None:
    for answer in (
        administrator.change(archive.client_id, role="READONLY"),
        administrator.change(archive.client_id, status="SUSPENDED"),
        administrator.change(archive.client_id, scopes=["files:read"]),
        administrator.delete(archive.client_id),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "system_account")


def test_an_account_that_only_reads_can_write_nothing(archive: Archive, administrator: Administrator) -> None:
    bearer = token(archive, administrator.create(role="READONLY"))
    for method, path in (
        ("POST", "/api/v1/files"),
        ("POST", ACCOUNTS),
        ("GET", ACCOUNTS),
        ("PATCH", f"{ACCOUNTS}/{archive.client_id}"),
        ("DELETE", f"{ACCOUNTS}/{archive.client_id}"),
        ("POST", f"{ACCOUNTS}/{archive.client_id}/rotate-secret"),
    ):
        assert call(archive, bearer, method, path, json={}, headers={"If-Match": "*"}) == 403


def test_what_an_account_cannot_be_is_refused(archive: Archive) -> None:
    for fields, code in (
        ({"role": "EMPEROR"}, "invalid_body"),
        ({"role": "USER", "scopes": ["accounts:admin"]}, "scope_outside_role"),
        ({"role": "USER", "jwks": {"keys": [{"kty": "oct", "k": "AAAA", "kid": "x"}]}}, "invalid_jwks"),
    ):
        answer = archive.request("POST", ACCOUNTS, json={"name": "x"} | fields)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_request_sent_twice_makes_one_account(archive: Archive) -> None:
    body, headers = {"name": "once", "role": "READONLY"}, {"Idempotency-Key": uuid.uuid4().hex}
    first, again = (archive.request("POST", ACCOUNTS, json=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"client_secret": None}


def test_accounts_are_listed_page_by_page_and_found_by_words(administrator: Administrator) -> None:
    mark = uuid.uuid4().hex
    made = {administrator.create(name=f"{mark} {number}", role="AUDITOR")["client_id"] for number in range(5)}
    seen: list[str] = []
    parameters: dict[str, Any] = {"limit": 2, "query": mark.upper(), "role": "AUDITOR"}
    while True:
        page = administrator.get(**parameters).json()
        seen += [item["client_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
    assert len(seen) == 5
    assert set(seen) == made
    assert administrator.get(query=mark, role="USER").json()["items"] == []
    assert administrator.get(query="other", cursor=parameters["cursor"]).json()["code"] == "invalid_cursor"


@pytest.mark.alone
def test_operators_are_told_once_of_a_secret_that_ends_soon(
    administrator: Administrator, operator: Operator
) -> None:
    client_id = administrator.create()["client_id"]
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="milliseconds")
    operator.dynamodb.update_item(
        TableName=f"{operator.prefix}-accounts",
        Key={"client_id": {"S": client_id}},
        UpdateExpression="SET secrets[0].expires_at = :soon",
        ExpressionAttributeValues={":soon": {"S": soon}},
    )

    def run() -> dict[str, Any]:
        answer = operator.functions.invoke(
            FunctionName=operator.function_names["auth-scheduled"],
            Payload=json.dumps({"task": "warn-expiring-secrets"}),
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
        outcome: dict[str, Any] = json.loads(answer["Payload"].read())
        return outcome

    first, again = run(), run()
    assert first["warned"] >= 1
    assert again["expiring"] == first["expiring"] >= 1
    assert again["warned"] == 0
    said = administrator.audit(object=f"service-account/{client_id}")
    assert [entry["action"] for entry in said] == ["secret.expiring", "service_account.created"]
