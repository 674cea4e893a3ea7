"""Counting what an attacker would repeat: costly verifications by client and by address, and used assertions.

Items live in the ``{prefix}-attempts`` table and end by its TTL. Known and unknown clients are counted alike, so
that neither the answer nor its time tells whether a client exists.
"""

from __future__ import annotations

import hashlib

from pynamodb.exceptions import PutError

from artstore.aws.dynamodb import reaching_dynamodb
from artstore.errors import RateLimited
from artstore.tables import Attempt, bind

WINDOW_SECONDS = 300
MAX_PER_CLIENT = 30
MAX_PER_ADDRESS = 100
_KEPT_SECONDS = 3600
_MAX_REMEMBERED = 10_000


class Attempts:
    """The attempts of one deployment."""

    def __init__(
        self, prefix: str, *, per_client: int = MAX_PER_CLIENT, per_address: int = MAX_PER_ADDRESS
    ) -> None:
        """Allow so many attempts by a client, and failures from an address, in each window of five minutes."""
        self._table = bind(Attempt, prefix)
        self._per_client = per_client
        self._per_address = per_address
        self._shut_out: dict[str, int] = {}

    def count(self, client_id: str, address: str, now: float) -> None:
        """Count one attempt of a client before it is verified; one UpdateItem.

        Raises RateLimited (``too_many_attempts``) beyond the client's limit, and for an address that this process
        knows to be beyond its own; Unavailable: what cannot be counted is not verified.
        """
        window, into = divmod(int(now), WINDOW_SECONDS)
        if self._shut_out.get(address) == window:
            raise _too_many(into)
        if self._add(_key("client", client_id, window), 1, now) > self._per_client:
            raise _too_many(into)

    def forgive(self, client_id: str, now: float) -> None:
        """Take back a client's attempt that succeeded; one UpdateItem."""
        self._add(_key("client", client_id, int(now) // WINDOW_SECONDS), -1, now)

    def fail(self, address: str, now: float) -> None:
        """Count a failure from an address; one UpdateItem. Raises RateLimited beyond its limit."""
        window, into = divmod(int(now), WINDOW_SECONDS)
        if self._add(_key("address", address, window), 1, now) > self._per_address:
            if len(self._shut_out) >= _MAX_REMEMBERED:
                self._shut_out.clear()
            self._shut_out[address] = window
            raise _too_many(into)

    def claim_assertion(self, client_id: str, jti: str, expires_at: float) -> bool:
        """Remember an assertion until it expires; False when it was used before (RFC 7523 §3, item 7)."""
        attempt = self._table(_key("assertion", client_id, jti), expires_at_epoch=int(expires_at) + 60)
        with reaching_dynamodb():
            try:
                attempt.save(condition=self._table.attempt_id.does_not_exist())
            except PutError as error:
                if error.cause_response_code == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def _add(self, key: str, number: int, now: float) -> int:
        attempt = self._table(key)
        with reaching_dynamodb():
            attempt.update(
                [
                    self._table.attempts.add(number),
                    self._table.expires_at_epoch.set(int(now) + _KEPT_SECONDS),
                ]
            )
        return int(attempt.attempts or 0)


def _too_many(into: int) -> RateLimited:
    return RateLimited(
        "too many attempts to authenticate", retry_after=WINDOW_SECONDS - into, code="too_many_attempts"
    )


def _key(kind: str, *parts: object) -> str:
    """Give the key of a counter; what a stranger sent is hashed, so that its length and text do not matter."""
    return f"{kind}#{hashlib.sha256(repr(parts).encode()).hexdigest()}"
