"""Readiness: each thing the archive depends on is really asked, by name, and all at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from aws_lambda_powertools import Logger

from artstore.errors import ArtStoreError
from functions.query.models import Readiness

Check = Callable[[], object]


def check_readiness(checks: Mapping[str, Check], logger: Logger) -> Readiness:
    """Run every check side by side; one that raises makes the archive unavailable.

    The answer names the dependency and no cause, address or credential; the log has these.
    """
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        outcomes = dict(zip(checks, pool.map(lambda name: _run(name, checks[name], logger), checks), strict=True))
    healthy = all(outcome == "ok" for outcome in outcomes.values())
    return Readiness("ready" if healthy else "unavailable", outcomes)


def _run(name: str, check: Check, logger: Logger) -> str:
    try:
        check()
    except Exception as error:  # whatever fails, the dependency is not ready
        logger.warning("dependency", exc_info=error, extra={"dependency": name})
        return error.code if isinstance(error, ArtStoreError) else "unavailable"
    return "ok"
