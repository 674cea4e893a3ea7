"""The audit log's entries hold no secret, and their chain tells of everything that was done to it afterwards."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from artstore.audit import (
    GENESIS_HASH,
    MAX_TEXT_LENGTH,
    START,
    AuditEntry,
    AuditEvent,
    Link,
    hash_entry,
    next_entry,
    to_line,
)
from artstore.audit.chain import ProblemKind, Verification, link_before, verify_end, verify_entries, verify_lines
from artstore.errors import TooLarge

AT = datetime(2026, 11, 21, 7, 5, 9, 123456, tzinfo=UTC)


def event(**members: Any) -> AuditEvent:
    given_members = {
        "action": "service_account.changed",
        "actor": "sa_admin",
        "object": "service-account/sa_1",
        "outcome": "success",
        "source_ip": "192.0.2.1",
        "request_id": "req-1",
    }
    return AuditEvent(**(given_members | members))


def chain(length: int, start: Link = START) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for number in range(length):
        changed = event(request_id=f"req-{number}", after={"revision": number, "name": "имя"})
        entries.append(next_entry(changed, start, AT + timedelta(seconds=number)))
        start = Link(entries[-1].seq, entries[-1].hash)
    return entries


def test_an_entry_hashes_as_any_json_library_can_compute() -> None:
    entry = next_entry(event(before={"b": 1, "a": ["é", None, True]}, reason="a\tb"), START, AT)
    members = json.loads(to_line(entry))
    hash_ = members.pop("hash")
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hash_ == entry.hash == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_first_entry_follows_nothing_and_the_second_the_first() -> None:
    first, second = chain(2)
    assert (first.seq, first.prev_hash) == (1, GENESIS_HASH)
    assert (second.seq, second.prev_hash) == (2, first.hash)


def test_times_are_utc_in_milliseconds() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=3)))
    assert next_entry(event(), START, elsewhere).at == "2026-11-21T07:05:09.123Z"


@pytest.mark.parametrize(
    "name",
    [
        "secret",
        "client_secret",
        "secrets",
        "secret_hash",
        "secretHash",
        "hash",
        "access_token",
        "Token",
        "private_key",
        "privateKey",
        "password",
        "client_assertion",
        "authorization",
    ],
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"deep": [{"er": value}]}])
def test_no_member_named_like_a_secret_gets_in_at_any_depth(name: str, wrap: Any) -> None:
    for place in ("before", "after"):
        with pytest.raises(ValueError, match="keeps no"):
            event(**{place: wrap({name: "x"})})


@pytest.mark.parametrize(
    "name", ["secret_expires_at", "secret_count", "token_lifetime_seconds", "public_key", "kid", "jti", "d"]
)
def test_what_is_about_secrets_and_none_itself_is_welcome(name: str) -> None:
    assert event(after={name: "x"}).after == {name: "x"}


def test_a_private_jwk_is_refused_and_a_public_one_is_not() -> None:
    public = {"kty": "EC", "crv": "P-256", "x": "1", "y": "2"}
    assert event(after={"jwks": {"keys": [public]}}).after is not None
    with pytest.raises(ValueError, match="keeps no 'd'"):
        event(after={"jwks": {"keys": [public | {"d": "3"}]}})


@pytest.mark.parametrize("value", [1.5, b"x", AT, {1}, 2**53, "\ud800", {1: "x"}])
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):
        event(after=value if isinstance(value, dict) else {"value": value})


def test_an_outcome_is_success_or_refused() -> None:
    with pytest.raises(ValueError, match="outcome"):
        event(outcome="ok")


def test_long_empty_and_broken_texts_do_not_keep_an_act_from_being_recorded() -> None:
    entry = next_entry(event(actor="x" * 5000, object="", reason="\ud800", source_ip=""), START, AT)
    assert len(entry.actor) == MAX_TEXT_LENGTH
    assert (entry.object, entry.source_ip, entry.reason) == ("-", "-", "?")
    assert verify_entries([entry]).problem is None


def test_an_entry_has_a_size_limit() -> None:
    with pytest.raises(TooLarge):
        next_entry(event(after={"x": "y" * 200_000}), START, AT)


def test_a_whole_chain_is_followed_to_its_end() -> None:
    entries = chain(20)
    assert verify_entries(entries) == Verification(20, Link(20, entries[-1].hash), None)
    first = verify_entries(entries[:7])
    assert verify_entries(entries[7:], first.last) == Verification(13, Link(20, entries[-1].hash), None)
    assert verify_entries([]) == Verification(0, START, None)


def found(entries: list[AuditEntry], known: Link | None = None) -> tuple[int, ProblemKind] | None:
    verification = verify_entries(entries, START, known)
    problem = verification.problem or verify_end(verification.last, known)
    return (problem.seq, problem.kind) if problem else None


def remade(entry: AuditEntry, **members: Any) -> AuditEntry:
    """Change an entry as somebody would who knows how to hash."""
    changed = msgspec.structs.replace(entry, **members)
    return msgspec.structs.replace(changed, hash=hash_entry(changed))


def test_each_kind_of_problem_is_named_with_its_place() -> None:
    whole = chain(6)
    last = Link(6, whole[-1].hash)
    one, two, three, four, five, six = whole
    assert found(whole, last) is None
    assert found([one, two, msgspec.structs.replace(three, actor="x"), four]) == (3, ProblemKind.CHANGED)
    assert found([one, two, four, five]) == (3, ProblemKind.MISSING)
    assert found([two, three]) == (1, ProblemKind.MISSING)
    assert found([one, two, five, six]) == (3, ProblemKind.MISSING)
    assert found([one, two, four, three, five]) == (3, ProblemKind.REORDERED)
    assert found([one, two, two, three]) == (2, ProblemKind.REORDERED)
    swapped = [msgspec.structs.replace(four, seq=3), msgspec.structs.replace(three, seq=4)]
    assert found([one, two, *swapped, five]) == (3, ProblemKind.REORDERED)
    assert found([one, two, remade(three, actor="x"), four]) == (4, ProblemKind.FORKED)
    assert found([one, two, remade(two, actor="x"), three]) == (2, ProblemKind.FORKED)
    assert found([one, two, three], last) == (4, ProblemKind.MISSING)
    assert found([], last) == (1, ProblemKind.MISSING)


def test_a_log_made_anew_is_whole_and_yet_not_what_was_exported() -> None:
    whole = chain(6)
    kept = Link(4, whole[3].hash)
    forged = remade(whole[1], actor="somebody else")
    anew = [whole[0], forged]
    for entry in whole[2:]:
        anew.append(remade(entry, prev_hash=anew[-1].hash))
    assert found(anew) is None
    assert found(anew, kept) == (4, ProblemKind.FORKED)


names = st.text("abcdefxyz_", min_size=1, max_size=8).filter(lambda name: not name.endswith(("secret", "token")))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
texts = st.text(max_size=30)
events = st.builds(
    AuditEvent,
    action=texts,
    actor=texts,
    object=texts,
    outcome=st.sampled_from(["success", "refused"]),
    source_ip=texts,
    request_id=texts,
    before=st.none() | st.dictionaries(names, values, max_size=4),
    after=st.none() | st.dictionaries(names, values, max_size=4),
    reason=st.none() | texts,
)


@st.composite
def chains(draw: st.DrawFn) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    last = START
    for one in draw(st.lists(events, min_size=2, max_size=8)):
        entries.append(next_entry(one, last, draw(st.datetimes(timezones=st.just(UTC)))))
        last = Link(entries[-1].seq, entries[-1].hash)
    return entries


@given(chains())
def test_any_chain_is_whole_in_the_log_and_in_its_lines(entries: list[AuditEntry]) -> None:
    last = Link(len(entries), entries[-1].hash)
    assert found(entries, last) is None
    assert verify_lines(map(to_line, entries), START, last) == Verification(len(entries), last, None)


@given(chains(), st.data())
def test_any_changed_member_is_found(entries: list[AuditEntry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(entries) - 1))
    name = data.draw(st.sampled_from(AuditEntry.__struct_fields__))
    old = getattr(entries[place], name)
    new = data.draw(st.integers(1, 99) if name == "seq" else values)
    assume(msgspec.json.encode(new) != msgspec.json.encode(old))
    last = Link(len(entries), entries[-1].hash)
    entries[place] = msgspec.structs.replace(entries[place], **{name: new})
    assert found(entries, last) is not None


@given(chains(), st.data())
def test_any_changed_byte_of_an_exported_line_is_found(entries: list[AuditEntry], data: st.DataObject) -> None:
    lines = [to_line(entry) for entry in entries]
    place = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(0, len(lines[place]) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != lines[place][at]))
    lines[place] = lines[place][:at] + bytes([byte]) + lines[place][at + 1 :]
    assert verify_lines(lines, START, Link(len(entries), entries[-1].hash)).problem is not None


@given(chains(), st.data())
def test_any_removed_entry_is_found(entries: list[AuditEntry], data: st.DataObject) -> None:
    last = Link(len(entries), entries[-1].hash)
    removed = data.draw(st.integers(0, len(entries) - 1))
    del entries[removed]
    assert found(entries, last) == (removed + 1, ProblemKind.MISSING)
    assert verify_lines(map(to_line, entries), START, last).problem is not None


@given(chains(), events, st.data())
def test_any_inserted_entry_is_found(entries: list[AuditEntry], extra: AuditEvent, data: st.DataObject) -> None:
    last = Link(len(entries), entries[-1].hash)
    place = data.draw(st.integers(0, len(entries)))
    before = START if place == 0 else Link(entries[place - 1].seq, entries[place - 1].hash)
    forged = next_entry(extra, before, AT)
    assume(forged not in entries)
    at_the_end = place == len(entries)
    entries.insert(place, forged)
    # Behind the end, an entry that fits is simply the next one: against forged ones stand the table's rights.
    assert (found(entries, last) is None) == at_the_end


@given(chains(), st.data())
def test_any_repeated_entry_is_found(entries: list[AuditEntry], data: st.DataObject) -> None:
    again = data.draw(st.integers(0, len(entries) - 1))
    entries.insert(data.draw(st.integers(0, len(entries))), entries[again])
    assert found(entries) is not None


@given(chains(), st.data())
def test_any_two_swapped_entries_are_found(entries: list[AuditEntry], data: st.DataObject) -> None:
    one, other = data.draw(st.lists(st.integers(0, len(entries) - 1), min_size=2, max_size=2, unique=True))
    entries[one], entries[other] = entries[other], entries[one]
    assert found(entries) is not None
    assert verify_lines(map(to_line, entries)).problem is not None


def test_the_lines_of_one_file_are_verified_behind_what_they_say_they_follow() -> None:
    lines = [to_line(entry).decode() for entry in chain(9)]
    assert verify_lines(lines[4:]).problem is not None
    assert verify_lines(lines[4:], link_before(lines[4])).checked == 5
    with pytest.raises(ValueError, match="not an entry"):
        link_before("{}")


@pytest.mark.parametrize("line", ["", "{}", "[]", "\ud800", "[" * 100_000, '{"seq": 1}'])
def test_a_line_that_is_no_entry_is_a_problem_in_its_place(line: str) -> None:
    lines: list[bytes | str] = [*(to_line(entry) for entry in chain(3)), line]
    problem = verify_lines(lines).problem
    assert problem is not None
    assert (problem.seq, problem.kind) == (4, ProblemKind.CHANGED)
