"""A user finds, reads and downloads what the first ArtStore archived, and its bucket stays as it was."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import requests

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator
from tests.support.ingesting.first_archive import EVERYTHING, Left


def renewed(left: Left, folder: str) -> Left:
    """Give the document another id, so that these tests may run twice on one stack."""
    file_id = str(uuid4())
    was = left.attributes["file_id"]
    document: dict[str, Any] = json.loads(left.raw.decode().replace(was, file_id))
    return Left(f"{folder}/{left.key.replace(was, file_id)}", left.body, document)


def test_an_archive_of_the_first_artstore_is_shown_as_it_is(archive: Archive, operator: Operator) -> None:
    folder = f"first-{uuid4()}"
    everything = [renewed(left, folder) for left in EVERYTHING]
    for left in everything:
        # attr.json first, as who copies an archive does: then no object is ever seen without its own.
        for key, body in ((f"{left.key}.attr.json", left.raw), (left.key, left.body)):
            operator.s3.put_object(Bucket=operator.edit_bucket, Key=key, Body=body)
    for left in everything:

        def stored(file_id: str = left.attributes["file_id"]) -> dict[str, Any] | None:
            answer = archive.request("GET", f"/api/v1/files/{file_id}")
            return answer.json() if answer.status_code == 200 and answer.json()["status"] == "STORED" else None

        shown = eventually(stored)
        assert shown["original_filename"] == left.attributes["original_filename"]
        assert shown["file_size"] == len(left.body)
        link = archive.request("GET", f"/api/v1/files/{shown['file_id']}/download").headers["Location"]
        assert requests.get(link, timeout=30).content == left.body
        raw = operator.s3.get_object(Bucket=operator.edit_bucket, Key=f"{left.key}.attr.json")["Body"].read()
        assert raw == left.raw, "reading changes nothing"
    listed = operator.s3.list_objects_v2(Bucket=operator.edit_bucket, Prefix=f"{folder}/")["Contents"]
    assert len(listed) == 2 * len(everything), "nothing is written beside it"
