"""Where the database is: a URL in the settings, or in the secret that they name, which may be rotated."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from artstore.aws.secret_store import read_secret
from artstore.config import DatabaseSettings
from artstore.errors import Misconfigured, Unavailable

RENEWAL_COOLDOWN_SECONDS = 5
"""A database that is away makes a process read the secret at most so often, however many requests ask."""


class DatabaseAddress:
    """The postgresql:// URL of the index. The secret is read at the first use, and again when asked to."""

    def __init__(self, settings: DatabaseSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the settings; no call is made yet."""
        self._settings = settings
        self._clock = clock
        self._url = settings.database_url
        self._read_at = -math.inf

    def url(self) -> str:
        """Give the URL as it was read last. Raises Unavailable, and Misconfigured when the secret is empty."""
        if self._url is None:
            self._url = self._read()
        return self._url

    def renew(self) -> bool:
        """Read the secret again, for a server that refuses what it says; True when it says something else now.

        False also when there is no secret, when it cannot be read, and within the cooldown.
        """
        if self._settings.database_url or self._clock() - self._read_at < RENEWAL_COOLDOWN_SECONDS:
            return False
        before = self._url
        try:
            self._url = self._read()
        except (Unavailable, Misconfigured):
            return False
        return self._url != before

    def _read(self) -> str:
        self._read_at = self._clock()
        url = read_secret(str(self._settings.database_secret_id))
        if not url:
            raise Misconfigured("the secret in ARTSTORE_DATABASE_SECRET_ID has no value")
        return url
