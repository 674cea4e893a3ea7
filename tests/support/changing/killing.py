"""Stopping at a given call of a port, before its effect or after it, as a process does that is killed."""

from __future__ import annotations

from typing import Any


class Killed(BaseException):
    """The process is gone; nothing that catches exceptions catches this."""


class Killer:
    """Counts the calls on every port it stands before, and ends the process at one of them."""

    def __init__(self, at: int | None = None, *, after_effect: bool = False) -> None:
        """Kill at call number ``at`` (from 0); None: never."""
        self.calls: list[str] = []
        self._at = at
        self._after_effect = after_effect

    def before(self, port: object, *names: str) -> Any:
        """Stand before the methods ``names`` of a port, or all of them."""
        return _Killable(self, port, names)

    def call(self, name: str, method: Any, arguments: Any, named: Any) -> Any:
        """Make a call, or not."""
        mine = len(self.calls) == self._at
        self.calls.append(name)
        if mine and not self._after_effect:
            raise Killed
        answer = method(*arguments, **named)
        if mine:
            raise Killed
        return answer


class _Killable:
    def __init__(self, killer: Killer, port: object, names: tuple[str, ...]) -> None:
        self._killer = killer
        self._port = port
        self._names = names

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if self._names and name not in self._names:
            return method
        return lambda *arguments, **named: self._killer.call(name, method, arguments, named)
