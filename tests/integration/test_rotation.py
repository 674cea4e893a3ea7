"""Rotating the signing keys against DynamoDB and Secrets Manager: races, crashes, and who may know which key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import botocore.client
import jwt
import msgspec
import pytest

from artstore.audit_table import AuditTable
from artstore.errors import Conflict, Unavailable
from artstore.revocations import Revocations
from artstore.security import TableKeySource, TokenVerifier
from artstore.tables import KeyRotationLock, SigningKeyRecord, bind
from functions.auth import bootstrap, dependencies, scheduled
from functions.auth.app import app
from functions.auth.key_ring import Initiator, KeyRing
from functions.auth.key_secret import KeySecret
from functions.auth.keys import SigningKey, generate_key
from functions.auth.metadata_routes import describe_server
from functions.auth.published_keys import PublishedKeys
from functions.auth.rotation import KeyRotation
from functions.auth.rotation_records import RotationRecords
from tests.support.auth import ISSUER, PREFIX, deployed
from tests.support.dynamodb import count_calls
from tests.support.gateway import Answer, call

AHEAD = timedelta(seconds=300)
LIFETIME = timedelta(seconds=1800)
BY = Initiator("sa_admin", "192.0.2.1", "req-1")


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Deployment:
    """One deployment and as many processes as are asked for."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.secret = KeySecret(f"{PREFIX}/signing-key")
        self.records = RotationRecords(PREFIX)
        self.published = PublishedKeys(PREFIX, ISSUER, self.clock)
        self.audit = AuditTable(PREFIX)

    def rotation(self, algorithm: str = "ES256") -> KeyRotation:
        return KeyRotation(
            secret=self.secret,
            published=self.published,
            records=self.records,
            audit=self.audit,
            algorithm=algorithm,
            publish_ahead=AHEAD,
            token_lifetime=LIFETIME,
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    def ring(self) -> KeyRing:
        ring = self.secret.read()
        assert ring is not None
        return ring

    def states(self) -> dict[str, str]:
        return {key.kid: str(key.state) for key in self.published.show()}

    def rotations(self) -> list[tuple[str, str]]:
        return [(each.retired, each.activated) for each in self.records.page(100, None)[0]]

    def audited(self) -> list[str]:
        return [entry.object for entry in self.audit.entries(0, 1000)]


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
    deployment.clock.now += 1
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
    for _hour in range(72):
        deployment.clock.now += 3600
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

    with ThreadPoolExecutor(6) as pool:
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
    client: Any = botocore.client.BaseClient
    original = client._make_api_call

    def killed(self: Any, operation: str, arguments: Any) -> Any:
        if len(calls) > number:
            raise Crash
        calls.append(operation)
        if len(calls) <= number:
            return original(self, operation, arguments)
        if after:
            original(self, operation, arguments)
        raise Crash

    monkeypatch.setattr(client, "_make_api_call", killed)
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


def key_source(deployment: Deployment) -> TableKeySource:
    return TableKeySource(PREFIX, ISSUER, deployment.clock)


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


# Over HTTP, and by the clock


@pytest.fixture
def server() -> Iterator[str]:
    """A server whose keys may rotate after ten seconds; the token of its administrator."""
    with deployed(ARTSTORE_KEY_PUBLISH_AHEAD_SECONDS="10", ARTSTORE_SIGNING_ALGORITHM="ES256"):
        bootstrap.handler({"action": "ensure-signing-key"}, None)
        yield administrator_token()


def administrator_token(scope: str = "") -> str:
    admin = {"client_id": "admin", "client_secret": "s" * 43}
    bootstrap.handler({"action": "create-first-administrator"} | admin, None)
    form = "&".join(f"{name}={value}" for name, value in {**admin, "grant_type": "client_credentials"}.items())
    answer = call(
        app,
        "POST",
        "/api/v1/auth/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=form + (f"&scope={scope}" if scope else ""),
    )
    return str(answer.json["access_token"])


def rotate(token: str) -> Answer:
    return call(app, "POST", "/api/v1/jwt-keys/rotate", token=token)


def let_next_key_age(seconds: int = 10) -> None:
    """Make as if the next key had been published so long ago."""
    for record in bind(SigningKeyRecord, PREFIX).query(ISSUER):
        if record.state == "next":
            record.published_at = "2026-01-01T00:00:00Z"
            record.save()


def test_rotating_over_http_signs_the_next_token_with_the_next_key(server: str) -> None:
    too_soon = rotate(server)
    assert (too_soon.status, too_soon.json["code"]) == (409, "rotation_too_soon")
    assert 0 < int(too_soon.headers["Retry-After"]) <= 10
    let_next_key_age()
    answer = rotate(server)
    assert answer.status == 200
    assert answer.json["actor"] == "admin"
    fresh = administrator_token()
    assert jwt.get_unverified_header(fresh) == {"alg": "ES256", "typ": "at+jwt", "kid": answer.json["activated"]}
    for token in (server, fresh):
        assert call(app, "GET", "/api/v1/jwt-keys", token=token).status == 200


def test_a_rotation_that_goes_on_is_409(server: str) -> None:
    lock = bind(KeyRotationLock, PREFIX)
    lock("#lock", "#ring", holder="another", held_until=32_503_680_000).save()
    answer = rotate(server)
    assert (answer.status, answer.json["code"]) == (409, "rotation_in_progress")
    assert scheduled.handler({"task": "rotate-keys"}, None)["reason"] == "rotation_in_progress"


def test_keys_and_rotations_are_listed_in_pages(server: str) -> None:
    done = []
    for _ in range(5):
        let_next_key_age()
        done.append(rotate(server).json["activated"])
    first = call(app, "GET", "/api/v1/jwt-keys?limit=3", token=server).json
    assert sorted(key["state"] for key in first["keys"]) == ["active", "next", *["retired"] * 5]
    assert all((key["ends_at"] is None) == (key["state"] != "retired") for key in first["keys"])
    assert "private_key" not in str(first)
    rest = call(app, "GET", f"/api/v1/jwt-keys?limit=3&cursor={first['next_cursor']}", token=server).json
    assert [each["activated"] for each in first["rotations"] + rest["rotations"]] == done[::-1]
    assert rest["next_cursor"] is None
    forged = call(app, "GET", "/api/v1/jwt-keys?cursor=IjIwMjYi", token=server)
    assert (forged.status, forged.json["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/jwt-keys"), ("POST", "/api/v1/jwt-keys/rotate")])
