"""Writing documents into a folder under the names people gave them, each with its ``attr.json`` beside it.

    FOLDER/documents/{space}/{folder or month}/{name}
    FOLDER/documents/{space}/{folder or month}/{name}.attr.json
    FOLDER/.rescue/                                  what the next run has to know

A file appears under its name only when it is whole: it is written elsewhere and moved. What has other bytes than
its attr.json describes is written all the same, under its name and ``.mismatch``: better than nothing, and told.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from artstore.naming import ATTRIBUTES_SUFFIX
from artstore.spaces import name_of
from functions.maintenance.exporting import bag
from functions.maintenance.exporting.names import portable_name
from infra.rescue.documents import Known, judge, know, read_through, unread, without_attributes
from infra.rescue.memory import MISMATCH, Done, Memory
from infra.rescue.places import Described, Undescribed
from infra.rescue.report import FAILED, Line
from infra.rescue.storage import Storage, Unreadable

OWN = ".rescue"
DOCUMENTS = "documents"
DAMAGED = "damaged"
"""The folder of documents whose attr.json cannot be read, under the names of their objects."""
BAG = "data"
"""What the folder of documents is called in a bag."""
ALREADY = "already"
MAX_FOLDER_BYTES, MAX_FOLDER_LEVELS = 3000, 500
"""The most that is taken of a folder, from its top. A tool may have written one into an attr.json that no path has
room for; Linux takes paths of 4096 bytes."""
_NO_SUCH_NAME = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ})
"""What a file system says of a name that it cannot bear."""


class Folder:
    """A folder that is written to; ``payload`` is the name of the one below it that holds the documents."""

    def __init__(self, root: pathlib.Path, payload: str = DOCUMENTS) -> None:
        """Make it, or go on in it. Raises FileExistsError for one with something else in it, be it a bag that was
        begun as none."""
        root.mkdir(parents=True, exist_ok=True)
        own = root / OWN
        if not own.exists() and any(root.iterdir()):
            raise FileExistsError(f"{root} is not empty, and not the beginning of an export")
        if any((root / other).exists() for other in {DOCUMENTS, BAG} - {payload}):
            begun = "without --bag" if payload == BAG else "with --bag"
            raise FileExistsError(f"the export into {root} was begun {begun}: go on so, or take another folder")
        self.root = root
        self.payload = payload
        self._unfinished = own / "unfinished"
        self._unfinished.mkdir(parents=True, exist_ok=True)
        for left in self._unfinished.iterdir():
            left.unlink()
        self.memory = Memory(own / "state.sqlite3")

    @contextlib.contextmanager
    def file(self) -> Iterator[tuple[BinaryIO, pathlib.Path]]:
        """Give a file to write, which is gone afterwards unless it was moved."""
        handle, name = tempfile.mkstemp(dir=self._unfinished)
        path = pathlib.Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file, path
        finally:
            path.unlink(missing_ok=True)

    def path_of(self, known: Known) -> str:
        """Give where a document is to lie, relative to the folder; the same in each run."""
        place, said = known.place, known.attributes
        if said is None:
            folder, name = DAMAGED, portable_name(place.key.rpartition("/")[2])
        else:
            parts = _fitting([portable_name(each) for each in (said.folder or "").split("/") if each])
            parts = parts or [f"{said.created_at.astimezone(UTC):%Y-%m}"]
            folder = "/".join([portable_name(name_of(said.space)), *parts])
            name = portable_name(said.original_filename)
        return self.memory.name(place.bucket, place.key, f"{self.payload}/{folder}", name)


class Exporting:
    """Writes places into a folder. ``with_all``: those in the trash and in quarantine as well."""

    def __init__(self, storage: Storage, folder: Folder, *, with_all: bool) -> None:
        """Take where to read and where to write."""
        self._storage = storage
        self._folder = folder
        self._with_all = with_all

    def export(self, place: Described | Undescribed) -> Line:
        """Write one place, unless that was done before; whatever is wrong with it is told."""
        if isinstance(place, Undescribed):
            return without_attributes(place)
        if (before := self._before(place)) is not None:
            return before
        try:
            known = know(self._storage, place)
        except Unreadable as error:
            return unread(place, error)
        if known.state is not None and not self._with_all:
            return known.line(known.state)
        try:
            return self._write(known)
        except Unreadable as error:
            return known.line(error.outcome, detail=error.detail)
        except OSError as error:
            if error.errno not in _NO_SUCH_NAME:
                raise
            return known.line(FAILED, detail=f"the file system takes no such name: {error.strerror}")

    def _before(self, place: Described) -> Line | None:
        """Tell that a document is there as it was written; one whose attr.json was changed is written anew."""
        done = self._folder.memory.find(place.bucket, place.key)
        if done is None or done.outcome != "exported" or done.etag != place.etag or done.path is None:
            return None
        try:
            if (self._folder.root / done.path).stat().st_size != done.size:
                return None
            if not (self._folder.root / (done.path + ATTRIBUTES_SUFFIX)).exists():
                return None
        except FileNotFoundError:
            return None
        return Line(
            outcome=ALREADY, bucket=place.bucket, key=place.key, path=done.path, size=done.size, sha256=done.sha256
        )

    def _write(self, known: Known) -> Line:
        with self._folder.file() as (file, unfinished):
            sha256, size = read_through(self._storage, known, file.write)
            file.close()
            line = judge(known, sha256, size, "exported")
            path = self._folder.path_of(known)
            placed = path + (MISMATCH if line.outcome == "checksum_mismatch" else "")
            target = self._folder.root / placed
            target.parent.mkdir(parents=True, exist_ok=True)
            if known.attributes is not None:
                _date(unfinished, known.attributes.updated_at)
            unfinished.replace(target)
            for other in {path, path + MISMATCH} - {placed}:  # of a run before this one
                (self._folder.root / other).unlink(missing_ok=True)
        with self._folder.file() as (file, unfinished):
            file.write(known.raw)
            file.close()
            unfinished.replace(self._folder.root / (path + ATTRIBUTES_SUFFIX))
        done = Done(path, known.place.etag, line.outcome, size, sha256, hashlib.sha256(known.raw).hexdigest())
        self._folder.memory.keep(known.place.bucket, known.place.key, done)
        return known.line(line.outcome, sha256=sha256, size=size, path=placed, detail=line.detail)


def close_bag(folder: Folder, said: dict[str, str]) -> None:
    """Write the manifests of a bag around what was written (RFC 8493)."""
    root = folder.root
    octets = streams = 0
    with (root / bag.MANIFEST).open("w", encoding="utf-8", newline="\n") as manifest:
        for done in folder.memory.exported():
            assert done.path is not None  # noqa: S101  # what was written has a path
            path = done.path + (MISMATCH if done.outcome == "checksum_mismatch" else "")
            beside = done.path + ATTRIBUTES_SUFFIX
            manifest.write(bag.manifest_line(done.sha256, path))
            manifest.write(bag.manifest_line(done.attributes_sha256, beside))
            octets += done.size + (root / beside).stat().st_size
            streams += 2
    (root / bag.DECLARATION).write_bytes(bag.DECLARED)
    (root / bag.INFO).write_bytes(bag.info(said, on=datetime.now(UTC).date(), octets=octets, streams=streams))
    with (root / bag.TAG_MANIFEST).open("wb") as file:
        for name in (bag.DECLARATION, bag.INFO, bag.MANIFEST):
            with (root / name).open("rb") as tag:
                digest = hashlib.file_digest(tag, "sha256").hexdigest()
            file.write(bag.manifest_line(digest, name).encode())


def _fitting(parts: list[str]) -> list[str]:
    """Give as much of a folder as a path has room for."""
    fitting: list[str] = []
    size = 0
    for each in parts[:MAX_FOLDER_LEVELS]:
        size += len(each.encode()) + 1
        if size > MAX_FOLDER_BYTES:
            break
        fitting.append(each)
    return fitting


def _date(path: pathlib.Path, at: datetime) -> None:
    """Give a file the time of its document, where the file system can tell it."""
    with contextlib.suppress(OSError, OverflowError, ValueError):
        os.utime(path, (at.timestamp(), at.timestamp()))
