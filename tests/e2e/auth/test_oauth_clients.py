"""Clients that nobody here wrote log in, and verify, introspect and revoke: requests-oauthlib, authlib, PyJWT.

The issuer of a local stack is the address at which its API answers.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import jwt
import pytest
import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.jwk import ECKey, OKPKey, RSAKey
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as RequestsOAuthlibSession

from tests.e2e.archive import TIMEOUT_SECONDS, Archive, eventually
from tests.e2e.service_accounts import ServiceAccounts, TestClient

ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")


class SigningClient(TestClient):
    """A client that signs assertions with a key of its own."""

    key: Any
    algorithm: str

    def __init__(self, accounts: ServiceAccounts, algorithm: str) -> None:
        self.__dict__.update(key=_key(algorithm), algorithm=algorithm)
        public = self.key.as_dict(private=False) | {"kid": f"key-{uuid.uuid4()}"}
        made = accounts.create("ADMIN", jwks={"keys": [public]})
        super().__init__(made.client_id, made.client_secret)

    def session(self, audience: str) -> OAuth2Session:
        """Give a session that authenticates with assertions for ``audience``."""
        session = OAuth2Session(
            self.client_id,
            self.key,
            token_endpoint_auth_method="private_key_jwt",
            revocation_endpoint_auth_method="private_key_jwt",
            default_timeout=TIMEOUT_SECONDS,
        )
        session.register_client_auth_method(PrivateKeyJWT(audience, alg=self.algorithm))
        return session


def _key(algorithm: str) -> Any:
    if algorithm == "RS256":
        return RSAKey.import_key(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    if algorithm == "ES256":
        return ECKey.import_key(ec.generate_private_key(ec.SECP256R1()))
    return OKPKey.import_key(ed25519.Ed25519PrivateKey.generate())


@pytest.fixture(scope="module")
def endpoints(archive: Archive) -> dict[str, str]:
    base = f"{archive.api_url}/api/v1/auth"
    return {name: f"{base}/{name}" for name in ("token", "introspect", "revoke")}


@pytest.fixture(scope="module", params=METHODS)
def authlib_session(request: pytest.FixtureRequest, accounts: ServiceAccounts, issuer: str) -> OAuth2Session:
    """A session of authlib, once for each way to authenticate."""
    if request.param == "private_key_jwt":
        return SigningClient(accounts, "RS256").session(issuer)
    client = accounts.create("ADMIN")
    return OAuth2Session(
        client.client_id,
        client.client_secret,
        token_endpoint_auth_method=request.param,
        revocation_endpoint_auth_method=request.param,
        default_timeout=TIMEOUT_SECONDS,
    )


@pytest.mark.parametrize("in_body", [False, True], ids=["client_secret_basic", "client_secret_post"])
def test_requests_oauthlib_logs_in_and_calls(
    archive: Archive, accounts: ServiceAccounts, endpoints: dict[str, str], in_body: bool
) -> None:
    client = accounts.create("READONLY")
    session = RequestsOAuthlibSession(client=BackendApplicationClient(client_id=client.client_id))
    token = session.fetch_token(
        endpoints["token"],
        client_secret=client.client_secret,
        include_client_id=in_body,
        auth=None if in_body else HTTPBasicAuth(client.client_id, client.client_secret),
        timeout=TIMEOUT_SECONDS,
    )
    assert (token["token_type"], token["scope"]) == ("Bearer", ["files:read"])
    answer = session.get(f"{archive.api_url}/api/v1/files", timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200


def test_authlib_logs_in_and_calls(
    archive: Archive, authlib_session: OAuth2Session, endpoints: dict[str, str]
) -> None:
    token = authlib_session.fetch_token(endpoints["token"], scope="files:read accounts:admin")
    assert token["token_type"] == "Bearer"
    assert set(token["scope"].split()) == {"files:read", "accounts:admin"}
    for path in ("/api/v1/files", "/api/v1/service-accounts"):
        assert authlib_session.get(archive.api_url + path).status_code == 200
    assert authlib_session.post(f"{archive.api_url}/api/v1/files", json={}).status_code == 403


def test_authlib_introspects_and_revokes(authlib_session: Any, endpoints: dict[str, str]) -> None:
    token = authlib_session.fetch_token(endpoints["token"], scope="files:read")["access_token"]

    def introspect() -> dict[str, Any]:
        answer = authlib_session.introspect_token(endpoints["introspect"], token, "access_token")
        assert answer.status_code == 200, answer.text
        described: dict[str, Any] = answer.json()
        return described

    described = introspect()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert described["active"] is True
    assert described["token_type"] == "Bearer"
    for name in ("scope", "client_id", "sub", "iss", "aud", "jti", "iat", "exp"):
        assert described[name] == claims[name]
    for _ in range(2):  # RFC 7009 §2.2: a token that is revoked already is no error
        assert authlib_session.revoke_token(endpoints["revoke"], token, "access_token").status_code == 200
    # Another process of the function knows it after the revocation delay.
    assert eventually(lambda: introspect() == {"active": False} or None, 45)


def test_authlib_tells_the_errors_of_the_rfc_apart(
    authlib_session: OAuth2Session, endpoints: dict[str, str]
) -> None:
    with pytest.raises(OAuthError) as refusal:
        authlib_session.fetch_token(endpoints["token"], scope="files:fly")
    assert refusal.value.error == "invalid_scope"
    with pytest.raises(OAuthError) as refusal:
        authlib_session.fetch_token(endpoints["token"], grant_type="urn:example:other")
    assert refusal.value.error == "unsupported_grant_type"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_assertion_may_be_signed_with_each_algorithm(
    accounts: ServiceAccounts, issuer: str, endpoints: dict[str, str], algorithm: str
) -> None:
    token = SigningClient(accounts, algorithm).session(issuer).fetch_token(endpoints["token"])
    assert token["access_token"]


def test_an_assertion_for_another_audience_or_from_another_key_is_refused(
    accounts: ServiceAccounts, issuer: str, endpoints: dict[str, str]
) -> None:
    client = SigningClient(accounts, "ES256")
    for audience in (endpoints["token"], f"{issuer}/api/v1/auth/token", "https://another.example"):
        with pytest.raises(OAuthError) as refusal:
            client.session(audience).fetch_token(endpoints["token"])
        assert refusal.value.error == "invalid_client"
    client.__dict__["key"] = _key("ES256")
    with pytest.raises(OAuthError) as refusal:
        client.session(issuer).fetch_token(endpoints["token"])
    assert refusal.value.error == "invalid_client"


@pytest.mark.lacking("localstack", "what lies before the path of an issuer is not the API's there")
def test_authlib_needs_the_issuer_alone(accounts: ServiceAccounts, issuer: str) -> None:
    client = accounts.create("ADMIN")
    answer = requests.get(get_well_known_url(issuer, external=True), timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200, answer.text
    metadata = answer.json()
    assert metadata["issuer"] == issuer
    session = OAuth2Session(client.client_id, client.client_secret, default_timeout=TIMEOUT_SECONDS)
    token = session.fetch_token(metadata["token_endpoint"])["access_token"]
    keys = requests.get(metadata["jwks_uri"], timeout=TIMEOUT_SECONDS).json()
    resource_server = ResourceServer(issuer, keys)
    resource_server.validate_token(resource_server.authenticate_token(token), ["accounts:admin"], None)
    told = session.introspect_token(metadata["introspection_endpoint"], token=token).json()
    assert (told["active"], told["iss"]) == (True, issuer)
    revoked = session.revoke_token(metadata["revocation_endpoint"], token=token)  # type: ignore[no-untyped-call]
    assert revoked.status_code == 200


def test_the_issuer_is_the_address_at_which_the_api_answers(archive: Archive, issuer: str) -> None:
    token = archive.session("files:read").token["access_token"]
    assert issuer == archive.api_url
    assert jwt.decode(token, options={"verify_signature": False})["iss"] == issuer


def test_the_metadata_is_what_authlib_takes_for_an_authorization_server(
    archive: Archive, issuer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = archive.anonymous("GET", "/.well-known/oauth-authorization-server")
    assert answer.headers["Content-Type"] == "application/json"
    metadata = answer.json()
    # Without an authorization endpoint there is no response type; authlib takes an empty list for none.
    assert metadata["response_types_supported"] == []
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    AuthorizationServerMetadata(metadata | {"response_types_supported": ["none"]}).validate()
    assert metadata["token_endpoint_auth_methods_supported"] == list(METHODS)
    for name in ("token_endpoint", "jwks_uri", "introspection_endpoint", "revocation_endpoint"):
        assert metadata[name].startswith(issuer.rstrip("/") + "/")


def test_the_endpoints_in_the_metadata_are_there(archive: Archive) -> None:
    metadata = archive.anonymous("GET", "/.well-known/oauth-authorization-server").json()
    assert requests.get(metadata["jwks_uri"], timeout=TIMEOUT_SECONDS).status_code == 200
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint"):
        answer = requests.post(metadata[name], data={"a": "b"}, timeout=TIMEOUT_SECONDS)
        assert answer.json()["error"] == "invalid_client"


class ResourceServer(JWTBearerTokenValidator):
    """A resource server of authlib that trusts an issuer's published keys (RFC 9068 §4)."""

    def __init__(self, issuer: str, jwks: dict[str, Any]) -> None:
        super().__init__(issuer, issuer)
        self._jwks = jwks

    def get_jwks(self) -> dict[str, Any]:
        return self._jwks