def test_keys_are_the_affair_of_those_who_may(server: str, method: str, path: str) -> None:
    assert call(app, method, path).status == 401
    assert call(app, method, path, token=administrator_token("files:read")).status == 403


def test_the_key_set_may_be_cached_as_long_as_keys_are_published_ahead(server: str) -> None:
    answer = call(app, "GET", "/.well-known/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=10"
    assert [set(key) for key in answer.json["keys"]] == [{"kty", "kid", "use", "alg", "crv", "x", "y"}] * 2


def test_the_scheduled_task_rotates_when_it_is_due(server: str) -> None:
    assert scheduled.handler({"task": "rotate-keys"}, None)["rotated"] is False
    secret = dependencies.key_secret()
    ring = secret.read()
    assert ring is not None
    secret.write(
        msgspec.structs.replace(
            ring,
            keys=tuple(
                msgspec.structs.replace(key, activated_at=key.created_at - timedelta(days=1))
                if key.activated_at
                else key
                for key in ring.keys
            ),
        )
    )
    assert scheduled.handler({"task": "rotate-keys"}, None)["rotated"] is False, "the next key is too young"
    let_next_key_age()
    done = scheduled.handler({"task": "rotate-keys"}, None)
    assert (done["rotated"], done["retired"]) == (True, ring.active)
    assert scheduled.handler({"task": "rotate-keys"}, None)["rotated"] is False


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown task"):
        scheduled.handler({"task": "drop-everything"}, None)


def test_a_revoked_token_opens_nothing_more(server: str) -> None:
    assert call(app, "GET", "/api/v1/jwt-keys", token=server).status == 200
    claims = jwt.decode(server, options={"verify_signature": False})
    dependencies.revocations().revoke_token(claims["jti"], claims["exp"])
    answer = call(app, "GET", "/api/v1/jwt-keys", token=server)
    assert (answer.status, answer.json["code"]) == (401, "invalid_token")


def test_a_warm_request_costs_nothing_to_verify(server: str) -> None:
    verifier = dependencies.token_verifier()
    verifier.verify(server)
    with count_calls() as calls:
        for _ in range(100):
            verifier.verify(server)
    assert calls == []


@pytest.mark.usefixtures("server")
def test_the_server_describes_itself_under_its_issuer() -> None:
    answer = call(app, "GET", "/.well-known/oauth-authorization-server")
    assert answer.status == 200
    routes = set(app.routes)
    for name, url in answer.json.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert url.startswith(f"{ISSUER}/")
            assert url.removeprefix(ISSUER) in routes
    assert answer.json["issuer"] == ISSUER
    assert answer.json["response_types_supported"] == []
    assert answer.json["grant_types_supported"] == ["client_credentials"]


def test_an_issuer_that_is_no_url_has_no_metadata() -> None:
    with deployed(ARTSTORE_ISSUER="urn:artstore"):
        assert call(app, "GET", "/.well-known/oauth-authorization-server").status == 404
    assert describe_server("https://a.example/").token_endpoint == "https://a.example/api/v1/auth/token"


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
