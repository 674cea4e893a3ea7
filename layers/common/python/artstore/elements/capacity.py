"""How full a storage element is, and what that means. Pure functions; bytes everywhere.

What is free is compared with the larger of a share of the capacity and an absolute floor, so that a large element
warns in time and not far too early. For an element smaller than the highest of its floors the shares alone count:
the floors would make it critical before it had warned, or full before it held anything.

======  ================  ================  ===============
mode    WARNING           CRITICAL          FULL
======  ================  ================  ===============
edit    10 % or 100 GB    5 % or 50 GB      1 % or 10 GB
others  15 % or 150 GB    8 % or 80 GB      2 % or 20 GB
======  ================  ================  ===============
"""

from __future__ import annotations

import enum
from fractions import Fraction

import msgspec

from artstore.elements.modes import Mode

GB = 1_000_000_000


class Fill(enum.StrEnum):
    """How full an element is."""

    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"
    FULL = "FULL"


class Threshold(msgspec.Struct, frozen=True):
    """A share of the capacity and a floor in bytes."""

    share: Fraction
    floor: int


_EDIT = {
    Fill.WARNING: Threshold(Fraction(10, 100), 100 * GB),
    Fill.CRITICAL: Threshold(Fraction(5, 100), 50 * GB),
    Fill.FULL: Threshold(Fraction(1, 100), 10 * GB),
}
_OTHERS = {
    Fill.WARNING: Threshold(Fraction(15, 100), 150 * GB),
    Fill.CRITICAL: Threshold(Fraction(8, 100), 80 * GB),
    Fill.FULL: Threshold(Fraction(2, 100), 20 * GB),
}


def threshold(mode: Mode, capacity: int, fill: Fill) -> int:
    """Give the free bytes at or below which an element of ``capacity`` is ``fill``; -1 for OK: never."""
    thresholds = _EDIT if mode is Mode.EDIT else _OTHERS
    if fill is Fill.OK:
        return -1
    chosen = thresholds[fill]
    share = int(chosen.share * capacity)
    return share if capacity < thresholds[Fill.WARNING].floor else max(share, chosen.floor)


def fill_of(mode: Mode, capacity: int | None, used: int) -> Fill:
    """Tell how full an element is; one without a capacity never fills."""
    if capacity is None:
        return Fill.OK
    free = capacity - used
    for fill in (Fill.FULL, Fill.CRITICAL, Fill.WARNING):
        if free <= threshold(mode, capacity, fill):
            return fill
    return Fill.OK


def has_room(mode: Mode, capacity: int | None, used: int, size: int) -> bool:
    """Tell whether ``size`` bytes fit without using up what is kept free in a FULL element."""
    if capacity is None:
        return True
    free = capacity - used
    reserve = threshold(mode, capacity, Fill.FULL)
    return free > reserve and free - size >= reserve
