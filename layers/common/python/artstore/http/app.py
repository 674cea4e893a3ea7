"""From endpoints to a Chalice application, which is itself the Lambda handler behind the REST API.

Chalice calls the view; everything else of a request happens here: which methods a path has (HEAD wherever GET is,
OPTIONS everywhere), one log line and one metric line for each request, the request id, CORS, and one shape of
error, the framework's own errors included. Chalice's middleware cannot see an exception raised by a view, so each
view catches its own.
"""

from __future__ import annotations

import base64
import binascii
import functools
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from chalice.app import Chalice
from chalice.app import Response as ChaliceResponse

from artstore import config, deadline, telemetry
from artstore.errors import ArtStoreError, Invalid, NotFound, Unavailable
from artstore.http import problems
from artstore.http.cors import CorsPolicy
from artstore.http.endpoint import Authenticate, Endpoint
from artstore.http.preconditions import unless_known
from artstore.http.request import Request
from artstore.http.response import Response
from artstore.security import Principal, TableKeySource, TokenVerifier
from artstore.security.revocations import Revocations

REQUEST_SECONDS = 10
"""The most that a request waits for what it depends on; then it is answered with 503."""
RESERVED_SECONDS = 2
"""What is left of the function's time for that answer, and for a connection attempt that was under way."""
_REQUEST_ID_HEADER = "X-Request-Id"

Methods = Mapping[str, Collection[str]]
"""The methods of each path, as the endpoints and the OpenAPI document state them: without HEAD and OPTIONS."""


@dataclass(frozen=True)
class Refusal:
    """A request that ended in an error of ours."""

    operation: str
    request: Request
    client_id: str | None
    """Who asked, once the token was verified."""
    error: ArtStoreError


def create_app(
    service: str,
    endpoints: Iterable[Endpoint],
    authenticate: Authenticate | None = None,
    refused: Callable[[Refusal], None] | None = None,
    elsewhere: Callable[[], Methods] = dict,
) -> ArtStoreApp:
    """Build the application of ``service`` from its endpoints.

    ``refused`` is told of every request that is refused, before the answer is given. ``elsewhere`` gives the
    methods of paths that other functions serve: asked for one of those by another method, or by a browser's
    preflight, the application knows what to say.

    ``authenticate`` defaults to verifying access tokens with the published keys of the configured issuer; it is
    built at the first request, so that importing a function needs neither settings nor network.
    """
    app = ArtStoreApp(service, authenticate or _verify_access_token, refused, elsewhere)
    for each in endpoints:
        app.add(each)
    return app


@functools.cache
def _verifier() -> TokenVerifier:
    settings = config.load(config.HttpSettings)
    return TokenVerifier(
        settings.issuer,
        TableKeySource(settings.prefix, settings.issuer),
        Revocations(settings.prefix, settings.revocation_delay_seconds),
    )


def _verify_access_token(token: str) -> Principal:
    return _verifier().verify(token)


@functools.cache
def cors_policy() -> CorsPolicy:
    return CorsPolicy(config.load(config.BrowserSettings).allowed_origins)


@functools.cache
def request_logger(service: str) -> Logger:
    return telemetry.get_logger(service, config.load(config.CommonSettings).log_level)


@functools.cache
def deployment() -> str:
    return config.load(config.CommonSettings).prefix


