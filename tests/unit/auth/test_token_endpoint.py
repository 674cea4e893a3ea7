"""POST /api/v1/auth/token: the client credentials grant (RFC 6749 §4.4) and its refusals (§5.2)."""

from __future__ import annotations

import base64
import time
from collections import Counter
from urllib.parse import quote

import jwt
import pytest

from artstore.errors import RateLimited
from artstore.http import create_app
from artstore.http.app import ArtStoreApp
from artstore.tables import AccountSecret, ServiceAccount, bind
from functions.auth import app as auth
from functions.auth import dependencies
from functions.auth.secrets import (
    SecretVerifier,
    fingerprint_of,
    generate_client_id,
    generate_secret,
    hash_secret,
)
from functions.auth.signing_key import SigningKey
from functions.auth.tokens.authentication import ClientAuthenticator
from functions.auth.tokens.check_in import CheckedIn
from functions.auth.tokens.issuing import TokenIssuer
from tests.support.gateway import Answer, call

ISSUER = "https://archive.example/v1"
CLIENT, SECRET = generate_client_id(), generate_secret()
READER, READER_SECRET = generate_client_id(), generate_secret()
FORM = "application/x-www-form-urlencoded"
GRANT = "grant_type=client_credentials"


class Clock:
    """A clock that tests set; it starts at the true time, which is what JWTs are checked against."""

    def __init__(self) -> None:
        self.now = float(int(time.time() / 60) * 60 + 5)

    def __call__(self) -> float:
        return self.now


class Desk:
    """Accounts in a dictionary, their requests counted by the minute; and where they are read."""

    def __init__(self) -> None:
        table = bind(ServiceAccount, "unit")
        self.visits = 0
        self.readings = 0
        self.counts: Counter[tuple[str, int]] = Counter()
        self.by_id = {
            client_id: table(client_id, username="robot", role=role, created_at="x", secrets=[stored(secret)])
            for client_id, secret, role in ((CLIENT, SECRET, "ADMIN"), (READER, READER_SECRET, "READONLY"))
        }

    def find(self, client_id: str) -> ServiceAccount | None:
        self.readings += 1
        return self.by_id.get(client_id)

    def check_in(self, client_id: str, now: float) -> CheckedIn | None:
        self.visits += 1
        account = self.by_id.get(client_id)
        if account is None:
            return None
        minute, into = divmod(int(now), 60)
        self.counts[client_id, minute] += 1
        return CheckedIn(account, self.counts[client_id, minute], 60 - into)


