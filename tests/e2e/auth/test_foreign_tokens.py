"""No function accepts a token that is tampered with, unsigned, foreign, expired, not yet valid or not for it."""

from __future__ import annotations

import json

import boto3
import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from infra.local.state import StackFile
from tests.e2e.archive import Archive, eventually
from tests.e2e.forge import Forge
from tests.e2e.service_accounts import ServiceAccounts, TestClient

ROUTES = {
    "auth": ("GET", "/api/v1/service-accounts"),
    "upload": ("POST", "/api/v1/files"),
    "query": ("GET", "/api/v1/files"),
}


@pytest.fixture(scope="module")
def client(accounts: ServiceAccounts) -> TestClient:
    return accounts.create("ADMIN")


@pytest.fixture(scope="module")
def forge(archive: Archive, stack: StackFile, client: TestClient) -> Forge:
    """A forger who has stolen the key that signed a real token."""
    own = Archive(archive.api_url, client.client_id, client.client_secret)
    secrets = boto3.client(
        "secretsmanager",
        endpoint_url=stack.aws_endpoint,
        region_name=stack.region,
        aws_access_key_id=stack.aws_access_key_id,
        aws_secret_access_key=stack.aws_secret_access_key,
    )
    published = {key["kid"]: key for key in archive.anonymous("GET", "/.well-known/jwks.json").json()["keys"]}

    def look() -> Forge | None:
        """Just after a rotation a process may sign with a key whose private half is gone already."""
        ring = json.loads(secrets.get_secret_value(SecretId=f"{stack.prefix}/signing-key")["SecretString"])
        token = own.session().token["access_token"]
        kid = jwt.get_unverified_header(token)["kid"]
        [key] = [each["private_key"] for each in ring["keys"] if each["kid"] == kid]
        return Forge(token, load_pem_private_key(key.encode(), None), published[kid]) if key else None

    return eventually(look, 90)


def present(archive: Archive, function: str, token: str) -> requests.Response:
    method, path = ROUTES[function]
    return archive.anonymous(method, path, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("function", ROUTES)
def test_the_forgers_tokens_would_do_if_nothing_were_wrong_with_them(
    archive: Archive, forge: Forge, function: str
) -> None:
    for token in (forge.real, forge.sign(), forge.sign(header={"typ": "application/at+jwt"})):
        assert present(archive, function, token).status_code in (200, 415)


@pytest.mark.parametrize("function", ROUTES)
def test_every_function_refuses_every_forged_token_alike(archive: Archive, forge: Forge, function: str) -> None:
    forged = forge.forged()
    assert len(forged) > 70
    accepted, told = [], set()
    for what, token in forged.items():
        answer = present(archive, function, token)
        if answer.status_code != 401:
            accepted.append((what, answer.status_code, answer.text))
            continue
        assert answer.headers["Content-Type"] == "application/problem+json"
        told.add((answer.headers["WWW-Authenticate"], answer.json()["code"], answer.json()["detail"]))
    assert accepted == []
    assert len(told) == 1, "a refusal does not say what was wrong"
    assert 'error="invalid_token"' in told.pop()[0]


def test_no_forged_token_is_active(archive: Archive, forge: Forge, client: TestClient) -> None:
    def ask(token: str) -> requests.Response:
        auth = (client.client_id, client.client_secret)
        return archive.anonymous("POST", "/api/v1/auth/introspect", data={"token": token}, auth=auth)

    assert ask(forge.sign()).json()["active"] is True
    for what, token in forge.forged().items():
        answer = ask(token)
        assert (answer.status_code, answer.json()) == (200, {"active": False}), what


def test_no_forged_token_can_be_revoked_and_none_ends_a_real_one(
    archive: Archive, forge: Forge, client: TestClient
) -> None:
    auth = (client.client_id, client.client_secret)
    for what in ("claims changed", "alg 'none'", "foreign key under our kid", "signature changed"):
        token = forge.forged()[what]
        answer = archive.anonymous("POST", "/api/v1/auth/revoke", data={"token": token}, auth=auth)
        assert answer.status_code == 200, "RFC 7009 §2.2"
    assert present(archive, "auth", forge.real).status_code == 200


@pytest.mark.parametrize("function", ROUTES)
@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "bearer", "Basic {token}", "Token {token}", "{token}", "Bearer {token} {token}"],
)
def test_a_token_counts_only_where_rfc_6750_has_it(
    archive: Archive, forge: Forge, function: str, authorization: str
) -> None:
    method, path = ROUTES[function]
    headers = {"Authorization": authorization.format(token=forge.real)}
    assert archive.anonymous(method, path, headers=headers).status_code == 401


@pytest.mark.parametrize("function", ROUTES)
def test_a_token_in_the_query_or_in_the_body_is_not_looked_at(
    archive: Archive, forge: Forge, function: str
) -> None:
    method, path = ROUTES[function]
    given = {"access_token": forge.real}
    assert archive.anonymous(method, path, params=given).status_code == 401
    assert archive.anonymous(method, path, data=given).status_code == 401
