"""An operator sees which attr.json is damaged and why, mends it, and has the document back."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator


def listed(archive: Archive, key: str) -> list[dict[str, Any]]:
    """Give what the list of damaged ones has of the key, page by page."""
    found, cursor = [], ""
    while True:
        answer = archive.request("GET", f"/api/v1/quarantine?reason=damaged_attributes&limit=100{cursor}")
        assert answer.status_code == 200, answer.text
        found += [each for each in answer.json()["items"] if each["key"] == key]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer.json()['next_cursor']}"


def test_a_damaged_attr_json_is_listed_with_its_reason_and_heals(archive: Archive, operator: Operator) -> None:
    file_id = archive.store(b"of value", "mended.txt", description="as it was")
    shown = archive.request("GET", f"/api/v1/files/{file_id}").json()
    key = shown["storage_path"] + shown["storage_filename"]
    place = {"Bucket": operator.edit_bucket, "Key": f"{key}.attr.json"}
    whole = operator.s3.get_object(**place)["Body"].read()

    operator.s3.put_object(**place, Body=json.dumps(json.loads(whole) | {"file_size": "8 bytes"}))
    [damaged] = eventually(lambda: listed(archive, key) or None)
    assert (damaged["code"], damaged["file_id"]) == ("attributes_invalid", file_id)
    assert "file_size" in damaged["detail"]
    assert archive.request("GET", f"/api/v1/files/{file_id}").status_code == 404

    operator.s3.put_object(**place, Body=whole)
    eventually(lambda: not listed(archive, key) or None)
    assert archive.wait_for(file_id)["description"] == "as it was"
