"""What a comparison finds: counts of each kind, and some of the places by name."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from artstore.index.claims import Place

MOST_SAMPLES = 50
"""Of each kind."""
MOST_BYTES = 12_000
"""Of the samples of each kind, as JSON: a report has 350 kB, and parts of it are kept beside it."""


class Kind(enum.StrEnum):
    """How a place differs from what it should be."""

    NOT_INDEXED = "not_indexed"
    """An attr.json that the index does not know."""
    STALE = "stale"
    """The index holds another attr.json, or other bytes, than lie there."""
    GHOST = "ghost"
    """The index holds a document whose attr.json is gone."""
    OBJECT_MISSING = "object_missing"
    """An attr.json whose bytes are gone, as the index says, too: nothing can be repaired here."""
    UNDESCRIBED = "undescribed"
    """An object that should have an attr.json and has none."""
    RECORD_OPEN = "record_open"
    """An upload that is still awaited, though its document is there."""
    DAMAGED = "damaged"
    """An attr.json that is none."""


class Explained(enum.StrEnum):
    """Why what looks like a difference is none."""

    RECENT = "recent"
    """Its event may be on its way."""
    REFUSED = "refused"
    """Bytes of an upload that was refused or given up; the sweep of orphans tells of them."""
    LEFT_BEHIND = "left_behind"
    """The object of a document whose attr.json was deleted."""
    FINALIZING = "finalizing"
    """The copy of a finalization that is under way, or was given up."""
    CLOSED = "element_closed"
    """An object without an attr.json where nothing is described any more."""


class Sample(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place that differs."""

    place: str
    file_id: str | None = None
    reason: str | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one place came to."""

    place: Place
    kind: Kind | Explained
    file_id: str | None = None
    reason: str | None = None
    can_be_mended: bool = True
    """Whether a look of ingest's could change anything."""


class Findings(msgspec.Struct, kw_only=True):
    """What was found so far: also part of the progress of jobs."""

    counts: dict[str, int] = {}
    samples: dict[str, list[Sample]] = {}
    explained: dict[str, int] = {}
    asked: int = 0
    """Places that ingest was asked to look at."""

    def note(self, found: Found) -> None:
        """Count, and name it as long as there is room."""
        if isinstance(found.kind, Explained):
            self.explained[found.kind] = self.explained.get(found.kind, 0) + 1
            return
        self.counts[found.kind] = self.counts.get(found.kind, 0) + 1
        self._name(found.kind, Sample("s3://" + "/".join(found.place), found.file_id, found.reason))

    def add(self, others: Findings) -> None:
        """Take in what another part of the walk has found."""
        for mine, theirs in ((self.counts, others.counts), (self.explained, others.explained)):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count
        for kind, samples in others.samples.items():
            for each in samples:
                self._name(kind, each)
        self.asked += others.asked

    def _name(self, kind: str, sample: Sample) -> None:
        named = self.samples.setdefault(kind, [])
        if len(named) < MOST_SAMPLES and len(msgspec.json.encode([*named, sample])) <= MOST_BYTES:
            named.append(sample)

    def report(self) -> dict[str, Any]:
        """Give it as a report shows it: every kind, also those of which there is none."""
        differences = {
            str(kind): {
                "count": self.counts.get(kind, 0),
                "samples": msgspec.to_builtins(sorted(self.samples.get(kind, []), key=lambda each: each.place)),
            }
            for kind in Kind
        }
        return {
            "agree": not any(self.counts.get(kind) for kind in Kind if kind not in _NO_DISAGREEMENT),
            "differences": differences,
            "explained": {str(why): self.explained.get(why, 0) for why in Explained},
            "asked": self.asked,
        }


_NO_DISAGREEMENT = (Kind.OBJECT_MISSING, Kind.DAMAGED)
"""Of these the index says what the bucket says."""
