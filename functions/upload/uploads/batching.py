"""Starting many uploads in one request, each judged by itself."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from artstore.errors import ArtStoreError, TooLarge
from artstore.http.decoding import decode_json
from artstore.security import Principal
from functions.upload.uploads.attempts import Asked, Started
from functions.upload.uploads.models import BatchedUpload, UploadRequest
from functions.upload.uploads.starting import Uploads

MAX_BATCH_BYTES = 1024 * 1024
"""As much as is read, written and answered well within the request's time; the answer is some 300 kB."""


def start_batch(
    uploads: Uploads, items: Sequence[msgspec.Raw], caller: Principal, idempotency_key: str | None
) -> list[Started | ArtStoreError]:
    """Start what can be started of ``items``, and tell of each, in their order, what became of it.

    Under an ``idempotency_key`` an item is known by it and its place in the batch, unless it has a key of its own.
    Raises TooLarge (``batch_too_large``), and Unavailable when nothing at all can be done.
    """
    if sum(len(bytes(each)) for each in items) > MAX_BATCH_BYTES:
        raise TooLarge(f"a batch has at most {MAX_BATCH_BYTES} bytes of JSON", code="batch_too_large")
    outcomes: list[Started | ArtStoreError | None] = [None] * len(items)
    asked: dict[int, Asked] = {}
    for number, raw in enumerate(items):
        try:
            asked[number] = _read(raw, number, idempotency_key)
        except ArtStoreError as error:
            outcomes[number] = error
    for number, outcome in zip(asked, uploads.start_many(list(asked.values()), caller), strict=True):
        outcomes[number] = outcome
    return [each for each in outcomes if each is not None]


def _read(raw: msgspec.Raw, number: int, batch_key: str | None) -> Asked:
    item = decode_json(raw, BatchedUpload, "the item")
    members = msgspec.structs.asdict(item)
    key = members.pop("idempotency_key")
    if key is None and batch_key is not None:
        key = f"{batch_key}\x00{number}"
    return Asked(UploadRequest(**members), key)
