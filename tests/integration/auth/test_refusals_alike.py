"""No refusal tells whether a client exists: not by its text, not by its calls, not by its time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import pytest
from moto import mock_aws

from artstore.tables import AccountSecret, ServiceAccount, bind
from functions.auth.accounts.table import ServiceAccounts
from functions.auth.secrets import SecretVerifier, hash_secret
from functions.auth.tokens.attempts import Attempts
from functions.auth.tokens.authentication import ClientAuthenticator
from functions.auth.tokens.check_in import AccountDesk
from functions.auth.tokens.oauth_errors import OAuthError
from functions.auth.tokens.requests import SecretCredentials
from tests.support.dynamodb import count_calls, create_tables

COST = 8
ROUNDS = 25


@pytest.fixture
def authenticator(monkeypatch: pytest.MonkeyPatch) -> Iterator[ClientAuthenticator]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        create_tables("moto")
        known = bind(ServiceAccount, "moto")("sa_known", username="robot", role="USER", created_at="x")
        known.secrets = [AccountSecret(hash=hash_secret("right", COST), created_at="2026-01-01T00:00:00Z")]
        known.save()
        suspended = bind(ServiceAccount, "moto")("sa_suspended", username="robot", role="USER", created_at="x")
        suspended.status, suspended.secrets = "SUSPENDED", known.secrets
        suspended.save()
        yield ClientAuthenticator(
            issuer="https://archive.example/v1",
            accounts=ServiceAccounts("moto"),
            desk=AccountDesk("moto"),
            attempts=Attempts("moto", per_client_and_address=10_000, per_address=10_000),
            secrets=SecretVerifier(COST),
            requests_per_minute=10_000,
        )


def refuse(authenticator: ClientAuthenticator, client_id: str, secret: str) -> str:
    with pytest.raises(OAuthError) as refusal:
        authenticator.authenticate(SecretCredentials(client_id, secret), "192.0.2.1")
    return f"{refusal.value.code}: {refusal.value.detail}"


REFUSED = [("sa_unknown", "x"), ("sa_known", "wrong"), ("sa_suspended", "right")]


def test_every_refusal_says_the_same(authenticator: ClientAuthenticator) -> None:
    assert len({refuse(authenticator, *credentials) for credentials in REFUSED}) == 1


def test_every_refusal_makes_the_same_calls(authenticator: ClientAuthenticator) -> None:
    seen = []
    for credentials in REFUSED:
        with count_calls() as calls:
            refuse(authenticator, *credentials)
        seen.append(list(calls))
    assert seen[0] == seen[1] == seen[2] == ["dynamodb.GetItem", *["dynamodb.UpdateItem"] * 2]


def test_refusals_take_the_same_time(authenticator: ClientAuthenticator) -> None:
    """Medians of interleaved rounds, in the processor's time, which others at work on the machine do not change.

    A refusal that compares one hash fewer would take half of it.
    """
    times: dict[str, list[float]] = {client_id: [] for client_id, _ in REFUSED}
    for round_number in range(ROUNDS + 2):
        for client_id, secret in REFUSED:
            started = time.process_time()
            refuse(authenticator, client_id, secret)
            if round_number >= 2:
                times[client_id].append(time.process_time() - started)
    medians = [statistics.median(taken) for taken in times.values()]
    assert max(medians) / min(medians) < 1.4, {name: statistics.median(taken) for name, taken in times.items()}
