"""Routes of the webhook: one for each kind of storage that speaks HTTP.

A body is answered 200 once the queue has it, and nothing is done about it here. Storage tries again what is not
answered 2xx, MinIO without end and in order: so whatever a sender of its token may send is taken, and what is no
event goes to the dead letter queue with its reason. Only what the queue could not hold is refused.
"""

from __future__ import annotations

import msgspec

from artstore.errors import Invalid, Unauthenticated
from artstore.http import Endpoint, Reply, Request, create_app, endpoint
from functions.storage_events.webhook import dependencies
from functions.storage_events.webhook.forwarding import Source

SERVICE = "storage-webhook"
_TAKES = ("application/json",)
_NO_STORE = {"Cache-Control": "no-store"}


class Accepted(msgspec.Struct):
    """The event is in the queue."""

    message_id: str
    """Under this id the log of storage-events tells what became of it."""


class Ready(msgspec.Struct):
    """The webhook answers, and the token is good."""

    source: Source


@endpoint(
    "POST",
    "/api/v1/events/minio",
    scope=None,
    summary="Take an event of MinIO",
    consumes=_TAKES,
    error_statuses=(400, 401, 413, 415),
)
def take_minio_event(request: Request) -> Reply[Accepted]:
    """Put an event into the queue, as MinIO sends it to a webhook (notify_webhook).

    The bearer token is the deployment's webhook token, not one of the token endpoint; the one before it is good as
    well. At most 255 KiB. What it tells shows once the queue got to it.
    """
    return _take(Source.MINIO, request)


@endpoint(
    "GET",
    "/api/v1/events/minio",
    scope=None,
    summary="Tell MinIO that the webhook answers",
    error_statuses=(401,),
)
def probe_minio_webhook(request: Request) -> Reply[Ready]:
    """Answer a probe, as MinIO sends before events (HEAD), by the same token."""
    return _probe(Source.MINIO, request)


@endpoint(
    "POST",
    "/api/v1/events/seaweedfs",
    scope=None,
    summary="Take an event of SeaweedFS",
    consumes=_TAKES,
    error_statuses=(400, 401, 413, 415),
)
def take_seaweedfs_event(request: Request) -> Reply[Accepted]:
    """Put a change into the queue, as SeaweedFS's filer sends it (notification.webhook).

    The bearer token is the deployment's webhook token, not one of the token endpoint; the one before it is good as
    well. Of a change only what tells which object it is of goes on, never the list of its chunks or its bytes.
    What it tells shows once the queue got to it.
    """
    return _take(Source.SEAWEEDFS, request)


@endpoint(
    "GET",
    "/api/v1/events/seaweedfs",
    scope=None,
    summary="Tell that the webhook answers SeaweedFS",
    error_statuses=(401,),
)
def probe_seaweedfs_webhook(request: Request) -> Reply[Ready]:
    """Answer a probe, by the same token."""
    return _probe(Source.SEAWEEDFS, request)


def _take(source: Source, request: Request) -> Reply[Accepted]:
    _authenticate(request)
    if request.media_type not in _TAKES:
        raise Invalid(f"the body must be {_TAKES[0]}", code="unsupported_media_type")
    message_id = dependencies.forwarding().forward(source, request.body)
    return Reply(Accepted(message_id), _NO_STORE, client_id=source)


def _probe(source: Source, request: Request) -> Reply[Ready]:
    _authenticate(request)
    return Reply(Ready(source), _NO_STORE, client_id=source)


def _authenticate(request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("the webhook's token is needed as a bearer token", code="missing_token")
    if not dependencies.tokens().accept(token):
        raise Unauthenticated("the token is not this webhook's", code="invalid_token")


ENDPOINTS: tuple[Endpoint, ...] = (
    take_minio_event,
    probe_minio_webhook,
    take_seaweedfs_event,
    probe_seaweedfs_webhook,
)

app = create_app(SERVICE, ENDPOINTS)
