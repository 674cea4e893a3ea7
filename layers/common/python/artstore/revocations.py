"""Revoked access tokens: a small table, and a snapshot of it in each process that verifies tokens.

An access token verifies without asking anyone until it expires; what must end sooner is written here: one token
by its ``jti`` (RFC 7009), or all tokens that a client was issued up to a moment (suspension, deletion, a stolen
secret). An entry lives as long as the tokens it forbids and is then dropped by the table's TTL.

The table has one partition whose range key begins with the time of writing, so that a process which has read it
once reads only what is new: one Query for each ``delay_seconds``, none in between. A revocation therefore holds
everywhere at most ``delay_seconds`` after it was written. When the snapshot is older and the table cannot be read,
no token is accepted: Unavailable, since a revoked token may not pass for an active one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from artstore.errors import Unavailable
from artstore.tables import Revocation, bind, reaching_dynamodb

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

LONGEST_TOKEN_LIFETIME_SECONDS = 86_400
"""The most that ARTSTORE_TOKEN_LIFETIME_SECONDS can say; no entry is of use for longer."""
_PARTITION = "revoked"
_EXPIRY_MARGIN_SECONDS = 60
"""Kept beyond a token's end, since verifiers allow for skewed clocks."""
_OVERLAP_SECONDS = 60
"""Read again each time: writers' clocks differ, and a write may take some seconds after its key was made."""
_RETRY_SECONDS = 1
"""After a failed read the next is made no sooner, so that a dead table costs each request no timeout."""


class RevocationList(Protocol):
    """What a verifier asks of the revoked tokens."""

    def is_revoked(self, jti: str, client_id: str, issued_at: float) -> bool:
        """Tell whether the token ``jti``, issued at ``issued_at`` (epoch seconds), may no longer be used.

        Raises Unavailable when this cannot be known.
        """


class Revocations:
    """The revoked tokens of one deployment."""

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
        self._clients: dict[str, tuple[int, int]] = {}  # client_id -> (not before, when of no more use)
        self._read_at: float | None = None  # all that was written before is in the snapshot
        self._failed_at = -math.inf

    def revoke_token(self, jti: str, expires_at: float, transaction: TransactWrite | None = None) -> None:
        """Forbid one token, which expires at ``expires_at`` (epoch seconds); doing it again changes nothing.

        With ``transaction`` the write is one of its writes, and takes effect here as it does elsewhere, when the
        table is read next. Raises Unavailable.
        """
        record = self._record(f"jti#{jti}", expires_at)
        record.jti = jti
        self._write(record, transaction)

    def revoke_client(self, client_id: str, before: float, transaction: TransactWrite | None = None) -> None:
        """Forbid all tokens issued to ``client_id`` up to ``before`` (epoch seconds).

        Times in tokens are whole seconds (``iat``), so the second of ``before`` itself is forbidden as well.
        ``transaction`` as for a token. Raises Unavailable.
        """
        not_before = math.floor(before) + 1
        record = self._record(f"client#{client_id}", not_before + LONGEST_TOKEN_LIFETIME_SECONDS)
        record.client_id = client_id
        record.not_before = not_before
        self._write(record, transaction)

    def is_revoked(self, jti: str, client_id: str, issued_at: float) -> bool:
        """Tell whether a token is revoked, from a snapshot not older than the delay. Raises Unavailable."""
        now = self._clock()
        # A clock that was set back is no reason to trust an old snapshot.
        if self._read_at is None or not 0 <= now - self._read_at < self._delay:
            self._refresh(now)
        if jti in self._tokens:
            return True
        of_client = self._clients.get(client_id)
        return of_client is not None and issued_at < of_client[0]

    def _record(self, what: str, useless_at: float) -> Revocation:
        written_at = int(self._clock() * 1000)
        record: Revocation = self._table(_PARTITION, f"{written_at:013d}#{what}")
        record.expires_at_epoch = math.ceil(useless_at) + _EXPIRY_MARGIN_SECONDS
        return record

    def _write(self, record: Revocation, transaction: TransactWrite | None) -> None:
        if transaction is not None:
            transaction.save(record)
            return
        with reaching_dynamodb():
            record.save()
        self._take(record)

    def _refresh(self, now: float) -> None:
        """Read what was written since the last read; the first time, all that can still matter."""
        if 0 <= now - self._failed_at < _RETRY_SECONDS:
            raise Unavailable("the revoked tokens cannot be read")
        since = now - LONGEST_TOKEN_LIFETIME_SECONDS if self._read_at is None else min(self._read_at, now)
        oldest = f"{max(0, int((since - _OVERLAP_SECONDS) * 1000)):013d}"
        try:
            with reaching_dynamodb():
                found = list(self._table.query(_PARTITION, self._table.id >= oldest, consistent_read=True))
        except Unavailable:
            self._failed_at = self._clock()
            raise
        for record in found:
            self._take(record)
        self._drop_useless(now)
        self._read_at = now

    def _take(self, record: Revocation) -> None:
        useless_at = int(record.expires_at_epoch)
        if record.jti is not None:
            self._tokens[record.jti] = useless_at
        elif record.client_id is not None and record.not_before is not None:
            not_before = int(record.not_before)
            if not_before > self._clients.get(record.client_id, (0, 0))[0]:
                self._clients[record.client_id] = (not_before, useless_at)

    def _drop_useless(self, now: float) -> None:
        self._tokens = {jti: useless_at for jti, useless_at in self._tokens.items() if useless_at > now}
        self._clients = {name: entry for name, entry in self._clients.items() if entry[1] > now}
