"""What is left of botocore's descriptions is all that a client of the shipped services reads."""

from __future__ import annotations

import gzip
import json
from typing import Any

from infra.build.slim import slim

DESCRIPTION = {
    "documentation": "<p>Much to read</p>",
    "operations": {"Get": {"name": "Get", "documentation": "more", "http": {"method": "GET"}}},
    "shapes": {"Thing": {"type": "structure", "members": {"documentation": {"shape": "Text"}}}},
    "clientContextParams": {"UseThing": {"documentation": "needed as a member", "type": "boolean"}},
}


def described(content: dict[str, Any]) -> dict[str, Any]:
    packed = slim("botocore/data/x/2020/service-2.json.gz", gzip.compress(json.dumps(content).encode()))
    found: dict[str, Any] = json.loads(gzip.decompress(packed))
    return found


def test_documentation_is_emptied_and_nothing_else_is_touched() -> None:
    left = described(DESCRIPTION)
    assert left["documentation"] == left["operations"]["Get"]["documentation"] == ""
    assert left["operations"]["Get"]["http"] == {"method": "GET"}
    assert left["shapes"] == DESCRIPTION["shapes"], "a member that is called documentation is data"
    assert left["clientContextParams"]["UseThing"] == {"documentation": "", "type": "boolean"}


def test_the_same_description_gives_the_same_bytes() -> None:
    name, content = "botocore/data/x/2020/service-2.json.gz", gzip.compress(json.dumps(DESCRIPTION).encode())
    assert slim(name, content) == slim(name, content)


def test_the_endpoints_of_other_services_go() -> None:
    services: dict[str, Any] = {"dynamodb": {"endpoints": {"eu-north-1": {}}}, "s3": {}, "ec2": {}}
    content = json.dumps({"version": 3, "partitions": [{"partition": "aws", "regions": {}, "services": services}]})
    [left] = json.loads(slim("botocore/data/endpoints.json", content.encode()))["partitions"]
    assert left == {"partition": "aws", "regions": {}, "services": {"dynamodb": services["dynamodb"], "s3": {}}}


def test_every_other_file_stays_as_it_is() -> None:
    for name in ("botocore/data/partitions.json", "botocore/session.py", "chalice/app.py"):
        assert slim(name, b'{"documentation": "x"}') == b'{"documentation": "x"}'
