"""Routes of the spaces."""

from __future__ import annotations

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY, idempotency_key
from artstore.http.preconditions import IF_MATCH, OPTIONAL_IF_MATCH, optional_if_match, require_if_match
from artstore.security import Principal, Scope
from artstore.spaces import SpaceName
from artstore.tables import SpaceItem
from functions.upload import dependencies
from functions.upload.spaces.administration import Administrator
from functions.upload.spaces.models import Space, SpaceChange, SpaceList, SpaceRequest
from functions.upload.spaces.views import etag, show

_SPACES = "/api/v1/spaces"
_SPACE = f"{_SPACES}/{{space}}"


@endpoint(
    "POST",
    _SPACES,
    scope=Scope.ELEMENTS_ADMIN,
    status=201,
    summary="Create a space",
    headers=(IDEMPOTENCY_KEY,),
    repeated_status=200,
    etag=True,
    error_statuses=(409,),
)
def create_space(body: SpaceRequest, caller: Principal, request: Request) -> Reply[Space]:
    """Create a space, which accounts can be given from now on.

    Only an account that is itself kept to no spaces creates them. With an Idempotency-Key the same request under
    the same key is answered 200 with the space.
    """
    administration = dependencies.space_administration()
    created, repeated = administration.create(body, _actor(caller, request), idempotency_key(request))
    headers = {"Location": f"spaces/{created.space}"} | _headers(created)
    return Reply(show(created), headers, 200 if repeated else None)


@endpoint("GET", _SPACES, scope=Scope.FILES_READ, summary="List spaces")
def list_spaces(caller: Principal) -> Reply[SpaceList]:
    """List the spaces that the caller reads or administers, the default one among them where it is one."""
    found = dependencies.space_administration().list(caller)
    return Reply(SpaceList([show(each) for each in found]), {"Cache-Control": "no-store"})


@endpoint("GET", _SPACE, scope=Scope.FILES_READ, summary="Show a space", etag=True, error_statuses=(404,))
def show_space(space: SpaceName, caller: Principal) -> Reply[Space]:
    """Show one of the caller's spaces; ETag is what If-Match is compared with."""
    return _reply(dependencies.space_administration().find(space, caller))


@endpoint(
    "PATCH",
    _SPACE,
    scope=Scope.ELEMENTS_ADMIN,
    summary="Change a space",
    headers=(IF_MATCH,),
    etag=True,
    error_statuses=(404, 409, 412, 428),
)
def change_space(space: SpaceName, body: SpaceChange, caller: Principal, request: Request) -> Reply[Space]:
    """Change what the body names; needs If-Match. null takes a limit away.

    Limits hold for uploads that start ten seconds later or after; what is there already stays, and counts.
    """
    precondition = require_if_match(request)
    return _reply(dependencies.space_administration().change(space, body, precondition, _actor(caller, request)))


@endpoint(
    "DELETE",
    _SPACE,
    scope=Scope.ELEMENTS_ADMIN,
    status=204,
    summary="Delete an empty space",
    headers=(OPTIONAL_IF_MATCH,),
    error_statuses=(404, 409, 412),
)
def delete_space(space: SpaceName, caller: Principal, request: Request) -> Reply[None]:
    """Delete a space in which no document is, shown or in the trash. If-Match is honoured when it is there.

    Accounts that name it keep the name, which is of no use until there is a space of that name again.
    """
    precondition = optional_if_match(request)
    dependencies.space_administration().delete(space, precondition, _actor(caller, request))
    return Reply(None, {"Cache-Control": "no-store"})


ENDPOINTS = (create_space, list_spaces, show_space, change_space, delete_space)


def _actor(caller: Principal, request: Request) -> Administrator:
    return Administrator(caller.client_id, request.source_ip, request.request_id, caller)


def _reply(item: SpaceItem) -> Reply[Space]:
    return Reply(show(item), _headers(item))


def _headers(item: SpaceItem) -> dict[str, str]:
    return {"ETag": etag(item), "Cache-Control": "no-store"}
