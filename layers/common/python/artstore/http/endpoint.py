"""The endpoint decorator: one statement of method, path, scope, models and status.

::

    @endpoint("POST", "/api/v1/files", scope=Scope.FILES_WRITE, status=201, summary="Start an upload")
    def start_upload(body: UploadRequest, caller: Principal) -> UploadStarted: ...

The parameters say what the handler needs: ``body`` (a msgspec Struct, from JSON), ``query`` (a Struct, from the
query string), ``caller`` (the verified Principal), ``request`` (the raw Request), and the names in the path.
"""

from __future__ import annotations

import hashlib
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import msgspec

from artstore.errors import ArtStoreError, Unauthenticated
from artstore.http import problems
from artstore.http.decoding import decode_body, decode_path_parameter, decode_query
from artstore.http.request import Request
from artstore.http.response import Response
from artstore.security import Principal, Scope

_BODY, _QUERY, _CALLER, _REQUEST = "body", "query", "caller", "request"

T = TypeVar("T")

Authenticate = Callable[[str], Principal]
"""From the text of a bearer token to its principal; raises Unauthenticated."""
ErrorRenderer = Callable[[ArtStoreError, Request], Response]


@dataclass(frozen=True)
class Reply(Generic[T]):
    """A response whose headers or status differ from the endpoint's own."""

    value: T
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    client_id: str | None = None
    """Whom the log line names, where the operation itself finds out who calls."""


@dataclass(frozen=True)
class Redirect:
    """A response that sends the client elsewhere (RFC 9110 §15.4)."""

    location: str


@dataclass(frozen=True)
class Rendered:
    """A body that is no JSON, and its media type: one of those that the endpoint ``produces``."""

    media_type: str
    text: str


@dataclass(frozen=True)
class Header:
    """A request header that the handler reads itself, for the OpenAPI document."""

    name: str
    description: str
    required: bool = False


@dataclass(frozen=True)
class Endpoint:
    """One operation of the API."""

    method: str
    path: str
    scope: Scope | None
    """None: public."""
    status: int
    summary: str
    description: str
    handler: Callable[..., object]
    parameters: Mapping[str, Any]
    """Types of the handler's parameters, by name."""
    answers: Mapping[int, Any]
    """Types of the successful answers, by status."""
    consumes: tuple[str, ...]
    """Media types of a body that the handler reads itself, for the OpenAPI document."""
    body_model: Any
    """What that body holds; None when it is not said."""
    headers: tuple[Header, ...]
    etag: bool
    """Whether the answer has an ETag: the handler's, or one made of the body. A GET then heeds If-None-Match."""
    produces: tuple[str, ...]
    """Media types besides JSON that a success may have."""
    error_statuses: tuple[int, ...]
    render_error: ErrorRenderer
    error_model: Any
    """What ``render_error`` renders."""

    @property
    def operation_id(self) -> str:
        """Name of the operation in the OpenAPI document and the logs."""
        return self.handler.__name__

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Call the plain function, as tests do."""
        return self.handler(*args, **kwargs)

    def identify(self, request: Request, authenticate: Authenticate) -> Principal | None:
        """Give the verified caller, or None where the operation is public. Raises Unauthenticated."""
        return None if self.scope is None else authenticate(_bearer_token(request))

    def answer(self, request: Request, caller: Principal | None) -> tuple[Response, str | None]:
        """Check the scope, validate, call and serialise; give the response and the client id it names.

        Raises ArtStoreError for every refusal.
        """
        if self.scope is not None and caller is not None:
            caller.require(self.scope)
        result = self.handler(**self._arguments(request, caller))
        return self._response(result), result.client_id if isinstance(result, Reply) else None

    def _arguments(self, request: Request, caller: Principal | None) -> dict[str, object]:
        arguments: dict[str, object] = {}
        for name, kind in self.parameters.items():
            if name == _CALLER:
                arguments[name] = caller
            elif name == _REQUEST:
                arguments[name] = request
            elif name == _BODY:
                arguments[name] = decode_body(request, kind)
            elif name == _QUERY:
                arguments[name] = decode_query(request, kind)
            else:
                arguments[name] = decode_path_parameter(request, name, kind)
        return arguments

    def _response(self, result: object) -> Response:
        if isinstance(result, Redirect):
            return Response(self.status, {"Location": result.location, "Cache-Control": "no-store"}, "")
        reply: Reply[object] = result if isinstance(result, Reply) else Reply(result)
        if reply.value is None:
            return Response(reply.status or self.status, reply.headers, "")
        media_type, body = "application/json", b""
        if isinstance(reply.value, Rendered):
            media_type, body = reply.value.media_type, reply.value.text.encode()
        else:
            body = msgspec.json.encode(reply.value)
        headers = {"Content-Type": media_type, **reply.headers}
        if self.etag and "ETag" not in headers:
            headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        return Response(reply.status or self.status, headers, body.decode())


def endpoint(
    method: str,
    path: str,
    *,
    scope: Scope | None,
    summary: str,
    status: int = 200,
    consumes: tuple[str, ...] = (),
    body_model: Any = None,
    headers: tuple[Header, ...] = (),
    etag: bool = False,
    produces: tuple[str, ...] = (),
    repeated_status: int | None = None,
    also: Mapping[int, Any] = MappingProxyType({}),
    error_statuses: tuple[int, ...] = (),
    render_error: ErrorRenderer = problems.render,
    error_model: Any = problems.Problem,
) -> Callable[[Callable[..., object]], Endpoint]:
    """Declare the decorated function as the operation ``method path``.

    ``scope`` None makes it public. ``error_statuses`` names the statuses to document beyond those that every
    operation of its kind can answer, ``repeated_status`` that of a success which was one already, ``also``
    successes of other models, by status, ``produces`` media types of Rendered successes. Raises TypeError at
    import when a name in the path has no parameter.
    """

    def declare(handler: Callable[..., object]) -> Endpoint:
        hints = typing.get_type_hints(handler, include_extras=True)
        answers = _answers(hints.pop("return"), status, tuple(also.values()))
        answers |= also
        if repeated_status is not None:
            answers[repeated_status] = answers[status]
        parameters = {name: hints[name] for name in inspect.signature(handler).parameters}
        in_path = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        if set(parameters) - {_BODY, _QUERY, _CALLER, _REQUEST} != in_path:
            raise TypeError(f"{handler.__name__}: its parameters and the names in {path} differ")
        return Endpoint(
            method=method,
            path=path,
            scope=scope,
            status=status,
            summary=summary,
            description=inspect.cleandoc(handler.__doc__ or ""),
            handler=handler,
            parameters=parameters,
            answers=answers,
            consumes=consumes,
            body_model=body_model,
            headers=headers,
            etag=etag,
            produces=produces,
            error_statuses=error_statuses,
            render_error=render_error,
            error_model=error_model,
        )

    return declare


def _answers(annotation: Any, status: int, others: tuple[Any, ...]) -> dict[int, Any]:
    """Read a return annotation: a model, Reply of a model, or Redirect or Reply of a model (then 200).
    ``others`` are models whose status is known."""
    union = isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union
    answers: dict[int, Any] = {}
    for kind in typing.get_args(annotation) if union else (annotation,):
        model = typing.get_args(kind)[0] if typing.get_origin(kind) is Reply else kind
        if model in others or model is Rendered:
            continue
        answers[200 if union and model is not Redirect else status] = model
    return answers


def _bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("a bearer token is needed (RFC 6750 §2.1)", code="missing_token")
    return token
