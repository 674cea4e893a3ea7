"""Revoked access tokens: a small table, and a snapshot of it in each process that verifies tokens.

An access token verifies without asking anyone until it expires; what must end sooner is written here: one token
by its ``jti`` (RFC 7009), or all tokens that a client was issued before a change of its account (suspension,
deletion, fewer rights). An entry lives as long as the tokens it forbids and is then dropped by the table's TTL.

Before a change means: from a lower revision of the account, which each token names. Time alone could not tell: a
token may be signed a moment after the change that the request for it had not yet seen, and another one, which is
good, in the same second. Time only bounds the comparison, so that an account restored from a backup with an older
revision is not shut out for long.

The table has one partition whose range key begins with the time of writing, so that a process which has read it
once reads only what is new: one Query for each ``delay_seconds``, none in between. A new process reads what can
still matter, page by page, from an index by the time of expiry: an entry whose tokens have ended is never read
again. A revocation therefore holds everywhere at most ``delay_seconds`` after it was written. When the snapshot
is older and the table cannot be read, no token is accepted: Unavailable, since a revoked token may not pass for
an active one.

What one client can add is bounded by whoever writes: see ``cut_client``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from artstore.aws.dynamodb import reaching_dynamodb
from artstore.errors import Unavailable
from artstore.tables import Revocation, bind

if TYPE_CHECKING:
    from pynamodb.pagination import ResultIterator
    from pynamodb.transactions import TransactWrite

LONGEST_TOKEN_LIFETIME_SECONDS = 86_400
"""The most that ARTSTORE_TOKEN_LIFETIME_SECONDS can say; no entry is of use for longer."""
_PARTITION = "revoked"
_EXPIRY_MARGIN_SECONDS = 60
"""Kept beyond a token's end, since verifiers allow for skewed clocks."""
_CUT_SECONDS = 60
"""A client's cuts within a minute are one entry."""
_OVERLAP_SECONDS = 60 + _CUT_SECONDS
"""Read again each time: writers' clocks differ, a write may take some seconds after its key was made, the index
follows the table within moments, and a cut is made in an entry that may have been there for a minute."""
_ATTRIBUTES = ["id", "expires_at_epoch", "not_before", "before_revision"]
"""What is read of an entry, whose ``id`` names the token or the client."""
_IN_FLIGHT_SECONDS = 60
"""No request for a token takes longer from reading the account to signing, differing clocks included."""
_RETRY_SECONDS = 1
"""After a failed read the next is made no sooner, so that a dead table costs each request no timeout."""


class RevocationList(Protocol):
    """What a verifier asks of the revoked tokens."""

    def is_revoked(self, jti: str, client_id: str, issued_at: float, revision: int | None = None) -> bool:
        """Tell whether the token ``jti`` may no longer be used.

        It was issued at ``issued_at`` (epoch seconds) from ``revision`` of its account. Raises Unavailable when
        this cannot be known.
        """


class _Cut(NamedTuple):
    """All tokens of a client up to here are forbidden."""

    not_before: int
    revision: int | None
    useless_at: int

    def forbids(self, issued_at: float, revision: int | None) -> bool:
        if self.revision is None or revision is None:
            return issued_at < self.not_before
        return revision < self.revision and issued_at < self.not_before + _IN_FLIGHT_SECONDS


