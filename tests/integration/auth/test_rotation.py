"""Rotating the signing keys against DynamoDB and Secrets Manager: races, crashes, and who may know which key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import jwt
import msgspec
import pytest

from artstore.errors import Conflict, Unavailable
from artstore.security import TableKeySource, TokenVerifier
from artstore.security.revocations import Revocations
from artstore.tables import SigningKeyRecord, bind
from functions.auth.keys.secret import KeySecret
from functions.auth.signing_key import SigningKey, generate_key
from tests.support.authorization.deployment import ISSUER, PREFIX, deployed
from tests.support.authorization.signing_keys import BY, LIFETIME, Deployment, key_source
from tests.support.dynamodb import intercept, one_call_at_a_time


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with deployed():
        made = Deployment()
        made.rotation().ensure()
        yield made


def test_a_rotation_is_shown_recorded_and_audited(deployment: Deployment) -> None:
    before = deployment.ring()
    deployment.clock.now += 300
    rotation = deployment.rotation().rotate(BY)
    assert (rotation.retired, rotation.activated) == (before.active, before.next)
    assert deployment.states() == {
        before.active: "retired",
        str(before.next): "active",
        rotation.published: "next",
    }
    assert deployment.rotations() == [(rotation.retired, rotation.activated)]
    [entry] = deployment.audit.entries(0, 10)
    assert (entry.action, entry.actor, entry.object) == (
        "signing_key.rotated",
        "sa_admin",
        f"signing-key/{rotation.activated}",
    )
    assert (entry.source_ip, entry.request_id) == ("192.0.2.1", "req-1")


def test_a_key_signs_only_after_verifiers_could_know_it(deployment: Deployment) -> None:
    deployment.clock.now += 299.5
    with pytest.raises(Conflict) as refused:
        deployment.rotation().rotate(BY)
    assert refused.value.code == "rotation_too_soon"
    assert refused.value.members["retry_after"] == 1
    deployment.clock.now += 0.5
    deployment.rotation().rotate(BY)
    with pytest.raises(Conflict) as again:
        deployment.rotation().rotate(BY)
    assert again.value.members["retry_after"] == 300


def test_the_wait_counts_from_publication_and_not_from_the_making_of_the_key(deployment: Deployment) -> None:
    """As after a crash between secret and table that nobody mended for an hour."""
    following = str(deployment.ring().next)
    bind(SigningKeyRecord, PREFIX)(ISSUER, following).delete()
    deployment.clock.now += 3600
    with pytest.raises(Conflict):
        deployment.rotation().rotate(BY)
    deployment.clock.now += 300
    assert deployment.rotation().rotate(BY).activated == following


def test_the_schedule_rotates_once_a_day_however_often_it_runs(deployment: Deployment) -> None:
    for _ in range(24):
        deployment.clock.now += 3 * 3600
        deployment.rotation().rotate_if_due()
        deployment.rotation().rotate_if_due()
    assert len(deployment.rotations()) == 3
    assert {entry.actor for entry in deployment.audit.entries(0, 10)} == {"system"}


def test_a_retired_key_goes_when_its_last_token_has_expired(deployment: Deployment) -> None:
    old = deployment.ring().active
    deployment.clock.now += 300
    deployment.rotation().rotate(BY)
    source = TableKeySource(PREFIX, ISSUER, deployment.clock)
    deployment.clock.now += LIFETIME.total_seconds() + 60
    assert old in {jwk["kid"] for jwk in source.jwks()}
    deployment.clock.now += 301
    assert old not in {jwk["kid"] for jwk in source.jwks()}, "though DynamoDB's TTL has not dropped it yet"
    deployment.rotation().rotate_if_due()
    assert deployment.ring().find(old) is None
    assert old not in deployment.states()


def test_retired_keys_can_be_ended_before_their_time(deployment: Deployment) -> None:
    old = deployment.ring().active
    deployment.clock.now += 300
    deployment.rotation().rotate(BY)
    assert deployment.rotation().end_retired(BY) == [old]
    assert old not in {jwk["kid"] for jwk in key_source(deployment).jwks()}
    assert sorted(deployment.states().values()) == ["active", "next"]
    assert [entry.action for entry in deployment.audit.entries(0, 9)] == [
        "signing_key.rotated",
        "signing_key.ended",
    ]
    assert deployment.rotation().end_retired(BY) == []


def test_a_key_that_somebody_else_published_is_ended_by_the_next_run(deployment: Deployment) -> None:
    stranger = generate_key("ES256")
    record = bind(SigningKeyRecord, PREFIX)(ISSUER, stranger.kid, jwk=stranger.public_jwk)
    record.created_at = "2026-01-01T00:00:00Z"
    record.save()
    assert stranger.kid in deployment.states()
    deployment.rotation().rotate_if_due()
    assert stranger.kid not in deployment.states()
    assert stranger.kid not in {jwk["kid"] for jwk in key_source(deployment).jwks()}


def test_the_ring_never_outgrows_its_secret(deployment: Deployment) -> None:
    """As when somebody rotates whenever it is allowed, and tokens live for a day."""
    rotation = deployment.rotation("RS256")
    rotation._kept = timedelta(days=1)
    refused = None
    while refused is None:
        deployment.clock.now += 300
        try:
            rotation.rotate(BY)
        except Conflict as error:
            refused = error
        assert len(msgspec.json.encode(deployment.ring())) < 60_000
    assert refused.code == "too_many_keys"
    deployment.clock.now += float(str(refused.members["retry_after"]))
    rotation.rotate(BY)


def test_a_ring_of_the_first_version_is_taken_over(deployment: Deployment) -> None:
    old = generate_key()
    created = "2026-01-01T00:00:00Z"
    client: Any = boto3.client("secretsmanager")
    text = msgspec.json.encode(
        {"active": old.kid, "keys": [{"kid": old.kid, "private_key": old.private_key, "created_at": created}]}
    )
    client.put_secret_value(SecretId=f"{PREFIX}/signing-key", SecretString=text.decode())
    table = bind(SigningKeyRecord, PREFIX)
    for record in table.query(ISSUER):
        record.delete()
    table(ISSUER, old.kid, jwk=old.public_jwk, created_at=created).save()
    with pytest.raises(Conflict):
        deployment.rotation().rotate(BY)
    assert deployment.states() == {old.kid: "active", str(deployment.ring().next): "next"}
    deployment.clock.now += 300
    assert deployment.rotation().rotate(BY).retired == old.kid


def test_the_algorithm_changes_with_the_key_after_next(deployment: Deployment) -> None:
    algorithms = []
    for _ in range(3):
        deployment.clock.now += 300
        deployment.rotation("RS256").rotate(BY)
        algorithms.append(deployment.ring().active_key().algorithm)
    assert algorithms == ["ES256", "RS256", "RS256"]


def test_of_rotations_at_once_exactly_one_wins(deployment: Deployment) -> None:
    deployment.clock.now += 300
    start = threading.Barrier(6)

    def try_it(_number: int) -> str:
        start.wait()
        try:
            deployment.rotation().rotate(BY)
        except Conflict as error:
            return error.code
        return "rotated"

    with one_call_at_a_time(), ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(try_it, range(6)))
    assert outcomes.count("rotated") == 1
    assert set(outcomes) <= {"rotated", "rotation_in_progress", "rotation_too_soon"}
    assert len(deployment.rotations()) == len(deployment.audited()) == 1


def test_a_deployment_waits_for_a_rotation_that_goes_on(deployment: Deployment) -> None:
    assert deployment.records.lock("another", deployment.clock(), 10)
    before = deployment.clock()
    assert deployment.rotation().ensure() == deployment.ring().active
    assert deployment.clock() - before >= 10


def test_only_its_holder_gives_the_lock_back(deployment: Deployment) -> None:
    now = deployment.clock()
    assert deployment.records.lock("holder", now, 10)
    deployment.records.unlock("somebody else")
    assert not deployment.records.lock("late", now, 10)
    deployment.records.unlock("holder")
    assert deployment.records.lock("late", now, 10)


class Crash(BaseException):
    """The process is killed: nothing may catch this."""


def crash_at(number: int, after: bool, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Kill the process at its call ``number`` to AWS, before or after the call took effect; give the calls."""
    calls: list[str] = []

    def killed(_service: str, operation: str, call: Callable[[], Any]) -> Any:
        if len(calls) > number:
            raise Crash
        calls.append(operation)
        if len(calls) <= number:
            return call()
        if after:
            call()
        raise Crash

    intercept(monkeypatch, killed)
    return calls


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_anywhere_leaves_every_token_verifiable_and_heals_at_the_next_run(
    deployment: Deployment, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotated = 0
    for number in range(100):
        deployment.clock.now += 301
        active_before = deployment.ring().active
        with monkeypatch.context() as patched:
            crash_at(number, after, patched)
            try:
                deployment.rotation().rotate(BY)
                finished = True
            except Crash:
                finished = False
        assert deployment.ring().active in {jwk["kid"] for jwk in key_source(deployment).jwks()}
        assert {jwk["kid"] for jwk in key_source(deployment).jwks()} <= {
            key.kid for key in deployment.ring().keys
        }, "what is shown is kept"
        rotated += deployment.ring().active != active_before
        deployment.clock.now += 121
        deployment.rotation().rotate_if_due()
        ring = deployment.ring()
        assert deployment.states() == {key.kid: str(ring.state_of(key.kid)) for key in ring.keys}
        assert len(deployment.rotations()) == len(deployment.audited()) == rotated
        if finished:
            break
    else:
        raise AssertionError("it never came to its end")
    assert number > 8


def test_tokens_signed_by_each_key_in_turn_verify_through_all_rotations(deployment: Deployment) -> None:
    """Signers lag a minute behind, verifiers hold their keys for five."""
    clock = deployment.clock
    verifier = TokenVerifier(ISSUER, key_source(deployment), Revocations(PREFIX, clock=clock), clock=clock)
    signer, signed_with = SigningKey(deployment.ring().active_key()), set()
    tokens: list[tuple[float, str]] = []
    for minute in range(120):
        if minute % 6 == 5:
            deployment.rotation().rotate(BY)
        else:
            signer = SigningKey(deployment.ring().active_key())
        signed_with.add(signer.kid)
        tokens.append((clock.now, sign(signer)))
        for issued_at, token in tokens:
            if clock.now < issued_at + LIFETIME.total_seconds():
                assert verifier._key(jwt.get_unverified_header(token)["kid"])
        clock.now += 60
    assert len(signed_with) == 20


def sign(key: SigningKey) -> str:
    return jwt.encode({}, key.private_key, algorithm=key.algorithm, headers={"kid": key.kid, "typ": "at+jwt"})


def test_a_dead_secret_store_is_unavailable_and_changes_nothing(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.clock.now += 300
    ring = deployment.ring()
    with monkeypatch.context() as patched:

        def fail(*_arguments: object) -> None:
            raise Unavailable("no answer")

        patched.setattr(KeySecret, "write", fail)
        with pytest.raises(Unavailable):
            deployment.rotation().rotate(BY)
    assert deployment.ring() == ring
    assert deployment.rotation().rotate(BY).retired == ring.active
