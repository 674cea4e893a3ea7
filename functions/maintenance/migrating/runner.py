"""The job ``migrate``: walks storage elements and rewrites what is of an older format there.

Request: ``element_id`` (all elements without it), ``dry_run``. Elements whose mode allows no change are told of
and left alone. How far the walk has come is saved every few dozen files; whoever is killed in between is followed
by somebody who finds those rewritten, and counts them as present.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import msgspec

from artstore import deadline
from artstore.elements import Right, StorageElement, StorageElements
from artstore.jobs import Job
from artstore.naming import is_attributes_key, is_reserved
from functions.maintenance.migrating.rewriting import Objects, Outcome, Rewritten, rewrite
from functions.maintenance.reconciling.ports import Page
from functions.maintenance.steps import Continue, Done, Fail, Step

SAVED_EVERY = 64
"""Files between two looks at the time, and so between two saves at most."""
MOST_SAMPLES = 50
_AT_ONCE = 8
_FINE = (Outcome.MIGRATED, Outcome.PRESENT, Outcome.GONE)


class Listing(Protocol):
    """The listing of buckets; see functions.maintenance.reconciling.storage."""

    def page(self, bucket: str, prefix: str, after: str | None, version: str | None) -> Page: ...


class Sample(msgspec.Struct, kw_only=True):
    """An attr.json that somebody should look at."""

    name: str
    outcome: Outcome
    reason: str | None = None


class Progress(msgspec.Struct, kw_only=True):
    """How far a migration has come: the elements that are left, and where the walk of the first of them stands."""

    left: list[str]
    after: str | None = None
    version: str | None = None
    counts: dict[str, int] = {}
    samples: list[Sample] = []
    elements: dict[str, str] = {}
    """What became of each element: ``walked``, or ``read_only``."""


class Migration:
    """See functions.maintenance.steps.Runner."""

    def __init__(
        self,
        *,
        elements: Callable[[], StorageElements],
        listing: Listing,
        objects: Objects,
        at_once: int = _AT_ONCE,
    ) -> None:
        """Take the ports; ``at_once`` files are rewritten side by side."""
        self._elements = elements
        self._listing = listing
        self._objects = objects
        self._at_once = at_once

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Walk on as long as there is time, or report."""
        elements = self._elements()
        dry_run = bool(job.request.get("dry_run"))
        if not job.progress:
            asked = job.request.get("element_id")
            wanted = [each.element_id for each in elements.all() if asked in (None, each.element_id)]
            if not wanted:
                return Fail("element_not_found", "there is no such storage element")
            return _continue(Progress(left=wanted))
        progress = msgspec.convert(job.progress, Progress)
        while progress.left:
            element = elements.find(progress.left[0])
            if element is None or not element.may(Right.CHANGE):
                progress.elements[progress.left.pop(0)] = "read_only" if element else "gone"
                progress.after = progress.version = None
                continue
            is_over = self._walk(element, elements, progress, time_left, dry_run=dry_run)
            if is_over:
                progress.elements[progress.left.pop(0)] = "walked"
                progress.after = progress.version = None
            return _continue(progress)
        return Done(
            {
                "dry_run": dry_run,
                "counts": progress.counts,
                "elements": progress.elements,
                "samples": msgspec.to_builtins(progress.samples),
            }
        )

    def _walk(
        self,
        element: StorageElement,
        elements: StorageElements,
        progress: Progress,
        time_left: Callable[[], float],
        *,
        dry_run: bool,
    ) -> bool:
        """Rewrite what one page lists, as far as there is time; tell whether that was the element's last.

        Raises Unavailable: what was done since the last save is found done.
        """
        page = self._listing.page(element.bucket, element.prefix, progress.after, progress.version)
        keys = [
            each.key
            for each in page.versions
            if each.is_latest and is_attributes_key(each.key) and _is_behind(each.key, progress)
        ]
        keys = [each for each in keys if not is_reserved(each) and _is_in(elements, element, each)]
        for start in range(0, len(keys), SAVED_EVERY):
            if start and time_left() <= 0:
                return False
            some = keys[start : start + SAVED_EVERY]
            self._note(element, some, self._rewrite(element.bucket, some, dry_run=dry_run), progress)
            progress.after, progress.version = some[-1], None
        if page.next is None:
            return True
        progress.after, progress.version = page.next, page.next_version
        return False

    def _rewrite(self, bucket: str, keys: Sequence[str], *, dry_run: bool) -> list[Rewritten]:
        ends_in = deadline.remaining()

        def one(key: str) -> Rewritten:
            with deadline.within(ends_in):  # a deadline belongs to its thread
                return rewrite(self._objects, bucket, key, dry_run=dry_run)

        if self._at_once == 1:
            return [one(key) for key in keys]
        with ThreadPoolExecutor(self._at_once) as threads:
            return list(threads.map(one, keys))

    def _note(
        self, element: StorageElement, keys: Sequence[str], rewritten: Sequence[Rewritten], progress: Progress
    ) -> None:
        counts = Counter(progress.counts) + Counter(str(each.outcome) for each in rewritten)
        progress.counts = dict(sorted(counts.items()))
        for key, each in zip(keys, rewritten, strict=True):
            if each.outcome not in _FINE and len(progress.samples) < MOST_SAMPLES:
                name = f"s3://{element.bucket}/{key}"
                progress.samples.append(Sample(name=name, outcome=each.outcome, reason=each.reason))


def _is_behind(key: str, progress: Progress) -> bool:
    """Tell whether a key lies behind where the walk stands; some servers begin a page with that very key."""
    return progress.after is None or key > progress.after


def _is_in(elements: StorageElements, element: StorageElement, key: str) -> bool:
    found = elements.locate(element.bucket, key)
    return found is not None and found.element_id == element.element_id


def _continue(progress: Progress) -> Continue:
    told: dict[str, Any] = msgspec.to_builtins(progress)
    return Continue(told)
