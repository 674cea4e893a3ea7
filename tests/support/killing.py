"""Killing whoever calls: at any call of a port, before it has its effect or right after.

A function that is cut off, or a client that vanishes, stops between two calls: what was done is done, and nobody
is told. ``Killed`` is no Exception, so nothing that mends failures catches it. Guard the ports of the one that is
to be killed; who is called meanwhile is another process, and lives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")

BEFORE, AFTER = "before", "after"


class Killed(BaseException):
    """The process is gone."""


class Killer:
    """Counts the calls of what it guards, and kills at the one that was chosen."""

    def __init__(self, number: int | None = None, when: str = BEFORE) -> None:
        """Kill at the call of that number, see ``kill_at``; None: nobody, only count."""
        self.calls: list[str] = []
        self.has_killed = False
        self._at = None if number is None else (number, when)
        self._act: Callable[[], None] | None = None

    def kill_at(self, number: int, when: str) -> None:
        """Kill at the call of that number from now on, counted from 0, ``before`` or ``after`` its effect."""
        self.calls = []
        self._at = (number, when)
        self._act = None

    def do_at(self, number: int, when: str, act: Callable[[], None]) -> None:
        """Do something else at that call instead of killing: what others do meanwhile."""
        self.kill_at(number, when)
        self._act = act

    def spare(self) -> None:
        """Kill nobody any more."""
        self._at = None
        self._act = None

    def guard(self, port: T, *names: str) -> T:
        """Give the port with its calls counted: all of them, or those named."""
        return cast(T, _Guarded(self, port, frozenset(names)))

    def call(self, name: str, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Make a call, or die at it."""
        number = len(self.calls)
        self.calls.append(name)
        if self._at == (number, BEFORE):
            self._die(name)
        try:
            return method(*arguments, **named)
        finally:
            if self._at == (number, AFTER):
                self._die(name)

    def _die(self, name: str) -> None:
        act = self._act
        self.spare()
        if act is None:
            self.has_killed = True
            raise Killed(name)
        act()


class _Guarded:
    def __init__(self, killer: Killer, port: Any, names: frozenset[str]) -> None:
        self._killer = killer
        self._port = port
        self._names = names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found) or (self._names and name not in self._names):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            return self._killer.call(f"{type(self._port).__name__}.{name}", found, *arguments, **named)

        return call

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._killer.call(type(self._port).__name__, self._port, *arguments, **named)


def every_moment(run: Callable[[Killer], None], *, afterwards: Callable[[str], None]) -> int:
    """Run a flow once to count its calls, then again and again, killed at each of them before and after.

    ``run`` begins with a world of its own each time; ``afterwards`` is told where it was killed, and mends and
    checks what is left. Gives the number of runs that were killed.
    """
    counting = Killer()
    run(counting)
    calls = list(counting.calls)
    afterwards("nowhere")
    moments = [(number, when) for number in range(len(calls)) for when in (BEFORE, AFTER)]
    for number, when in moments:
        killer = Killer()
        killer.kill_at(number, when)
        try:
            run(killer)
        except Killed:
            afterwards(f"{when} call {number}, {calls[number]}")
        else:
            raise AssertionError(f"nobody died {when} call {number}, {calls[number]}")
    return len(moments)
