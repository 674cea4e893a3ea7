"""Whether an upload under way may go on where it was placed, and whether storage answers there.

Between the start of an upload and its bytes lie minutes, for a multipart upload days; its element may have begun
to become read-only since. Storage refuses then, and so do we, with the reason. That an element is paused stops new
uploads only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from artstore.elements import Right, StorageElement, StorageElements
from artstore.elements.watch import StorageWatch
from artstore.tables import UploadRecord
from functions.upload.uploads.models import UploadTarget
from functions.upload.uploads.permits import Permit


class Gate(Protocol):
    """What stands before the requests that an upload under way is permitted."""

    def check(self, record: UploadRecord) -> None:
        """Raise Conflict (``element_mode_changing``, ``element_read_only``) unless bytes may still arrive."""
        ...

    def watch(self, record: UploadRecord) -> AbstractContextManager[None]:
        """Count what is asked of storage inside as its failure, or as a sign of life."""
        ...


class OpenGate:
    """No gate."""

    def check(self, record: UploadRecord) -> None:
        """See Gate."""

    def watch(self, record: UploadRecord) -> AbstractContextManager[None]:
        """See Gate."""
        del record
        return contextlib.nullcontext()


class ElementGate:
    """The gate of each upload's storage element."""

    def __init__(self, elements: Callable[[], StorageElements], watch: StorageWatch) -> None:
        """Ask ``elements`` each time, since they change while the process lives."""
        self._elements = elements
        self._watch = watch

    def check(self, record: UploadRecord) -> None:
        """See Gate."""
        element = self._find(record)
        if element is not None:
            element.require(Right.ARRIVE)

    def watch(self, record: UploadRecord) -> AbstractContextManager[None]:
        """See Gate."""
        element = self._find(record)
        return contextlib.nullcontext() if element is None else self._watch.over(element)

    def _find(self, record: UploadRecord) -> StorageElement | None:
        return self._elements().find(record.element_id)


class GatedPermit:
    """A permit behind a gate."""

    def __init__(self, permit: Permit, gate: Gate) -> None:
        """Permit as ``permit`` does, where ``gate`` is open."""
        self._permit = permit
        self._gate = gate

    def __call__(self, record: UploadRecord, expires_in: int) -> UploadTarget:
        """See Permit. Raises Conflict as the gate does."""
        self._gate.check(record)
        return self._permit(record, expires_in)