def test_authlib_accepts_the_token_as_one_of_rfc_9068(archive: Archive, issuer: str) -> None:
    jwks = archive.anonymous("GET", "/.well-known/jwks.json").json()
    token = archive.session("files:read").token["access_token"]
    resource_server = ResourceServer(issuer, jwks)
    claims = resource_server.authenticate_token(token)
    resource_server.validate_token(claims, ["files:read"], None)
    assert claims["client_id"] == claims["sub"] == archive.client_id


def test_pyjwt_finds_the_key_and_verifies_the_token(archive: Archive, issuer: str) -> None:
    token = archive.session("files:read").token["access_token"]
    keys = jwt.PyJWKClient(f"{archive.api_url}/.well-known/jwks.json")
    assert len(keys.get_signing_keys()) >= 2, "the key that signs and the next one"
    key = keys.get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=[key.algorithm_name], audience=issuer, issuer=issuer)
    assert claims["scope"] == "files:read"
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"


def test_the_key_set_shows_no_private_member(archive: Archive) -> None:
    answer = archive.anonymous("GET", "/.well-known/jwks.json")
    for key in answer.json()["keys"]:
        assert not {"d", "p", "q", "dp", "dq", "qi", "k", "oth"} & set(key), json.dumps(sorted(key))
        assert key["use"] == "sig"
