"""Every attr.json that lies in the buckets is what the published schema says, by a command that is not ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from infra.attr_schema import DOCUMENT
from tests.e2e.archive import Archive
from tests.e2e.operator import Operator


def test_what_the_stack_writes_is_valid(archive: Archive, operator: Operator, tmp_path: Path) -> None:
    words = {"description": "Описание", "tags": ["a"], "custom_attributes": {"n": 1}, "folder": "/e/2"}
    archive.store(b"temporary", "schema.txt", ttl_days=3, **words)
    archive.store(b"kept", "schema.txt", retention_policy="permanent")
    names: list[Path] = []
    for bucket in (operator.edit_bucket, operator.rw_bucket):
        for page in operator.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", []):
                if each["Key"].endswith(".attr.json") and len(names) < 200:
                    raw = operator.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
                    if is_of_schema_2(raw):
                        names.append(tmp_path / f"{len(names)}.attr.json")
                        names[-1].write_bytes(raw)
    assert len(names) >= 2
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(DOCUMENT), *map(str, names)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def is_of_schema_2(raw: bytes) -> bool:
    """Tell whether it is what the schema is about: others' tests break some, and leave some of older formats."""
    try:
        document = json.loads(raw)
    except ValueError:
        return False
    is_ours = isinstance(document, dict) and "revision" in document and isinstance(document.get("file_size"), int)
    return is_ours and str(document.get("schema_version")).startswith("2")
