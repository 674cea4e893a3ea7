"""Reading an account and counting its request, in one UpdateItem.

Each request adds one to a counter attribute of the present minute (``rate_<minutes since 1970>``) on the account's
own item, on condition that the account exists, and gets the whole item back. Counters of past minutes are removed
by the next request of the same client that this process sees; if many are left over, at once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from artstore.aws.dynamodb import reaching_dynamodb, refusal_code
from artstore.tables import ServiceAccount, bind

WINDOW_SECONDS = 60
_COUNTER = "rate_"
_IS_COUNTER = re.compile(r"rate_[0-9]+")  # not rate_limit_per_minute
_MAX_STALE = 20
_MAX_REMEMBERED = 10_000
_PAUSES_SECONDS = (0.01, 0.03, 0.09)
"""An administrator is changing the account at this very moment: the transaction ends in milliseconds."""


@dataclass(frozen=True)
class CheckedIn:
    """An account, and how many requests it has made in the present window, this one included."""

    account: ServiceAccount
    requests: int
    seconds_left: int
    """Until the next window, 1 to 60."""


class AccountDesk:
    """Where clients check in."""

    def __init__(self, prefix: str, sleep: Callable[[float], None] = time.sleep) -> None:
        """Use the accounts table of the deployment ``prefix``."""
        self._table = bind(ServiceAccount, prefix)
        self._sleep = sleep
        self._stale: dict[str, list[str]] = {}

    def check_in(self, client_id: str, now: float) -> CheckedIn | None:
        """Count a request of ``client_id`` at ``now`` (seconds since 1970); None when there is no such account.

        One UpdateItem. Raises Unavailable.
        """
        window, into = divmod(int(now), WINDOW_SECONDS)
        counter = f"{_COUNTER}{window}"
        stale = self._stale.pop(client_id, [])
        account = self._table(client_id)
        answer = self._update(account, [Path(counter).add(1), *_removals(stale, counter)])
        if answer is None:
            return None
        left = [name for name in answer if _IS_COUNTER.fullmatch(name) and name != counter]
        if len(left) > _MAX_STALE:
            self._update(account, _removals(left, counter))
        elif left:
            if len(self._stale) >= _MAX_REMEMBERED:
                self._stale.clear()
            self._stale[client_id] = left
        return CheckedIn(account, int(answer[counter]["N"]), WINDOW_SECONDS - into)

    def _update(self, account: ServiceAccount, actions: list[Action]) -> dict[str, Any] | None:
        pauses = iter(_PAUSES_SECONDS)
        with reaching_dynamodb():
            while True:
                try:
                    data = account.update(actions, condition=self._table.client_id.exists())
                except UpdateError as error:
                    if refusal_code(error) == "ConditionalCheckFailedException":
                        return None
                    pause = next(pauses, None)
                    if pause is None or refusal_code(error) != "TransactionConflictException":
                        raise
                    self._sleep(pause)
                else:
                    attributes: dict[str, Any] = data["Attributes"]
                    return attributes


def _removals(names: list[str], counter: str) -> list[Action]:
    return [Path(name).remove() for name in names if name != counter]
