"""What a handler may know of the request it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """One HTTP request, as API Gateway's proxy event gives it. Header names are lower case."""

    method: str
    path: str
    """The route's template, such as ``/api/v1/files/{file_id}``."""
    request_id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, list[str]] = field(default_factory=dict)
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    source_ip: str = ""

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty when none was sent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()
