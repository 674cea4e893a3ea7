"""An HTTP response before any framework sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Response:
    """Status, headers and text of a response."""

    status: int
    headers: Mapping[str, str]
    body: str
