"""Routes of the storage elements."""

from __future__ import annotations

from artstore.elements import ElementId, Mode
from artstore.http import Reply, Request, endpoint
from artstore.http.acting import actor_of
from artstore.http.idempotency import IDEMPOTENCY_KEY, idempotency_key
from artstore.http.preconditions import IF_MATCH, OPTIONAL_IF_MATCH, optional_if_match, require_if_match
from artstore.security import Principal, Scope
from functions.upload import dependencies
from functions.upload.elements.administration import Found
from functions.upload.elements.models import (
    Element,
    ElementChange,
    ElementList,
    ElementRequest,
    ModeRequest,
    Sight,
)
from functions.upload.elements.views import etag, show

_ELEMENTS = "/api/v1/storage-elements"
_ELEMENT = f"{_ELEMENTS}/{{element_id}}"


@endpoint(
    "POST",
    _ELEMENTS,
    scope=Scope.ELEMENTS_ADMIN,
    status=201,
    summary="Create a storage element",
    headers=(IDEMPOTENCY_KEY,),
    repeated_status=200,
    etag=True,
    error_statuses=(409,),
)
def create_storage_element(body: ElementRequest, caller: Principal, request: Request) -> Reply[Element]:
    """Create an element under a prefix of its own in a bucket of the deployment.

    The bucket is asked whether it keeps what the mode promises (for rw: versions, and their lock), and nothing may
    lie under the prefix. Documents are placed in it within ten seconds. With an Idempotency-Key the same request
    under the same key is answered 200 with the element.
    """
    created, repeated = dependencies.element_administration().create(
        body, actor_of(caller, request), idempotency_key(request)
    )
    headers = {"Location": f"storage-elements/{created.element.element_id}"} | _headers(created)
    return Reply(show(created.element, created.definition, Sight.WHOLE), headers, 200 if repeated else None)


@endpoint("GET", _ELEMENTS, scope=Scope.FILES_READ, summary="List storage elements")
def list_storage_elements(caller: Principal) -> Reply[ElementList]:
    """List all elements in the order in which they are filled: mode, status, limits.

    How they are used is shown to whoever has files:read in every space, or elements:admin; where they lie and how
    their storage fares to elements:admin alone.
    """
    found = dependencies.element_administration().list()
    items = [show(one.element, one.definition, _sight_of(caller)) for one in found]
    return Reply(ElementList(items), {"Cache-Control": "no-store"})


@endpoint(
    "GET",
    _ELEMENT,
    scope=Scope.FILES_READ,
    summary="Show a storage element",
    etag=True,
    error_statuses=(404,),
)
def show_storage_element(element_id: ElementId, caller: Principal) -> Reply[Element]:
    """Show one element, as the list does.

    ETag is what If-Match is compared with; use and health change without it.
    """
    found = dependencies.element_administration().find(element_id)
    return _reply(found, _sight_of(caller))


@endpoint(
    "PATCH",
    _ELEMENT,
    scope=Scope.ELEMENTS_ADMIN,
    summary="Change a storage element",
    headers=(IF_MATCH,),
    etag=True,
    error_statuses=(404, 409, 412, 428),
)
def change_storage_element(
    element_id: ElementId, body: ElementChange, caller: Principal, request: Request
) -> Reply[Element]:
    """Change what the body names; needs If-Match. Members that are absent stay, null takes a value away.

    PAUSED ends placing documents here within ten seconds; uploads that have begun may still arrive.
    """
    precondition = require_if_match(request)
    administration = dependencies.element_administration()
    return _reply(administration.change(element_id, body, precondition, actor_of(caller, request)))


@endpoint(
    "DELETE",
    _ELEMENT,
    scope=Scope.ELEMENTS_ADMIN,
    status=204,
    summary="Delete a storage element",
    headers=(OPTIONAL_IF_MATCH,),
    error_statuses=(404, 409, 412),
)
def delete_storage_element(element_id: ElementId, caller: Principal, request: Request) -> None:
    """Delete a paused element in which nothing lies, no version either. Its name is not given again.

    What was still on its way into it is described all the same, so that nothing is lost.
    If-Match is honoured when it is there.
    """
    precondition = optional_if_match(request)
    dependencies.element_administration().delete(element_id, precondition, actor_of(caller, request))


@endpoint(
    "POST",
    f"{_ELEMENT}/mode",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Change the mode of a storage element",
    headers=(OPTIONAL_IF_MATCH,),
    etag=True,
    error_statuses=(404, 409, 412),
)
def change_storage_element_mode(
    element_id: ElementId, body: ModeRequest, caller: Principal, request: Request
) -> Reply[Element]:
    """Begin to make an rw element ro, or an ro element ar. There is no way back.

    From now on the API refuses what the new mode forbids. The job that transition.job_id names begins within a
    minute; it has storage refuse it as well, whoever asks and however long ago a URL was signed, and then gives
    the element its mode.
    If-Match is honoured when it is there.
    """
    found = dependencies.element_administration().change_mode(
        element_id, Mode(body.mode), optional_if_match(request), actor_of(caller, request)
    )
    return _reply(found)


ENDPOINTS = (
    create_storage_element,
    list_storage_elements,
    show_storage_element,
    change_storage_element,
    delete_storage_element,
    change_storage_element_mode,
)


def _sight_of(caller: Principal) -> Sight:
    if Scope.ELEMENTS_ADMIN in caller.scopes:
        return Sight.WHOLE
    return Sight.USE if caller.reach(Scope.FILES_READ).names is None else Sight.WHICH


def _reply(found: Found, sight: Sight = Sight.WHOLE) -> Reply[Element]:
    return Reply(show(found.element, found.definition, sight), _headers(found))


def _headers(found: Found) -> dict[str, str]:
    return {"ETag": etag(found.definition), "Cache-Control": "no-store"}
