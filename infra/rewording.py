"""Index anew what was indexed by older rules: after a change of ``artstore.index``, ``infra.migrate`` runs this.

Rows are taken in batches of their own transactions, so it can be stopped at any time and goes on where it was.
Functions may read and write meanwhile: a row that somebody else holds is left to him, and one that was written in
the meantime is of the new version already. Until a row has its turn, it is found by the words it had.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from artstore.attributes import from_document
from artstore.errors import ArtStoreError
from artstore.index.document_words import WORDS_VERSION, words_of

BATCH = 100
"""Rows a transaction: half a second of work for ordinary documents."""

_FIRST = ("", "")

_OLD = """
SELECT bucket, object_key, attributes, search_text FROM documents
WHERE (bucket, object_key) > (%(after_bucket)s, %(after_key)s) AND file_id IS NOT NULL
    AND words_for IS DISTINCT FROM %(version)s || ' ' || attributes_etag
ORDER BY bucket, object_key LIMIT %(batch)s FOR UPDATE SKIP LOCKED
"""
_REWORD = """
UPDATE documents SET search = %(search)s::tsvector, passages = %(passages)s::text[]::tsvector[],
    words_for = %(version)s || ' ' || attributes_etag
WHERE bucket = %(bucket)s AND object_key = %(key)s
"""


def reword(url: str, report: Callable[[int], None] = lambda _done: None, batch: int = BATCH) -> int:
    """Give every row of the index behind ``url`` the words of this version; tell ``report`` how many were done.

    A row whose attributes cannot be read any more stays as it is. Raises psycopg.OperationalError.
    """
    done = 0
    after = _FIRST
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        while True:
            with connection.transaction():
                asked = {
                    "after_bucket": after[0],
                    "after_key": after[1],
                    "version": str(WORDS_VERSION),
                    "batch": batch,
                }
                rows = connection.execute(_OLD, asked).fetchall()
                new = [values for row in rows if (values := _values(*row)) is not None]
                with connection.cursor() as cursor:
                    cursor.executemany(_REWORD, new)
            if not rows:
                return done
            after = rows[-1][:2]
            done += len(new)
            report(done)


def _values(bucket: str, key: str, attributes: dict[str, Any], text: str) -> dict[str, Any] | None:
    try:
        found = words_of(from_document(attributes), text)
    except ArtStoreError:
        return None
    return {
        "bucket": bucket,
        "key": key,
        "search": found.search,
        "passages": list(found.passages) or None,
        "version": str(WORDS_VERSION),
    }