class AttemptBook:
    """Attempts in memory, with limits as the real ones have."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.claimed: set[tuple[str, str]] = set()

    def limit(self, client_id: str, address: str, now: float) -> RateLimited | None:
        if self.counts[f"{client_id} {address}"] > 5 or self.counts[address] > 20:
            return RateLimited("too many", retry_after=7, code="too_many_attempts")
        return None

    def fail(self, client_id: str, address: str, now: float) -> None:
        self.counts.update([f"{client_id} {address}", address])
        beyond = self.limit(client_id, address, now)
        if beyond is not None:
            raise beyond

    def claim_assertion(self, client_id: str, jti: str, expires_at: float) -> bool:
        fresh = (client_id, jti) not in self.claimed
        self.claimed.add((client_id, jti))
        return fresh


def stored(secret: str) -> AccountSecret:
    return AccountSecret(
        hash=hash_secret(secret, 4), created_at="2026-01-01T00:00:00Z", fingerprint=fingerprint_of(secret)
    )


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def attempts() -> AttemptBook:
    return AttemptBook()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(
    monkeypatch: pytest.MonkeyPatch, desk: Desk, attempts: AttemptBook, clock: Clock, signing_key: SigningKey
) -> ArtStoreApp:
    authenticator = ClientAuthenticator(
        issuer=ISSUER,
        accounts=desk,
        desk=desk,
        attempts=attempts,
        secrets=SecretVerifier(4),
        requests_per_minute=100,
        clock=clock,
    )
    issuer = TokenIssuer(issuer=ISSUER, lifetime_seconds=1800, signing_key=lambda: signing_key, clock=clock)
    monkeypatch.setenv("ARTSTORE_PREFIX", "unit")
    monkeypatch.setattr(dependencies, "client_authenticator", lambda: authenticator)
    monkeypatch.setattr(dependencies, "token_issuer", lambda: issuer)
    return create_app("unit-auth", auth.ENDPOINTS)


def ask(
    app: ArtStoreApp,
    body: str = GRANT,
    *,
    basic: str | None = f"{CLIENT}:{SECRET}",
    media_type: str = FORM,
) -> Answer:
    headers = {"Content-Type": media_type}
    if basic is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(basic.encode()).decode()
    return call(app, "POST", "/api/v1/auth/token", headers=headers, body=body)


def test_basic_credentials_are_exchanged_for_an_access_token(app: ArtStoreApp, signing_key: SigningKey) -> None:
    answer = ask(app)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 1800)
    token = answer.json["access_token"]
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "at+jwt", "kid": signing_key.kid}
    public = signing_key.private_key.public_key()
    # The clock of the tests is five seconds into the minute, and so up to five ahead.
    claims = jwt.decode(token, public, algorithms=["RS256"], audience=ISSUER, issuer=ISSUER, leeway=6)
    assert claims["sub"] == claims["client_id"] == CLIENT
    assert claims["exp"] - claims["iat"] == 1800
    assert abs(claims["iat"] - time.time()) < 65
    assert claims["scope"] == answer.json["scope"]
    assert len(claims["jti"]) == 36


def test_credentials_in_the_body_are_accepted(app: ArtStoreApp) -> None:
    assert ask(app, f"{GRANT}&client_id={CLIENT}&client_secret={SECRET}", basic=None).status == 200


def test_the_json_body_of_the_first_artstore_is_accepted(app: ArtStoreApp) -> None:
    body = f'{{"grant_type": "client_credentials", "client_id": "{CLIENT}", "client_secret": "{SECRET}"}}'
    assert ask(app, body, basic=None, media_type="application/json").status == 200


def test_basic_credentials_may_be_form_urlencoded(app: ArtStoreApp) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in SECRET.encode())
    assert ask(app, basic=f"{quote(CLIENT)}:{encoded}").status == 200


def test_the_scope_asked_for_is_granted_and_no_more(app: ArtStoreApp) -> None:
    assert ask(app, f"{GRANT}&scope=files:read+audit:read").json["scope"] == "audit:read files:read"


def test_without_a_scope_all_of_the_roles_are_granted(app: ArtStoreApp) -> None:
    assert ask(app, basic=f"{READER}:{READER_SECRET}").json["scope"] == "files:read"


@pytest.mark.parametrize(
    ("body", "basic"),
    [
        (GRANT, f"{CLIENT}:wrong"),
        (GRANT, f"{CLIENT}:"),
        (GRANT, f"unknown:{SECRET}"),
        (GRANT, f"{CLIENT}:{'x' * 200}"),
        (GRANT, "no-colon"),
        (GRANT, None),
        (f"{GRANT}&client_id={CLIENT}", None),
        (f"{GRANT}&client_id={CLIENT}&client_secret=wrong", None),
    ],
)
def test_failed_client_authentication_is_401_and_always_the_same(
    app: ArtStoreApp, body: str, basic: str | None
) -> None:
    answer = ask(app, body, basic=basic)
    assert answer.status == 401
    assert answer.json["error"] == "invalid_client"
    assert answer.json["error_description"] == "client authentication failed"
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("status", ["SUSPENDED", "DELETED", ""])
def test_an_account_that_is_not_active_gets_no_token(app: ArtStoreApp, desk: Desk, status: str) -> None:
    desk.by_id[CLIENT].status = status
    assert ask(app).json["error"] == "invalid_client"


@pytest.mark.parametrize("role", ["SUPERUSER", "", "admin"])
def test_an_unknown_role_may_ask_for_nothing(app: ArtStoreApp, desk: Desk, role: str) -> None:
    desk.by_id[CLIENT].role = role
    assert ask(app).json["error"] == "invalid_scope"


@pytest.mark.parametrize(
    ("body", "media_type", "error"),
    [
        ("", FORM, "invalid_request"),
        ("grant_type=", FORM, "invalid_request"),
        ("grant_type=password", FORM, "unsupported_grant_type"),
        (f"{GRANT}&grant_type=client_credentials", FORM, "invalid_request"),
        (f"{GRANT}&scope=files:read&scope=files:read", FORM, "invalid_request"),
        (f"{GRANT}&scope=files:fly", FORM, "invalid_scope"),
        (f"{GRANT}&scope=files:read++files:write", FORM, "invalid_scope"),
        (f"{GRANT}&scope=%22", FORM, "invalid_scope"),
        (f"{GRANT}&client_id={CLIENT}&client_secret={SECRET}", FORM, "invalid_request"),
        (f"{GRANT}&client_id=another", FORM, "invalid_request"),
        (f"{GRANT}&scope=%zz", FORM, "invalid_request"),
        (f"{GRANT}&scope=%ff%fe", FORM, "invalid_request"),
        (f"{GRANT}&scope=a%00b", FORM, "invalid_request"),
        (f"{GRANT}&x={'x' * 20_000}", FORM, "invalid_request"),
        ("&".join([GRANT, *(f"p{n}=1" for n in range(30))]), FORM, "invalid_request"),
        (GRANT, "text/plain", "invalid_request"),
        (GRANT, "", "invalid_request"),
        ("{", "application/json", "invalid_request"),
        ('{"grant_type": 1}', "application/json", "invalid_request"),
        ("[]", "application/json", "invalid_request"),
    ],
)
def test_a_malformed_request_is_400_with_the_code_of_the_rfc(
    app: ArtStoreApp, body: str, media_type: str, error: str
) -> None:
    answer = ask(app, body, media_type=media_type)
    assert (answer.status, answer.json["error"]) == (400, error)
    assert answer.headers["Content-Type"] == "application/json"


def test_parameters_in_the_query_are_refused(app: ArtStoreApp) -> None:
    answer = call(app, "POST", f"/api/v1/auth/token?{GRANT}", headers={"Content-Type": FORM}, body="")
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_a_token_costs_one_visit_to_the_account_and_the_first_one_a_reading_before(
    app: ArtStoreApp, desk: Desk
) -> None:
    ask(app)
    assert (desk.readings, desk.visits) == (1, 1)
    ask(app)
    assert (desk.readings, desk.visits) == (1, 2)


@pytest.mark.parametrize("client_id", ["x" * 201, "x" * 3000, "Ж", "a b", "a\n", "\x7f", "sa_1\t"])
def test_what_cannot_be_a_client_id_is_refused_before_anything_is_asked(
    app: ArtStoreApp, desk: Desk, attempts: AttemptBook, client_id: str
) -> None:
    answers = [
        ask(app, basic=f"{quote(client_id)}:x"),
        ask(app, f"{GRANT}&client_id={quote(client_id)}&client_secret=x", basic=None),
    ]
    assert [(answer.status, answer.json["error"]) for answer in answers] == [(401, "invalid_client")] * 2
    assert (desk.readings, desk.visits, attempts.counts) == (0, 0, Counter())


def test_wrong_requests_do_not_use_up_the_rate_of_the_account(app: ArtStoreApp, desk: Desk) -> None:
    desk.by_id[CLIENT].rate_limit_per_minute = 3
    for _ in range(20):
        assert ask(app, basic=f"{CLIENT}:wrong").status in (401, 429)
    answer = ask(app)
    assert (answer.status, answer.headers["RateLimit-Remaining"]) == (200, "2")


def test_a_secret_that_was_rotated_is_refused_although_it_was_right_minutes_ago(
    app: ArtStoreApp, desk: Desk
) -> None:
    assert ask(app).status == 200
    fresh = generate_secret()
    desk.by_id[CLIENT].secrets = [stored(fresh)]
    assert [ask(app).status for _ in range(3)] == [401] * 3
    assert desk.visits == 2, "an old secret is looked for once more, and then forgotten"
    assert ask(app, basic=f"{CLIENT}:{fresh}").status == 200


def test_a_secret_that_is_rotated_while_it_is_verified_is_refused(
    app: ArtStoreApp, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = desk.by_id[CLIENT]
    rotated = bind(ServiceAccount, "unit")(
        CLIENT, username="robot", role="ADMIN", created_at="x", revision=2, secrets=[stored(generate_secret())]
    )
    desk.by_id[CLIENT] = rotated
    monkeypatch.setattr(desk, "find", lambda _client_id: seen)
    assert ask(app).json["error"] == "invalid_client"


def test_an_accounts_own_scopes_narrow_those_of_its_role(app: ArtStoreApp, desk: Desk) -> None:
    desk.by_id[CLIENT].scopes = ["files:read", "audit:read"]
    assert ask(app).json["scope"] == "audit:read files:read"
    assert ask(app, f"{GRANT}&scope=files:write").json["error"] == "invalid_scope"


def test_the_rate_limit_is_told_and_kept(app: ArtStoreApp, desk: Desk, clock: Clock) -> None:
    desk.by_id[CLIENT].rate_limit_per_minute = 2
    first, second, third = ask(app), ask(app), ask(app)
    assert [answer.status for answer in (first, second, third)] == [200, 200, 429]
    assert first.headers["RateLimit-Limit"] == "2"
    assert [answer.headers["RateLimit-Remaining"] for answer in (first, second, third)] == ["1", "0", "0"]
    assert third.headers["Retry-After"] == third.headers["RateLimit-Reset"] == "55"
    assert third.json["error"] == "rate_limited"
    clock.now += 60
    assert ask(app).status == 200


def test_a_stranger_never_learns_of_an_accounts_rate_limit(app: ArtStoreApp, desk: Desk) -> None:
    desk.by_id[CLIENT].rate_limit_per_minute = 1
    ask(app)
    ask(app)
    assert ask(app, basic=f"{CLIENT}:wrong").json["error"] == "invalid_client"


def test_failures_are_limited_alike_for_known_and_unknown_clients(app: ArtStoreApp) -> None:
    for client in (CLIENT, "sa_nobody"):
        answers = [ask(app, basic=f"{client}:wrong") for _ in range(6)]
        assert [answer.status for answer in answers] == [401] * 5 + [429]
        assert answers[-1].json["error"] == "too_many_attempts"
        assert answers[-1].headers["Retry-After"] == "7"


def test_failures_are_limited_by_address(app: ArtStoreApp) -> None:
    answers = [ask(app, basic=f"sa_{number}:wrong").status for number in range(21)]
    assert answers == [401] * 20 + [429]


@pytest.mark.parametrize("known_before", [True, False])
def test_no_number_of_wrong_secrets_locks_the_right_one_out(app: ArtStoreApp, known_before: bool) -> None:
    if known_before:
        assert ask(app).status == 200
    assert [ask(app, basic=f"{CLIENT}:wrong").status for _ in range(50)][-1] == 429
    assert ask(app).status == 200
    assert ask(app, basic=f"{CLIENT}:wrong").status == 429


def test_beyond_a_limit_a_wrong_secret_is_refused_without_bcrypt(
    app: ArtStoreApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        ask(app, basic=f"{CLIENT}:wrong")
    compared: list[str] = []
    original = SecretVerifier._matches

    def counting(secret: str, hashed: str) -> bool:
        compared.append(secret)
        return original(secret, hashed)

    monkeypatch.setattr(SecretVerifier, "_matches", staticmethod(counting))
    for client_id in (CLIENT, "sa_nobody"):
        assert ask(app, basic=f"{client_id}:{generate_secret()}").status in (401, 429)
    assert ask(app, basic=f"{CLIENT}:{generate_secret()}").status == 429
    spent_on_the_unknown = [secret for secret in compared if secret != SECRET]
    assert len(spent_on_the_unknown) == 2, "sa_nobody is not beyond its limit yet"
    assert ask(app).status == 200
    assert compared[-1] == SECRET


def test_a_success_is_no_attempt(app: ArtStoreApp, attempts: AttemptBook) -> None:
    ask(app)
    assert attempts.counts == Counter()


def test_only_a_secret_as_long_as_ours_has_a_fingerprint() -> None:
    assert fingerprint_of("correct horse battery staple") is None
    assert fingerprint_of("x" * 42) is None
    made = fingerprint_of(SECRET)
    assert made is not None
    assert len(made) == 8, "32 bits, so that 224 stay unknown"


def test_no_log_line_and_no_error_holds_a_token_or_a_secret(
    app: ArtStoreApp, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    token = ask(app).json["access_token"]
    refused = ask(app, basic=f"{CLIENT}:{SECRET}x").text
    malformed = ask(app, f"{GRANT}&client_id={CLIENT}&client_secret={SECRET}").text
    said = capfd.readouterr().out + caplog.text + refused + malformed
    assert SECRET not in said
    assert token not in said
    assert token.split(".")[2] not in said


def test_a_verified_secret_is_remembered_for_minutes() -> None:
    now = [1000.0]
    verifier = SecretVerifier(4, clock=lambda: now[0])
    old = [hash_secret(SECRET, 4)]
    assert verifier.recall(CLIENT, SECRET) is None
    assert verifier.verify(CLIENT, SECRET, old) == old[0]
    assert verifier.recall(CLIENT, SECRET) == old[0]
    assert verifier.recall(CLIENT, "wrong") is None
    assert verifier.recall(READER, SECRET) is None
    assert verifier.recall(CLIENT[:-1], CLIENT[-1] + SECRET) is None
    now[0] += 301
    assert verifier.recall(CLIENT, SECRET) is None
    verifier.verify(CLIENT, SECRET, old)
    verifier.forget(CLIENT, SECRET)
    assert verifier.recall(CLIENT, SECRET) is None


def test_an_unknown_client_costs_a_hash_of_the_same_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(_secret: str, hashed: str) -> bool:
        compared.append(hashed)
        return False

    monkeypatch.setattr(SecretVerifier, "_matches", staticmethod(compare))
    SecretVerifier(5).verify(CLIENT, "x", [])
    SecretVerifier(5).verify(CLIENT, "x", [compared[0]])
    assert len(compared) == 4
    assert all(each.startswith("$2b$05$") for each in compared)


def test_a_secret_is_long_random_and_needs_no_encoding() -> None:
    made = {generate_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(secret) == 43 and secret.replace("-", "").replace("_", "").isalnum() for secret in made)


def test_no_secret_is_right_for_an_unknown_client_even_if_it_had_the_decoys_hash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SecretVerifier, "_matches", staticmethod(lambda _secret, _hashed: True))
    assert SecretVerifier(5).verify(CLIENT, "x", []) is None
