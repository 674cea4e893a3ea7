"""The ring of signing keys, and the process that signs with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from artstore.errors import Unavailable
from functions.auth.keys.ring import Initiator, KeyRing, KeyState
from functions.auth.keys.secret import LONGEST_RING_AGE_SECONDS, REREAD_SECONDS, ActiveKey
from functions.auth.signing_key import SigningKey, StoredKey, generate_key
from tests.support.runs.examples import examples

START = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = timedelta(hours=1)
SYSTEM = Initiator("system")


def make_ring(now: datetime = START) -> KeyRing:
    first = generate_key("ES256", now)
    return KeyRing(active=first.kid, keys=(first,)).upgraded().with_next(generate_key("ES256", now))


def test_a_rotation_makes_active_retired_and_next_active_and_a_fresh_key_next() -> None:
    ring, fresh = make_ring(), generate_key("ES256", START)
    rotated = ring.rotated(fresh, START + KEPT, SYSTEM)
    assert (rotated.active, rotated.next) == (ring.next, fresh.kid)
    assert rotated.state_of(ring.active) is KeyState.RETIRED
    assert rotated.last_rotation is not None
    assert (rotated.last_rotation.retired, rotated.last_rotation.published) == (ring.active, fresh.kid)


def test_a_retired_key_verifies_and_can_sign_no_more() -> None:
    ring = make_ring()
    retired = ring.rotated(generate_key("ES256", START), START, SYSTEM).find(ring.active)
    assert retired is not None
    assert retired.private_key == ""
    assert retired.public_jwk["kid"] == retired.kid


@settings(max_examples=examples(20), deadline=None)
@given(st.lists(st.integers(0, 90), max_size=20))
def test_whatever_the_rhythm_one_key_signs_one_is_next_and_none_is_dropped_too_early(minutes: list[int]) -> None:
    ring, now = make_ring(), START
    signed_until: dict[str, datetime] = {}
    for pause in minutes:
        now += timedelta(minutes=pause)
        signed_until[ring.active] = now
        ring = ring.rotated(generate_key("ES256", now), now, SYSTEM).without_ended(now, KEPT)
        states = [ring.state_of(key.kid) for key in ring.keys]
        assert states.count(KeyState.ACTIVE) == states.count(KeyState.NEXT) == 1
        assert len({key.kid for key in ring.keys}) == len(ring.keys)
        assert {key.kid for key in ring.keys if key.private_key} == {ring.active, ring.next}
        kept = {kid for kid, until in signed_until.items() if now < until + KEPT}
        assert {key.kid for key in ring.keys} == kept | {ring.active, ring.next}
        assert msgspec.json.decode(msgspec.json.encode(ring), type=KeyRing) == ring


def test_a_ring_of_the_first_format_is_read_and_completed() -> None:
    made = generate_key()
    old = {"kid": made.kid, "private_key": made.private_key, "created_at": "2026-01-01T00:00:00Z"}
    text = msgspec.json.encode({"active": made.kid, "keys": [old]})
    ring = msgspec.json.decode(text, type=KeyRing).upgraded()
    key = ring.active_key()
    assert (key.algorithm, key.activated_at) == ("RS256", START)
    assert key.public_jwk == made.public_jwk
    assert ring.upgraded() is ring


class OldKey(msgspec.Struct):
    kid: str
    private_key: str
    created_at: str


class OldRing(msgspec.Struct):
    active: str
    keys: tuple[OldKey, ...]


def test_the_first_version_of_the_code_can_read_what_this_one_writes() -> None:
    ring = make_ring()
    assert msgspec.json.decode(msgspec.json.encode(ring), type=OldRing).active == ring.active


def test_keys_are_made_for_either_algorithm() -> None:
    kinds = {"RS256": rsa.RSAPrivateKey, "ES256": ec.EllipticCurvePrivateKey}
    for algorithm, kind in kinds.items():
        stored = generate_key(algorithm)
        key = SigningKey(stored)
        assert isinstance(key.private_key, kind)
        assert key.public_jwk() == stored.public_jwk
        assert stored.public_jwk["alg"] == key.algorithm == algorithm
        assert "d" not in stored.public_jwk


def test_a_key_that_is_not_of_its_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="not one for RS256"):
        SigningKey(msgspec.structs.replace(generate_key("ES256"), algorithm="RS256"))


class Clock:
    def __init__(self) -> None:
        self.now = START.timestamp()

    def __call__(self) -> float:
        return self.now


class Secret:
    """A ring that can be hidden."""

    def __init__(self, ring: KeyRing | None) -> None:
        self.ring = ring
        self.answers = True
        self.readings = 0

    def read(self) -> KeyRing | None:
        self.readings += 1
        if not self.answers:
            raise Unavailable("no answer")
        return self.ring

    def write(self, ring: KeyRing) -> None:
        self.ring = ring


def rotated(ring: KeyRing, now: datetime = START) -> KeyRing:
    return ring.rotated(generate_key("ES256", now), now, SYSTEM)


def test_a_process_takes_up_a_rotation_within_a_minute_and_reads_once_in_it() -> None:
    ring, clock = make_ring(), Clock()
    secret = Secret(ring)
    signing = ActiveKey(secret, clock)
    assert signing.get().kid == ring.active
    secret.write(rotated(ring))
    clock.now += REREAD_SECONDS - 1
    assert signing.get().kid == ring.active
    assert secret.readings == 1
    clock.now += 1
    assert signing.get().kid == ring.next


def test_a_process_that_rotated_itself_signs_with_the_new_key_at_once() -> None:
    ring, clock = make_ring(), Clock()
    secret = Secret(ring)
    signing = ActiveKey(secret, clock)
    signing.get()
    secret.write(rotated(ring))
    signing.forget()
    assert signing.get().kid == ring.next


def test_an_unchanged_key_is_not_parsed_again() -> None:
    clock = Clock()
    signing = ActiveKey(Secret(make_ring()), clock)
    first = signing.get()
    clock.now += REREAD_SECONDS
    assert signing.get() is first


def test_signing_goes_on_for_a_while_when_the_secret_cannot_be_read_and_then_stops() -> None:
    clock, secret = Clock(), Secret(make_ring())
    signing = ActiveKey(secret, clock)
    first = signing.get()
    secret.answers = False
    readings = secret.readings
    for _ in range(LONGEST_RING_AGE_SECONDS - REREAD_SECONDS):
        assert signing.get() is first
        clock.now += 1
    assert secret.readings - readings <= (LONGEST_RING_AGE_SECONDS - REREAD_SECONDS) / 5 + 1
    clock.now += REREAD_SECONDS
    with pytest.raises(Unavailable):
        signing.get()
    secret.answers = True
    assert signing.get() is first


def test_without_a_ring_there_is_nothing_to_sign_with() -> None:
    with pytest.raises(Unavailable):
        ActiveKey(Secret(None), Clock()).get()


def cursors_hold(before: list[bytes], after: list[bytes]) -> bool:
    """A cursor is sealed with the first secret and opened with any."""
    return before[0] in after


def test_a_page_cursor_outlives_a_rotation_in_every_process() -> None:
    ring, clock = make_ring(), Clock()
    secret = Secret(ring)
    ahead, behind = ActiveKey(secret, clock), ActiveKey(secret, clock)
    clock.now += 3600
    sealed_before = behind.cursor_secrets()
    ahead.get()
    secret.write(rotated(ring, START + timedelta(hours=1)))
    ahead.forget()
    for _ in range(40):
        assert cursors_hold(sealed_before, ahead.cursor_secrets())
        assert cursors_hold(ahead.cursor_secrets(), behind.cursor_secrets())
        assert cursors_hold(behind.cursor_secrets(), ahead.cursor_secrets())
        clock.now += 10


def test_no_cursor_is_sealed_or_opened_with_an_empty_secret() -> None:
    ring = make_ring()
    clock = Clock()
    for _ in range(3):
        ring = rotated(ring)
    assert all(ActiveKey(Secret(ring), clock).cursor_secrets())
    assert len(ring.keys) == 5


def test_a_ring_that_is_printed_shows_no_private_key() -> None:
    assert "PRIVATE" not in f"{make_ring()!r} {make_ring()}"


def test_stored_keys_carry_their_times_in_utc() -> None:
    key = generate_key("ES256")
    assert isinstance(key, StoredKey)
    assert key.created_at.tzinfo is UTC
