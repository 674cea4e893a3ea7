"""Readiness: each thing the archive depends on is really asked, by name, all at once and for a short time.

What was found is the answer for some seconds, so that whoever asks without end does not make the archive ask
without end; and a dependency that has not answered yet is not asked a second time beside the first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from aws_lambda_powertools import Logger

from artstore import deadline
from artstore.errors import ArtStoreError
from functions.query.models import Readiness

Check = Callable[[], object]

OK, NO_ANSWER = "ok", "no_answer"
CHECK_SECONDS = 1.5
"""How long a check may wait for its dependency."""
_GRACE_SECONDS = 0.3
"""How long after that its outcome is waited for; a check stuck beyond the reach of deadlines is left alone."""
REMEMBERED_SECONDS = 5
"""How long an answer stands."""


class ReadinessProbe:
    """Asks what the archive depends on."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        logger: Logger,
        *,
        check_seconds: float = CHECK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a check for each dependency; one that raises makes the archive unavailable."""
        self._checks = checks
        self._logger = logger
        self._check_seconds = check_seconds
        self._clock = clock
        self._asking: dict[str, _Asking] = {}
        self._lock = threading.Lock()
        self._found: Readiness | None = None
        self._found_at = 0.0

    def ask(self) -> Readiness:
        """Tell what answers; asked of the dependencies themselves unless that was done a moment ago.

        The answer names the dependency and no cause, address or credential; the log has these.
        """
        with self._lock:
            if self._found is None or self._clock() - self._found_at >= REMEMBERED_SECONDS:
                self._found = self._ask()
                self._found_at = self._clock()
            return self._found

    def _ask(self) -> Readiness:
        for name, check in self._checks.items():
            before = self._asking.get(name)
            if before is None or not before.is_alive():
                self._asking[name] = _Asking(name, check, self._check_seconds, self._logger)
        ends_at = time.monotonic() + self._check_seconds + _GRACE_SECONDS
        for asking in self._asking.values():
            asking.join(max(0.0, ends_at - time.monotonic()))
        outcomes = {name: asking.outcome for name, asking in self._asking.items()}
        healthy = all(outcome == OK for outcome in outcomes.values())
        return Readiness("ready" if healthy else "unavailable", outcomes)


class _Asking(threading.Thread):
    """One check under way, in a thread that no exit of the process waits for."""

    def __init__(self, name: str, check: Check, seconds: float, logger: Logger) -> None:
        super().__init__(name=f"readiness-{name}", daemon=True)
        self.outcome = NO_ANSWER
        self._dependency = name
        self._check = check
        self._seconds = seconds
        self._logger = logger
        self.start()

    def run(self) -> None:
        try:
            with deadline.within(self._seconds):
                self._check()
        except Exception as error:  # whatever fails, the dependency is not ready
            self._logger.warning("dependency", exc_info=error, extra={"dependency": self._dependency})
            self.outcome = error.code if isinstance(error, ArtStoreError) else "unavailable"
        else:
            self.outcome = OK
