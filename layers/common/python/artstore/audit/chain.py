"""Verifying the chain of the audit log, in the table or in its exported files, with nothing but the entries.

A chain is intact from one link to another when every entry hashes to its own ``hash``, stands behind the entry
whose hash it names, and no ``seq`` is left out. What a chain cannot tell of itself is that its end was cut off, or
that all of it was made anew: for that it is compared with a link that was kept elsewhere, such as the last of an
exported file in the locked bucket.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence

import msgspec

from artstore.audit import START, AuditEntry, Link, hash_entry, to_line


class ProblemKind(enum.StrEnum):
    """What can be wrong with an entry."""

    CHANGED = "changed"
    """It does not hash to its own hash."""
    MISSING = "missing"
    """It is not there, although later ones are, or an export has it."""
    REORDERED = "reordered"
    """It stands in another entry's place."""
    FORKED = "forked"
    """It is whole, but not what followed the entry before, or not what was exported."""


class ChainProblem(msgspec.Struct, frozen=True):
    """The first thing that is wrong."""

    seq: int
    """The place in the log."""
    kind: ProblemKind
    detail: str


class Verification(msgspec.Struct, frozen=True):
    """How far the chain was followed, and what stopped it."""

    checked: int
    """Entries found good."""
    last: Link
    """The last good one; the next batch is verified behind it."""
    problem: ChainProblem | None


def verify_entries(entries: Sequence[AuditEntry], after: Link = START, known: Link | None = None) -> Verification:
    """Follow the chain from ``after`` through ``entries``; the entry in the place of ``known`` must be that one.

    Whether the chain reaches ``known`` at all is for ``verify_end`` to say, once there are no more entries.
    """
    last = after
    for checked, entry in enumerate(entries):
        problem = _look(entry, last, entries)
        if problem is None and known is not None and entry.seq == known.seq and entry.hash != known.hash:
            problem = ChainProblem(
                entry.seq, ProblemKind.FORKED, f"entry {entry.seq} is not the one that was exported"
            )
        if problem is not None:
            return Verification(checked, last, problem)
        last = Link(entry.seq, entry.hash)
    return Verification(len(entries), last, None)


def verify_end(last: Link, known: Link | None) -> ChainProblem | None:
    """Tell whether a chain that ends with ``last`` has lost entries up to ``known``."""
    if known is None or last.seq >= known.seq:
        return None
    detail = f"the log ends at {last.seq}, and an export has entries up to {known.seq}"
    return ChainProblem(last.seq + 1, ProblemKind.MISSING, detail)


def verify_lines(lines: Iterable[bytes | str], after: Link = START, known: Link | None = None) -> Verification:
    """Verify the lines of exported files, in the order of their names, without network or table.

    A line must be byte for byte what ``artstore.audit.to_line`` writes; the newline may be missing. ``after`` is
    the last link of the files before, by default the beginning of the log. ``known``, a link that was kept
    elsewhere, finds that the end is missing.
    """
    entries: list[AuditEntry] = []
    for line in lines:
        entry = _parse(line)
        if entry is None:
            found = verify_entries(entries, after, known)
            unreadable = ChainProblem(
                found.last.seq + 1, ProblemKind.CHANGED, "the line is not an entry as exported"
            )
            return Verification(found.checked, found.last, found.problem or unreadable)
        entries.append(entry)
    found = verify_entries(entries, after, known)
    if found.problem is None and (cut := verify_end(found.last, known)):
        return Verification(found.checked, found.last, cut)
    return found


def link_before(line: bytes | str) -> Link:
    """Give the link that a file beginning with ``line`` says it follows, to verify it alone. Raises ValueError."""
    entry = _parse(line)
    if entry is None:
        raise ValueError("the line is not an entry as exported")
    return Link(entry.seq - 1, entry.prev_hash)


def _parse(line: bytes | str) -> AuditEntry | None:
    raw = line.encode("utf-8", "replace") if isinstance(line, str) else line
    try:
        entry = msgspec.json.decode(raw, type=AuditEntry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return entry if to_line(entry).rstrip(b"\n") == raw.rstrip(b"\r\n") else None


def _look(entry: AuditEntry, last: Link, entries: Sequence[AuditEntry]) -> ChainProblem | None:
    """Tell what is wrong with ``entry`` behind ``last``; ``entries`` are those it was found among."""
    expected = last.seq + 1
    if hash_entry(entry) != entry.hash:
        own = _own_place(entry, expected, entries)
        if own is None:
            return ChainProblem(entry.seq, ProblemKind.CHANGED, f"entry {entry.seq} does not hash to its hash")
        return ChainProblem(entry.seq, ProblemKind.REORDERED, f"entry {own} stands in the place of {entry.seq}")
    if entry.seq > expected:
        if any(other.seq == expected for other in entries):
            return ChainProblem(expected, ProblemKind.REORDERED, f"entry {entry.seq} comes before {expected}")
        missing = str(expected) if entry.seq == expected + 1 else f"{expected} to {entry.seq - 1}"
        return ChainProblem(expected, ProblemKind.MISSING, f"missing: {missing}")
    if entry.seq < expected:
        if entry.seq == last.seq and entry.hash != last.hash:
            return ChainProblem(entry.seq, ProblemKind.FORKED, f"there are two entries {entry.seq}")
        return ChainProblem(entry.seq, ProblemKind.REORDERED, f"entry {entry.seq} comes after {last.seq}")
    if entry.prev_hash != last.hash:
        detail = f"entry {entry.seq} does not follow entry {last.seq}: one of them was made anew"
        return ChainProblem(entry.seq, ProblemKind.FORKED, detail)
    return None


def _own_place(entry: AuditEntry, expected: int, entries: Sequence[AuditEntry]) -> int | None:
    """Find the place where an entry that does not fit its own would be whole."""
    places = {expected, *(other.seq for other in entries)} - {entry.seq}
    for place in sorted(places):
        if hash_entry(msgspec.structs.replace(entry, seq=place)) == entry.hash:
            return place
    return None
