"""Who acts, as the audit log names them."""

from __future__ import annotations

from artstore.audit import Actor
from artstore.http.request import Request
from artstore.security import Principal


def actor_of(caller: Principal, request: Request) -> Actor:
    """Give who acts by this request."""
    return Actor(caller.client_id, request.source_ip, request.request_id)
