"""What lies in a bucket: objects and the ``attr.json`` beside them, one after another, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from artstore.naming import attributes_key, document_key, is_attributes_key, is_reserved


class Listed(msgspec.Struct, frozen=True):
    """An object of a listing; ``size`` in bytes."""

    key: str
    size: int
    etag: str


class Described(msgspec.Struct, frozen=True):
    """A place that has an attr.json: ``key`` is the document's, ``etag`` and ``size`` are the attr.json's."""

    bucket: str
    key: str
    etag: str
    size: int


class Undescribed(msgspec.Struct, frozen=True):
    """An object without an attr.json: an upload on its way, or what somebody left."""

    bucket: str
    key: str
    size: int


def places(bucket: str, listing: Iterable[Listed]) -> Iterator[Described | Undescribed]:
    """Tell what each object of a listing is; the listing is in S3's order, by the bytes of the keys.

    Between an object and its attr.json only keys can come that begin with the object's, so what is not yet known
    to be without one is at most as many keys as there are prefixes of a key.
    """
    waiting: list[Listed] = []
    for each in listing:
        if is_reserved(each.key):
            continue
        while waiting and not _may_follow(each.key, waiting[-1].key):
            last = waiting.pop()
            yield Undescribed(bucket, last.key, last.size)
        if not is_attributes_key(each.key):
            waiting.append(each)
            continue
        key = document_key(each.key)
        waiting = [other for other in waiting if other.key != key]
        yield Described(bucket, key, each.etag, each.size)
    while waiting:
        last = waiting.pop()
        yield Undescribed(bucket, last.key, last.size)


def _may_follow(key: str, waiting: str) -> bool:
    """Tell whether the attr.json of ``waiting`` may be ``key`` or come after it."""
    return key.encode() <= attributes_key(waiting).encode() and key.startswith(waiting)
