"""audit: entries that the chain takes, one by one and from the outbox; what an administrator waits meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from artstore.audit import AuditEvent
from artstore.aws.audit_outbox import MAX_AT_ONCE, AuditOutbox
from artstore.aws.audit_table import AuditTable
from artstore.errors import Unavailable
from benchmarks.measure import Row
from benchmarks.report import Result
from benchmarks.stack import Stack
from benchmarks.tables import own_tables

WRITERS = 20
_BETWEEN_ACTS_SECONDS = 0.1


def run(stack: Stack, rounds: int) -> Result:
    """Measure the chain in tables of its own; ``rounds`` entries a case, and ten times as many by the outbox.

    The floor of each case is what one writer waits for one entry when nobody else writes.
    """
    stack.become()
    with own_tables(stack, "AuditTable", "AuditOutboxTable") as prefix:
        log, outbox = AuditTable(prefix), AuditOutbox(prefix)
        _timed(lambda: log.append(_event()), 5)
        alone, _ = _timed(lambda: log.append(_event()), rounds)
        together, lost, seconds = _many_writers(prefix, rounds)
        leaving, _ = _timed(lambda: outbox.leave(_event()), rounds)
        for _ in range(10 * rounds - len(leaving)):
            outbox.leave(_event())
        began = time.perf_counter()
        moved = outbox.move(log, 600)
        moving = time.perf_counter() - began
        behind, waited = _administrator_meanwhile(prefix, rounds)
    return Result(
        "audit",
        [
            Row.of("an entry, one writer", alone, alone),
            Row.of(f"an entry, {WRITERS} writers at once", together, alone),
            Row.of("an event left in the outbox", leaving, alone),
            Row.of("an administrator's entry while the outbox is emptied", waited, alone),
        ],
        remarks=[
            f"{WRITERS} writers: {len(together) / seconds:.0f} entries a second, {lost} given up",
            f"outbox: {moved} events in {moving:.1f} s, {moved / moving:.0f} a second, {MAX_AT_ONCE} at once",
            f"{behind} events were moved while the administrator wrote",
        ],
    )


def _event() -> AuditEvent:
    return AuditEvent(
        action="token.revoked",
        actor="sa_benchmark",
        object="service-account/sa_benchmark",
        outcome="success",
        source_ip="192.0.2.1",
        request_id="benchmark",
        after={"jti": "00000000-0000-0000-0000-000000000000"},
    )


def _timed(step: Callable[[], object], rounds: int) -> tuple[list[float], int]:
    """Time a step; give the milliseconds of those that were done, and how many were given up."""
    times: list[float] = []
    lost = 0
    for _ in range(rounds):
        began = time.perf_counter()
        try:
            step()
        except Unavailable:
            lost += 1
        else:
            times.append((time.perf_counter() - began) * 1000)
    return times, lost


def _many_writers(prefix: str, rounds: int) -> tuple[list[float], int, float]:
    def write(_number: int) -> tuple[list[float], int]:
        log = AuditTable(prefix)
        return _timed(lambda: log.append(_event()), max(2, rounds // WRITERS))

    began = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as pool:
        done = list(pool.map(write, range(WRITERS)))
    seconds = time.perf_counter() - began
    return [each for times, _ in done for each in times], sum(lost for _, lost in done), seconds


def _administrator_meanwhile(prefix: str, rounds: int) -> tuple[int, list[float]]:
    """Give how many events were moved while entries were written one by one, and what each of those waited."""
    outbox = AuditOutbox(prefix)
    for _ in range(10 * rounds):
        outbox.leave(_event())
    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(outbox.move, AuditTable(prefix), 600)
        log = AuditTable(prefix)
        waited: list[float] = []
        while not moving.done():
            waited += _timed(lambda: log.append(_event()), 1)[0]
            time.sleep(_BETWEEN_ACTS_SECONDS)
    return moving.result(), waited
