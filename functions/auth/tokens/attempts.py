"""Counting what an attacker would repeat: failures to authenticate, used assertions, and revocations.

Failures are counted by client and address together, by address, and, with a far higher limit, by client. A limit
never decides whether a right proof is accepted, only what a wrong one may cost: up to it a wrong secret is
compared by bcrypt, beyond it by its fingerprint alone. Nobody is locked out by what others do in their name.

Counts are in the ``{prefix}-attempts`` table and end by its TTL. A process learns that a limit is passed when it
counts a failure, and not before, so a request that succeeds pays nothing for the counting. Known and unknown
clients are counted alike, so that neither the answer nor its time tells whether a client exists.
"""

from __future__ import annotations

import hashlib

from pynamodb.exceptions import PutError
from pynamodb.expressions.operand import Path

from artstore.aws.dynamodb import reaching_dynamodb, refusal_code
from artstore.errors import RateLimited
from artstore.tables import Attempt, bind

WINDOW_SECONDS = 300
MAX_PER_CLIENT_AND_ADDRESS = 30
MAX_PER_ADDRESS = 100
MAX_PER_CLIENT = 3000
"""Two comparisons of some 45 ms each: a guess at one client from everywhere takes nine tenths of a core."""
_KEPT_SECONDS = 3600
_MAX_REMEMBERED = 10_000


class Attempts:
    """The attempts of one deployment."""

    def __init__(
        self,
        prefix: str,
        *,
        per_client_and_address: int = MAX_PER_CLIENT_AND_ADDRESS,
        per_address: int = MAX_PER_ADDRESS,
        per_client: int = MAX_PER_CLIENT,
    ) -> None:
        """Allow so many failures in each window of five minutes."""
        self._table = bind(Attempt, prefix)
        self._per_client_and_address = per_client_and_address
        self._per_address = per_address
        self._per_client = per_client
        self._beyond: dict[tuple[str, ...], int] = {}

    def limit(self, client_id: str, address: str, now: float) -> RateLimited | None:
        """Give the refusal that a wrong proof deserves, as far as this process knows; no call."""
        window, into = divmod(int(now), WINDOW_SECONDS)
        keys: tuple[tuple[str, ...], ...] = (("", address), (client_id,), (client_id, address))
        return _too_many(into) if any(self._beyond.get(key) == window for key in keys) else None

    def fail(self, client_id: str, address: str, now: float) -> None:
        """Count a failure; two UpdateItem. Raises RateLimited (``too_many_attempts``) beyond a limit."""
        window, into = divmod(int(now), WINDOW_SECONDS)
        about_client = f"client_{_digest(client_id)[:16]}"
        from_address = self._add(_key("address", address, window), now, "attempts", about_client)
        of_client = self._add(_key("client", client_id, window), now, "attempts")
        counted: dict[tuple[str, ...], tuple[int, int]] = {
            ("", address): (from_address["attempts"], self._per_address),
            (client_id, address): (from_address[about_client], self._per_client_and_address),
            (client_id,): (of_client["attempts"], self._per_client),
        }
        beyond = [key for key, (count, limit) in counted.items() if count > limit]
        if not beyond:
            return
        if len(self._beyond) >= _MAX_REMEMBERED:
            self._beyond.clear()
        self._beyond |= dict.fromkeys(beyond, window)
        raise _too_many(into)

    def claim_assertion(self, client_id: str, jti: str, expires_at: float) -> bool:
        """Remember an assertion until it expires; False when it was used before (RFC 7523 §3, item 7)."""
        attempt = self._table(_key("assertion", client_id, jti), expires_at_epoch=int(expires_at) + 60)
        with reaching_dynamodb():
            try:
                attempt.save(condition=self._table.attempt_id.does_not_exist())
            except PutError as error:
                if refusal_code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def count_revocation(self, client_id: str, window_seconds: int, now: float) -> int:
        """Count a revocation of a client's token, and give how many there are in this window; one UpdateItem."""
        window = int(now) // window_seconds
        kept = window_seconds + _KEPT_SECONDS
        return self._add(_key("revocation", client_id, window), now, "attempts", kept_seconds=kept)["attempts"]

    def _add(self, key: str, now: float, *counters: str, kept_seconds: int = _KEPT_SECONDS) -> dict[str, int]:
        """Add one to each of the counters of an item and give what they are now."""
        actions = [Path(name).add(1) for name in counters]
        ends = self._table.expires_at_epoch.set(int(now) + kept_seconds)
        with reaching_dynamodb():
            answer = self._table(key).update([*actions, ends])["Attributes"]
        return {name: int(answer[name]["N"]) for name in counters}


def _too_many(into: int) -> RateLimited:
    return RateLimited(
        "too many attempts to authenticate", retry_after=WINDOW_SECONDS - into, code="too_many_attempts"
    )


def _key(kind: str, *parts: object) -> str:
    """Give the key of a counter; what a stranger sent is hashed, so that its length and text do not matter."""
    return f"{kind}#{_digest(*parts)}"


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
