"""The audit log: who did what, to what, when and from where, each entry chained to the one before by its hash.

An entry's ``hash`` is the SHA-256 (hex) of its canonical form: the JSON of all its other members, ``prev_hash``
included, sorted by name, without white space, in UTF-8 (what RFC 8785 gives for the values that entries may hold,
which are no fractions). The first entry has ``seq`` 1 and a ``prev_hash`` of 64 zeros. Whoever changes, removes or
reorders an entry therefore has to rewrite every later one; ``artstore.audit.chain`` finds what does not fit.

This module is the domain and the port. ``artstore.aws.audit_table`` keeps the log in DynamoDB.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from artstore.errors import ArtStoreError, PreconditionFailed, TooLarge

SYSTEM = "system"
"""The actor of what no client asked for: scheduled work, a deployment."""
SUCCESS = "success"
REFUSED = "refused"

GENESIS_HASH = "0" * 64
"""``prev_hash`` of the first entry."""
MAX_TEXT_LENGTH = 256
"""Longer texts of an event are cut, since an act must not go unrecorded because somebody's name is long."""
MAX_ENTRY_BYTES = 128 * 1024

_NEVER = frozenset(
    {"secret", "secrets", "hash", "hashes", "password", "passwords", "token", "tokens", "pem", "jwt"}
    | {"assertion", "credential", "credentials", "authorization", "passphrase", "signature"}
)
_LARGEST_NUMBER = 2**53 - 1  # what every JSON reader takes exactly, RFC 8259 §6
_PRIVATE_JWK = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 §6.2.2, §6.3.2, §6.4.1
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")

Alongside = Callable[[Any], None]
"""Adds writes to the transaction it is given (pynamodb's TransactWrite); may be called several times."""


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened. Construction refuses (ValueError) what could be a secret, whatever the depth.

    ``before`` and ``after`` hold strings, whole numbers, booleans, null, lists and objects of these. The last word
    of a member's name may be none of secret, hash, token, password and their like, nor private key;
    ``secret_expires_at`` is welcome. A JSON Web Key in it must be a public one.
    """

    action: str
    """What was done, ``noun.past_participle``: service_account.created, signing_key.rotated, token.refused."""
    actor: str
    """The client_id, or ``system``."""
    object: str
    """What it was done to: ``service-account/<client_id>``, ``signing-key/<kid>``."""
    outcome: str
    """success or refused."""
    source_ip: str
    request_id: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.outcome not in (SUCCESS, REFUSED):
            raise ValueError(f"an outcome is {SUCCESS} or {REFUSED}, not {self.outcome!r}")
        _refuse_secrets(self.before)
        _refuse_secrets(self.after)


@dataclass(frozen=True)
class Actor:
    """Who acts, from where, in which request."""

    client_id: str
    source_ip: str
    request_id: str

    def event(
        self,
        action: str,
        object_: str,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        reason: str | None = None,
        refusal: ArtStoreError | None = None,
    ) -> AuditEvent:
        """Give the event of what was done by this actor, or was refused; then the reason is the refusal's code."""
        return AuditEvent(
            action=action,
            actor=self.client_id,
            object=object_,
            outcome=SUCCESS if refusal is None else REFUSED,
            source_ip=self.source_ip,
            request_id=self.request_id,
            before=before,
            after=after,
            reason=reason if refusal is None else refusal.code,
        )


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An event in its place in the log. Its member ``hash`` covers all others."""

    seq: int
    """1, 2, 3 … without a gap."""
    at: str
    """RFC 3339, UTC, milliseconds."""
    action: str
    actor: str
    object: str
    outcome: str
    source_ip: str
    request_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    prev_hash: str
    """The hash of the entry before, 64 lowercase hex digits."""
    hash: str
    """SHA-256 of the canonical form of the other members, 64 lowercase hex digits."""


class Link(msgspec.Struct, frozen=True):
    """A place in the chain: the next entry has ``seq`` + 1 and this ``hash`` as its ``prev_hash``."""

    seq: int
    hash: str


START = Link(0, GENESIS_HASH)
"""The place before the first entry."""


class StateChanged(PreconditionFailed):
    """A condition of the writes alongside an entry did not hold, so that nothing at all was written.

    ``failed`` says which: positions from 0 among the writes that ``alongside`` added, in the order in which they
    are sent: condition checks, deletes, saves, updates. A caller who can say more (a stale If-Match, a name that
    is taken) catches this and raises an error of its own.
    """

    def __init__(self, failed: tuple[int, ...]) -> None:
        """Take the positions of the writes whose conditions failed."""
        super().__init__("the state has changed meanwhile; read it again", code="state_changed")
        self.failed = failed


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries to read, newest first; what is None does not matter. Times are aware."""

    actor: str | None = None
    object: str | None = None
    action: str | None = None
    since: datetime | None = None
    """Entries of this time and later."""
    until: datetime | None = None
    """Entries before this time."""
    before: str | None = None
    """``next`` of the page before, with the same query."""
    limit: int = 50