class Revocations:
    """The revoked tokens of one deployment.

    Rights needed: dynamodb:Query on the table and its index to read, PutItem to write.
    """

    def __init__(
        self,
        prefix: str,
        delay_seconds: float = 30,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Use the table of the deployment ``prefix`` and look for new entries every ``delay_seconds``."""
        self._table = bind(Revocation, prefix)
        self._delay = delay_seconds
        self._clock = clock
        self._tokens: dict[str, int] = {}  # jti -> when the entry is of no more use
        self._clients: dict[str, set[_Cut]] = {}  # those without a revision: the latest alone
        self._read_at: float | None = None  # all that was written before is in the snapshot
        self._failed_at = -math.inf

    def revoke_token(self, jti: str, expires_at: float, transaction: TransactWrite | None = None) -> None:
        """Forbid one token, which expires at ``expires_at`` (epoch seconds); doing it again changes nothing.

        With ``transaction`` the write is one of its writes, and takes effect here as it does elsewhere, when the
        table is read next, or when the caller says ``has_revoked``. Raises Unavailable.
        """
        record = self._record(self._clock(), f"jti#{jti}", expires_at)
        record.jti = jti
        if self._write(record, transaction):
            self.has_revoked(jti, expires_at)

    def has_revoked(self, jti: str, expires_at: float) -> None:
        """Refuse a token from now on: the transaction in which it was revoked has happened."""
        self._tokens[jti] = math.ceil(expires_at) + _EXPIRY_MARGIN_SECONDS

    def revoke_client(
        self,
        client_id: str,
        before: float,
        transaction: TransactWrite | None = None,
        *,
        revision: int | None = None,
    ) -> None:
        """Forbid all tokens issued to ``client_id`` from an earlier revision of its account than ``revision``.

        ``before`` (epoch seconds) is when this happens. Without ``revision``, and for a token that names none, it
        decides alone; times in tokens are whole seconds (``iat``), so its own second is forbidden as well.
        ``transaction`` as for a token. Raises Unavailable.
        """
        record = self._cut(self._clock(), client_id, before, revision)
        if self._write(record, transaction):
            self._take_cut(record)

    def cut_client(self, client_id: str, before: float, transaction: TransactWrite) -> None:
        """Forbid all tokens issued to ``client_id`` before ``before`` (epoch seconds), its own second included.

        For a client that revokes more tokens than each process should have to know: its cuts are at most
        one entry a minute, of which the latest holds. The transaction fails on a condition when a later cut was
        made meanwhile, and conflicts when one is being made: try again.
        """
        minute = self._clock() // _CUT_SECONDS * _CUT_SECONDS
        record = self._cut(minute, client_id, before, None)
        unless_later = self._table.not_before.does_not_exist() | (self._table.not_before <= record.not_before)
        transaction.save(record, condition=unless_later)

    def is_revoked(self, jti: str, client_id: str, issued_at: float, revision: int | None = None) -> bool:
        """Tell whether a token is revoked, from a snapshot not older than the delay. Raises Unavailable."""
        now = self._clock()
        # A clock that was set back is no reason to trust an old snapshot.
        if self._read_at is None or not 0 <= now - self._read_at < self._delay:
            self._refresh(now)
        if jti in self._tokens:
            return True
        return any(cut.forbids(issued_at, revision) for cut in self._clients.get(client_id, ()))

    def _cut(self, written_at: float, client_id: str, before: float, revision: int | None) -> Revocation:
        not_before = math.floor(before) + 1
        useless_at = not_before + _IN_FLIGHT_SECONDS + LONGEST_TOKEN_LIFETIME_SECONDS
        record = self._record(written_at, f"client#{client_id}", useless_at)
        record.client_id = client_id
        record.not_before = not_before
        record.before_revision = revision
        return record

    def _record(self, written_at: float, what: str, useless_at: float) -> Revocation:
        record: Revocation = self._table(_PARTITION, f"{int(written_at * 1000):013d}#{what}")
        record.expires_at_epoch = math.ceil(useless_at) + _EXPIRY_MARGIN_SECONDS
        return record

    def _write(self, record: Revocation, transaction: TransactWrite | None) -> bool:
        """Write, or let ``transaction`` do it; tell whether it is written already."""
        if transaction is not None:
            transaction.save(record)
            return False
        with reaching_dynamodb():
            record.save()
        return True

    def _refresh(self, now: float) -> None:
        """Read what was written since the last read; the first time, all that can still matter."""
        if 0 <= now - self._failed_at < _RETRY_SECONDS:
            raise Unavailable("the revoked tokens cannot be read")
        since = now if self._read_at is None else min(self._read_at, now)
        oldest = f"{max(0, int((since - _OVERLAP_SECONDS) * 1000)):013d}"
        try:
            if self._read_at is None:
                alive = self._table.expires_at_epoch > int(now)
                self._read(self._table.by_expiry.query(_PARTITION, alive, attributes_to_get=_ATTRIBUTES))
            lately = self._table.id >= oldest
            self._read(self._table.query(_PARTITION, lately, attributes_to_get=_ATTRIBUTES, consistent_read=True))
        except Unavailable:
            self._failed_at = self._clock()
            raise
        self._drop_useless(now)
        self._read_at = now

    def _read(self, asked: ResultIterator[Revocation]) -> None:
        """Take in what a Query finds, a page of at most 1 MB at a time.

        The items are read as they come: making a model of each takes four times as long.
        """
        with reaching_dynamodb():
            for page in asked.page_iter:
                for item in page["Items"]:
                    self._take(item)

    def _take(self, item: Mapping[str, Mapping[str, Any]]) -> None:
        useless_at = int(item["expires_at_epoch"]["N"])
        kind, _, name = item["id"]["S"].partition("#")[2].partition("#")
        if kind == "jti":
            self._tokens[name] = useless_at
        elif kind == "client":
            revision = item.get("before_revision", {}).get("N")
            cut = _Cut(int(item["not_before"]["N"]), None if revision is None else int(revision), useless_at)
            self._add_cut(name, cut)

    def _take_cut(self, record: Revocation) -> None:
        revision = None if record.before_revision is None else int(record.before_revision)
        cut = _Cut(int(record.not_before or 0), revision, int(record.expires_at_epoch))
        self._add_cut(str(record.client_id), cut)

    def _add_cut(self, client_id: str, cut: _Cut) -> None:
        cuts = self._clients.setdefault(client_id, set())
        if cut.revision is None:
            latest = max(
                [cut, *(each for each in cuts if each.revision is None)], key=lambda each: each.not_before
            )
            cuts -= {each for each in cuts if each.revision is None}
            cut = latest
        cuts.add(cut)

    def _drop_useless(self, now: float) -> None:
        self._tokens = {jti: useless_at for jti, useless_at in self._tokens.items() if useless_at > now}
        for client_id, cuts in list(self._clients.items()):
            useful = {cut for cut in cuts if cut.useless_at > now}
            if useful:
                self._clients[client_id] = useful
            else:
                del self._clients[client_id]
