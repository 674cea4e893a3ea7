"""Tables of a benchmark's own beside those of the running stack, made as the template makes them."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

from benchmarks.stack import Stack
from infra.template import PATH, parse

_DEFINING = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")


@contextlib.contextmanager
def own_tables(stack: Stack, *names: str) -> Iterator[str]:
    """Make the tables ``names`` (resources of the template) under a prefix of their own, and give that."""
    resources = parse(PATH.read_text(encoding="utf-8"))["Resources"]
    dynamodb = stack.client("dynamodb")
    prefix = f"bench-{uuid.uuid4().hex[:8]}"
    made: list[str] = []
    try:
        for name in names:
            properties: dict[str, Any] = resources[name]["Properties"]
            made.append(properties["TableName"]["Fn::Sub"].replace("${Prefix}", prefix))
            defining = {key: properties[key] for key in _DEFINING if key in properties}
            dynamodb.create_table(TableName=made[-1], **defining)
        yield prefix
    finally:
        for table in made:
            dynamodb.delete_table(TableName=table)
