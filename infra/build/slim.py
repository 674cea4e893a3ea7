"""Makes botocore's descriptions as small as what functions read of them.

Every process that makes a client parses these files first: endpoints.json (1.2 MB) for the addresses of all of
AWS's services, and each service's description, most of which is documentation. What is left out is never read by a
client of the services that are shipped.
"""

from __future__ import annotations

import gzip
import json
from typing import Any

from infra.build.prune import BOTOCORE_SERVICES

_ENDPOINTS = "botocore/data/endpoints.json"


def slim(name: str, content: bytes) -> bytes:
    """Give the content to ship for the file ``name`` of a package; what is no description stays as it is."""
    if name == _ENDPOINTS:
        return _dump(_without_other_services(json.loads(content)))
    if name.startswith("botocore/data/") and name.endswith("/service-2.json.gz"):
        described = _without_documentation(json.loads(gzip.decompress(content)))
        return gzip.compress(_dump(described), compresslevel=9, mtime=0)
    return content


def _without_other_services(endpoints: dict[str, Any]) -> dict[str, Any]:
    kept = {service.partition("/")[0] for service in BOTOCORE_SERVICES}
    for partition in endpoints["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in kept}
    return endpoints


def _without_documentation(part: Any) -> Any:
    """Empty the member ``documentation`` wherever it is a text; a shape's member of that name is an object."""
    if isinstance(part, list):
        return [_without_documentation(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: "" if name == "documentation" and isinstance(value, str) else _without_documentation(value)
        for name, value in part.items()
    }


def _dump(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
