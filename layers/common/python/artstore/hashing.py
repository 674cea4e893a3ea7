"""SHA-256 of bytes that take longer to read than one invocation lasts.

``hashlib`` cannot say where it stands. ``rehashes`` can (RustCrypto's SHA-256, as fast as OpenSSL's), so what has
been read is saved as 104 bytes, and another process goes on from there. The saved state belongs to one version of
that library: another version begins again (docs/adr/0030 says why this one, and what a hash proves).

Only functions with ``rehashes`` in their zip import this module.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import Any, Protocol

import rehashes

from artstore.errors import Unavailable

STRETCH_BYTES = 256 * 1024**2
_LIBRARY = f"rehashes {version('rehashes')}"


class ResumableSha256:
    """A SHA-256 that can be saved at any byte. ``offset`` is the number of bytes it has taken."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.offset = 0
        self._hasher = rehashes.PySha256()

    @classmethod
    def restore(cls, saved: Mapping[str, Any] | None) -> ResumableSha256:
        """Go on from what ``save`` gave; what another version saved, or what cannot be read, begins anew."""
        hasher = cls()
        if saved is None or saved.get("library") != _LIBRARY:
            return hasher
        try:
            hasher._hasher = rehashes.PySha256.deserialize(base64.b64decode(saved["state"], validate=True))
            hasher.offset = int(saved["offset"])
        except (KeyError, TypeError, ValueError, binascii.Error):
            return cls()
        return hasher

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._hasher.update(chunk)
        self.offset += len(chunk)

    def save(self) -> dict[str, Any]:
        """Give the state as JSON."""
        state = base64.b64encode(self._hasher.serialize()).decode()
        return {"library": _LIBRARY, "offset": self.offset, "state": state}

    def hexdigest(self) -> str:
        """Give the SHA-256 (hex) of what was taken so far; more may follow."""
        digest: str = rehashes.PySha256.deserialize(self._hasher.serialize()).finalize()
        return digest


class Streams(Protocol):
    """What gives an object's bytes from an offset on; see ``artstore.objects.ObjectStore.stream``."""

    def stream(
        self,
        bucket: str,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        if_match: str | None = None,
        version_id: str | None = None,
    ) -> AbstractContextManager[Any]: ...


def hash_onward(
    hasher: ResumableSha256,
    objects: Streams,
    bucket: str,
    key: str,
    size: int,
    *,
    if_match: str | None,
    version_id: str | None,
    time_left: Callable[[], float],
) -> bool:
    """Take what comes after ``hasher.offset``, in constant memory, as long as there is time; True: that was all.

    ``size`` is the object's, in bytes; ``time_left`` tells the seconds until it has to stop. It is read in
    stretches of ``STRETCH_BYTES``, so that no connection has to last.

    Raises NotFound, PreconditionFailed, Conflict (``archived``), and Unavailable unless something was taken before
    storage went away: that is worth saving.
    """
    before = hasher.offset
    while hasher.offset < size:
        begun = hasher.offset
        try:
            with objects.stream(
                bucket,
                key,
                start=hasher.offset,
                length=min(STRETCH_BYTES, size - hasher.offset),
                if_match=if_match,
                version_id=version_id,
            ) as chunks:
                for chunk in chunks:
                    hasher.update(chunk)
                    if time_left() <= 0:
                        return hasher.offset >= size
        except Unavailable:
            if hasher.offset == before:
                raise
            return False
        if hasher.offset == begun:
            raise Unavailable("storage gives nothing of an object that is longer", code="storage_unavailable")
    return True
