"""What a run remembers for the next one: which places are done, and under which names they lie.

A file of SQLite, so that a million places need no memory, and a run that was cut off is gone on with.
"""

from __future__ import annotations

import pathlib
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

import msgspec

from artstore.naming import ATTRIBUTES_SUFFIX
from functions.maintenance.exporting.names import folded, numbered

_SCHEMA = """
CREATE TABLE IF NOT EXISTS places (
    bucket TEXT NOT NULL, key TEXT NOT NULL, path TEXT, etag TEXT, outcome TEXT, size INTEGER, sha256 TEXT,
    attributes_sha256 TEXT, PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS names (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbers (path TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""
MISMATCH = ".mismatch"
"""What is added to the name of a file with other bytes than its attr.json describes."""


class Done(msgspec.Struct, frozen=True):
    """A place that a run has finished with. ``etag`` is its attr.json's; ``size`` in bytes."""

    path: str | None
    etag: str
    outcome: str
    size: int
    sha256: str
    attributes_sha256: str = ""


class Memory:
    """What is remembered; several threads may use it."""

    def __init__(self, path: pathlib.Path) -> None:
        """Open the file, or make it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def find(self, bucket: str, key: str) -> Done | None:
        """Give what was done with a place."""
        row = self._one(
            "SELECT path, etag, outcome, size, sha256, attributes_sha256 FROM places"
            " WHERE bucket = ? AND key = ? AND outcome IS NOT NULL",
            bucket,
            key,
        )
        return None if row is None else Done(*row)

    def keep(self, bucket: str, key: str, done: Done) -> None:
        """Remember that a place is done."""
        row = (bucket, key, done.path, done.etag, done.outcome, done.size, done.sha256, done.attributes_sha256)
        with self._lock:
            self._database.execute("INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def name(self, bucket: str, key: str, folder: str, name: str) -> str:
        """Give the path of a place's file below ``folder``, the same one in each run; no other file has it, nor
        what is made of it, on any file system."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                path = self._kept_name(bucket, key) or self._new_name(bucket, key, folder, name)
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
            return path

    def exported(self) -> Iterator[Done]:
        """Go through what was written, by path."""
        with self._lock:
            last = ""
            while rows := self._database.execute(
                "SELECT path, etag, outcome, size, sha256, attributes_sha256 FROM places"
                " WHERE path > ? AND outcome IS NOT NULL ORDER BY path LIMIT 1000",
                (last,),
            ).fetchall():
                yield from (Done(*row) for row in rows)
                last = rows[-1][0]

    def _kept_name(self, bucket: str, key: str) -> str | None:
        statement = "SELECT path FROM places WHERE bucket = ? AND key = ?"
        row = self._database.execute(statement, (bucket, key)).fetchone()
        return None if row is None else row[0]

    def _new_name(self, bucket: str, key: str, folder: str, name: str) -> str:
        folder = self._folder(folder)
        wanted = f"{folder}/{name}"
        counted = self._database.execute("SELECT number FROM numbers WHERE path = ?", (folded(wanted),)).fetchone()
        number = 1 if counted is None else int(counted[0]) + 1
        while True:
            path = wanted if number == 1 else f"{folder}/{numbered(name, number)}"
            names = [folded(path + ending) for ending in ("", ATTRIBUTES_SUFFIX, MISMATCH)]
            if not self._is_taken(*names, folded(path) + "/"):
                break
            number += 1
        self._database.executemany("INSERT INTO names VALUES (?)", [(each,) for each in names])
        self._database.execute("INSERT OR REPLACE INTO numbers VALUES (?, ?)", (folded(wanted), number))
        self._database.execute("INSERT INTO places (bucket, key, path) VALUES (?, ?, ?)", (bucket, key, path))
        return path

    def _folder(self, wanted: str) -> str:
        """Take a folder, under another name where a file is called so."""
        path = ""
        for part in wanted.split("/"):
            number, below = 1, f"{path}{part}"
            while self._is_taken(folded(below)):
                number += 1
                below = f"{path}{numbered(part, number)}"
            path = f"{below}/"
            self._database.execute("INSERT OR IGNORE INTO names VALUES (?)", (folded(path),))
        return path.removesuffix("/")

    def _is_taken(self, *names: str) -> bool:
        marks = ", ".join("?" * len(names))
        row = self._database.execute(f"SELECT 1 FROM names WHERE path IN ({marks})", names).fetchone()  # noqa: S608  # marks
        return row is not None

    def _one(self, statement: str, *values: str) -> Any:
        with self._lock:
            return self._database.execute(statement, values).fetchone()