class AuditPage(msgspec.Struct, frozen=True):
    """Some of the entries asked for. A page may be short, even empty, and yet not be the last."""

    entries: list[AuditEntry]
    next: str | None
    """Where the next page begins; None after the last."""


class AuditLog(Protocol):
    """Where events are recorded."""

    def append(self, event: AuditEvent, alongside: Alongside | None = None) -> AuditEntry:
        """Write the next entry, and what ``alongside`` adds to the same transaction: all of it, or nothing.

        ``alongside`` gets a pynamodb TransactWrite (save, update, delete, condition_check; at most 99 writes, none
        to the same item) and is called anew when a concurrent entry took the place.

        Raises StateChanged when a condition of those writes does not hold, TooLarge for an event of more than
        128 KiB, and Unavailable; after Unavailable the transaction may have happened all the same.
        """
        ...


def next_entry(event: AuditEvent, after: Link, at: datetime) -> AuditEntry:
    """Give the entry of ``event`` at the place behind ``after``; ``at`` is aware. Raises TooLarge."""
    members: dict[str, Any] = {
        "seq": after.seq + 1,
        "at": format_time(at),
        "action": _text(event.action),
        "actor": _text(event.actor),
        "object": _text(event.object),
        "outcome": event.outcome,
        "source_ip": _text(event.source_ip),
        "request_id": _text(event.request_id),
        "before": event.before,
        "after": event.after,
        "reason": None if event.reason is None else _text(event.reason),
        "prev_hash": after.hash,
    }
    form = _canonical(members)
    if len(form) > MAX_ENTRY_BYTES:
        raise TooLarge(f"an audit entry takes {MAX_ENTRY_BYTES} bytes, not {len(form)}")
    return AuditEntry(**members, hash=hashlib.sha256(form).hexdigest())


def hash_entry(entry: AuditEntry) -> str:
    """Compute what ``entry.hash`` has to be."""
    members = msgspec.structs.asdict(entry)
    del members["hash"]
    return hashlib.sha256(_canonical(members)).hexdigest()


def format_time(at: datetime) -> str:
    """Write a time as entries hold it: RFC 3339, UTC, milliseconds, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_line(entry: AuditEntry) -> bytes:
    """Write an entry as one line of an export, newline included: canonical JSON with its hash."""
    return _canonical(msgspec.structs.asdict(entry)) + b"\n"


def _canonical(members: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(members, order="sorted")


def _text(text: str) -> str:
    """Make a text fit to be kept and searched for: never empty, never long, always UTF-8."""
    text = text.encode("utf-8", "replace").decode()
    return (text if len(text) <= MAX_TEXT_LENGTH else text[: MAX_TEXT_LENGTH - 1] + "…") or "-"


def _refuse_secrets(value: object) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise ValueError(f"a member's name is text, not {type(name).__name__}")  # noqa: TRY004
            if _is_secret(name) or ("kty" in value and name in _PRIVATE_JWK):
                raise ValueError(f"the audit log keeps no {name!r}")
            _refuse_secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_secrets(inner)
    elif isinstance(value, str):
        value.encode()  # a lone surrogate is no text: UnicodeEncodeError is a ValueError
    elif value is not None and (not isinstance(value, int) or abs(value) > _LARGEST_NUMBER):
        raise ValueError(f"the audit log keeps no {type(value).__name__} like this")


def _is_secret(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    return bool(words) and (words[-1] in _NEVER or words[-2:] == ["private", "key"])
