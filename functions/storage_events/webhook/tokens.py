"""The tokens that senders of events know: the present one and the one before, so that it can be changed without
losing an event.

They are a secret of the deployment's own. A token that is unknown has the secret read again, but not more often
than every few seconds; without that the two are good for a minute, so that one that was replaced twice ends.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

from artstore.aws.secret_store import CURRENT, PREVIOUS
from artstore.errors import Misconfigured

FRESH_SECONDS = 60
COOLDOWN_SECONDS = 5


class WebhookTokens:
    """The tokens of one deployment."""

    def __init__(self, read: Callable[[str], str | None], clock: Callable[[], float] = time.monotonic) -> None:
        """Take what reads the secret at a stage (``secret_store.CURRENT``, ``PREVIOUS``); nothing is read yet."""
        self._read = read
        self._clock = clock
        self._tokens: tuple[bytes, ...] = ()
        self._read_at = float("-inf")

    def accept(self, token: str) -> bool:
        """Tell whether the token is good. Raises Unavailable, and Misconfigured when there is none at all."""
        given = token.encode("utf-8", "surrogatepass")
        age = self._clock() - self._read_at
        if age >= FRESH_SECONDS:
            self._refresh()
            return self._knows(given)
        if self._knows(given):
            return True
        if age < COOLDOWN_SECONDS:
            return False
        self._refresh()
        return self._knows(given)

    def _knows(self, given: bytes) -> bool:
        """Compare with each, in a time that tells nothing."""
        same = [hmac.compare_digest(given, each) for each in self._tokens]
        return any(same)

    def _refresh(self) -> None:
        current, previous = self._read(CURRENT), self._read(PREVIOUS)
        if not current:
            raise Misconfigured("the secret in ARTSTORE_WEBHOOK_TOKEN_SECRET_ID has no value")
        self._tokens = tuple(each.strip().encode() for each in (current, previous) if each and each.strip())
        self._read_at = self._clock()