class ArtStoreApp(Chalice):
    """A Chalice application that speaks problem+json throughout."""

    def __init__(
        self,
        service: str,
        authenticate: Authenticate,
        refused: Callable[[Refusal], None] | None = None,
        elsewhere: Callable[[], Methods] = dict,
    ) -> None:
        """Make an application without routes."""
        super().__init__(app_name=f"artstore-{service}", configure_logs=False)
        self._service = service
        self._authenticate = authenticate
        self._refused = refused
        self._elsewhere = elsewhere
        self._outcome = _Outcome(Request("", "", "-"))

    def add(self, each: Endpoint) -> None:
        """Register an endpoint. Content types are checked by the endpoint, not by Chalice."""
        methods = [each.method, "HEAD"] if each.method == "GET" else [each.method]
        self.route(each.path, methods=methods, name=each.operation_id, content_types=[])(self._view(each))

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer a proxy event of API Gateway with a proxy response."""
        started = time.perf_counter()
        request = _request(event, context)
        self._outcome = outcome = _Outcome(request)
        if request.method in self.routes.get(request.path, {}):
            with deadline.within(_seconds_for(context)):
                answer: dict[str, Any] = super().__call__(event, context)
            if outcome.answered_by is None:
                answer = _as_answer(problems.render(_framework_error(int(answer["statusCode"])), request))
        else:
            answer = _as_answer(self._answer_unrouted(request))
        answer["headers"].update({_REQUEST_ID_HEADER: request.request_id, **cors_policy().headers(request)})
        if request.method == "HEAD":
            answer["body"] = ""
        self._record(request, outcome, int(answer["statusCode"]), (time.perf_counter() - started) * 1000)
        return answer

    def _answer_unrouted(self, request: Request) -> Response:
        """Answer what no view does: OPTIONS (204), a method that the path has not (405), an unknown path (404)."""
        if request.method == "OPTIONS" and (preflight := cors_policy().preflight_headers(request)):
            return Response(204, {"Cache-Control": "no-store", **preflight}, "")
        methods = {*self.routes.get(request.path, ()), *self._elsewhere().get(request.path, ())}
        if not methods:
            return problems.render(NotFound("there is no such path", code="path_not_found"), request)
        allowed = sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))
        headers = {"Allow": ", ".join(allowed)}
        if request.method == "OPTIONS":
            return Response(204, {**headers, "Cache-Control": "no-store"}, "")
        refusal = problems.render(
            Invalid(f"{request.method} is not a method of this path", code="method_not_allowed"), request
        )
        return Response(refusal.status, {**refusal.headers, **headers}, refusal.body)

    def _view(self, each: Endpoint) -> Callable[..., ChaliceResponse]:
        def view(**_path_parameters: str) -> ChaliceResponse:
            outcome = self._outcome
            request = outcome.request
            outcome.answered_by = each
            try:
                caller = each.identify(request, self._authenticate)
                outcome.client_id = caller.client_id if caller else None
                response, named = each.answer(request, caller)
                response = unless_known(request, response)
                outcome.client_id = outcome.client_id or named
            except ArtStoreError as error:
                outcome.error = error
                if self._refused is not None:
                    self._refused(Refusal(each.operation_id, request, outcome.client_id, error))
                response = each.render_error(error, request)
            except Exception as error:  # noqa: BLE001  # the last line of defence: logged whole, told to nobody
                outcome.error = problems.unexpected()
                outcome.unexpected = error
                response = each.render_error(outcome.error, request)
            return ChaliceResponse(response.body, dict(response.headers), response.status)

        return view

    def _record(self, request: Request, outcome: _Outcome, status: int, milliseconds: float) -> None:
        operation = outcome.answered_by.operation_id if outcome.answered_by else "unrouted"
        fields: dict[str, object] = {
            "request_id": request.request_id,
            "client_id": outcome.client_id,
            "operation": operation,
            "method": request.method,
            "path": request.path,
            "status": status,
            "milliseconds": round(milliseconds, 2),
        }
        if outcome.error is not None:
            fields["code"] = outcome.error.code
        logger = request_logger(self._service)
        cause = outcome.unexpected or (outcome.error.__cause__ if isinstance(outcome.error, Unavailable) else None)
        if cause is not None:
            logger.error("request", exc_info=cause, extra=fields)
        elif status >= 500:
            logger.error("request", extra=fields)
        else:
            logger.info("request", extra=fields)
        telemetry.emit_metrics(
            self._service,
            deployment(),
            {
                "Requests": (MetricUnit.Count, 1),
                "ServerErrors": (MetricUnit.Count, int(status >= 500)),
                "Latency": (MetricUnit.Milliseconds, round(milliseconds, 2)),
            },
            {"operation": operation},
        )


def _framework_error(status: int) -> ArtStoreError:
    """Give the error that stands for one that Chalice made itself."""
    return Invalid("the request cannot be read") if status == 400 else problems.unexpected()


def _as_answer(response: Response) -> dict[str, Any]:
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "multiValueHeaders": {},
        "body": response.body,
    }


class _Outcome:
    """What became of the present request; a Lambda environment answers one at a time."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.answered_by: Endpoint | None = None
        self.client_id: str | None = None
        self.error: ArtStoreError | None = None
        self.unexpected: Exception | None = None


def _seconds_for(context: Any) -> float:
    """Give how long a request may wait for what it depends on: less than the function and the gateway may."""
    try:
        left = context.get_remaining_time_in_millis() / 1000
    except AttributeError:
        return REQUEST_SECONDS
    return float(min(REQUEST_SECONDS, left - RESERVED_SECONDS))


def _request(event: dict[str, Any], context: Any) -> Request:
    """Read a proxy event (API Gateway REST, payload 1.0)."""
    about = event.get("requestContext") or {}
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            raw = base64.b64decode(body)
        except (binascii.Error, ValueError):
            raw = b""
    else:
        raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    return Request(
        method=str(about.get("httpMethod", "")),
        path=str(about.get("resourcePath", "")),
        request_id=str(about.get("requestId") or getattr(context, "aws_request_id", "") or "-"),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        query=event.get("multiValueQueryStringParameters") or {},
        path_parameters=event.get("pathParameters") or {},
        body=raw,
        source_ip=str((about.get("identity") or {}).get("sourceIp", "")),
    )
