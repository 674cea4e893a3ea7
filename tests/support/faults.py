"""Faults at named calls: somebody is stopped just before a call has its effect, or just after.

``Faulty`` wraps a port. Every call of its methods is counted, together with those of all other ports of the same
``Faults``; at the number that was chosen ``Killed`` is raised, which no code of ours catches, since it is no
Exception. So a test can stop a flow after every single step without waiting for anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

Port = TypeVar("Port")


class Killed(BaseException):
    """The process is gone."""


class Faults:
    """Counts the calls of the ports it wraps, and strikes at one of them."""

    def __init__(self, strike_at: int | None = None, *, after: bool = False) -> None:
        """Strike at the call ``strike_at`` (from 1), before its effect or after it; None: never."""
        self.strike_at = strike_at
        self.after = after
        self.calls: list[str] = []

    @property
    def has_struck(self) -> bool:
        """Tell whether the flow was long enough to be stopped."""
        return self.strike_at is not None and len(self.calls) >= self.strike_at

    def wrap(self, port: Port, name: str = "") -> Port:
        """Give the port with each call of its methods counted."""
        return cast(Port, _Faulty(port, name or type(port).__name__, self))

    def call(self, name: str, function: Callable[[], Any]) -> Any:
        """Count one call, and make it unless it is the one."""
        self.calls.append(name)
        mine = len(self.calls) == self.strike_at
        if mine and not self.after:
            raise Killed(f"before {name}")
        answer = function()
        if mine:
            raise Killed(f"after {name}")
        return answer


class _Faulty:
    def __init__(self, port: object, name: str, faults: Faults) -> None:
        self._port, self._name, self._faults = port, name, faults

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        port: Any = self._port
        return self._faults.call(self._name, lambda: port(*args, **kwargs))

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._port, attribute)
        if not callable(found):
            return found
        return lambda *args, **kwargs: self._faults.call(
            f"{self._name}.{attribute}", lambda: found(*args, **kwargs)
        )
