"""Calls of AWS's JSON protocols (DynamoDB, Secrets Manager, SQS) without a botocore client.

A client of botocore takes ten times the processor time for a call, and a new process 20 to 60 ms to make one. What
botocore does is done here for these services, and only where the environment is as Lambda's is: credentials in
it, no proxy, no profile, no FIPS or dual-stack endpoints. ``JsonService.of`` says where it is not so; the caller
then asks botocore.

A call is tried three times, see ``tries``, and again also when an answer fails its checksum.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from botocore.utils import get_environ_proxies

from artstore import config, deadline
from artstore.aws.tries import Spoilt, trying
from artstore.aws.wire import Answer, Wire
from artstore.presign.address import dns_suffix
from artstore.sigv4 import Credentials, credentials_from, signed_headers


@dataclass(frozen=True, slots=True)
class Service:
    """A service that speaks a JSON protocol."""

    name: str
    """As its endpoint and its signatures name it."""
    target: str
    """What operations are named after in X-Amz-Target."""
    version: str
    """Of the protocol: 1.0 or 1.1."""
    variable: str
    """Where the environment names its endpoint."""
    read_timeout_seconds: float
    connect_timeout_seconds: float = 2


DYNAMODB: Final = Service("dynamodb", "DynamoDB_20120810", "1.0", "AWS_ENDPOINT_URL_DYNAMODB", 3)
SECRETS_MANAGER: Final = Service("secretsmanager", "secretsmanager", "1.1", "AWS_ENDPOINT_URL_SECRETS_MANAGER", 5)
SQS: Final = Service("sqs", "AmazonSQS", "1.0", "AWS_ENDPOINT_URL_SQS", 5)


class JsonService:
    """One service, by the environment's credentials, which are read for each call: Lambda renews them."""

    @classmethod
    def of(cls, service: Service) -> JsonService | None:
        """Give the service at the environment's endpoint; None where that needs more than is done here."""
        variables = config.environment()
        if not is_plain(variables):
            return None
        region = variables.get("AWS_DEFAULT_REGION") or variables.get("AWS_REGION") or ""
        url = _endpoint(service, region, variables)
        if url is None or get_environ_proxies(url):
            return None
        return cls(service, region, Wire(url, variables.get("AWS_CA_BUNDLE") or None))

    def __init__(self, service: Service, region: str, wire: Wire) -> None:
        """Speak to ``service`` in ``region`` over ``wire``."""
        self._service = service
        self._region = region
        self._wire = wire
        self._headers = {
            "accept-encoding": "identity",
            "content-type": f"application/x-amz-json-{service.version}",
            "host": wire.host,
            "user-agent": "artstore",
        }

    @property
    def name(self) -> str:
        """Give the service's name."""
        return self._service.name

    def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation and read its answer; raises as ``ask`` does, and ResponseParserError."""
        return decode(self.ask(operation, arguments))

    def ask(self, operation: str, arguments: Mapping[str, Any]) -> bytes:
        """Call an operation; give the JSON that it answers. Bytes in ``arguments`` go as base64.

        Raises botocore's ClientError when the service refuses, another of its exceptions when the service does not
        answer, DeadlineExceeded, and Misconfigured when there are no credentials any more.
        """
        body = _encode(arguments)
        return trying(lambda before: self._try(operation, body, before))

    def _try(self, operation: str, body: bytes, before: int) -> bytes:
        answer = self._send(operation, body)
        if answer.status >= 300:
            raise _refusal(operation, answer, before)
        if not _is_whole(answer):
            raise Spoilt(_refusal(operation, answer, before))
        return answer.body

    def _send(self, operation: str, body: bytes) -> Answer:
        headers = signed_headers(
            "POST",
            self._wire.path,
            {**self._headers, "x-amz-target": f"{self._service.target}.{operation}"},
            body,
            credentials=self._credentials(),
            region=self._region,
            service=self._service.name,
            timestamp=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        )
        left = deadline.remaining()
        return self._wire.exchange(
            "POST",
            self._wire.path,
            headers,
            body,
            connect_timeout=min(self._service.connect_timeout_seconds, left),
            read_timeout=min(self._service.read_timeout_seconds, left),
        )

    @staticmethod
    def _credentials() -> Credentials:
        return credentials_from(config.environment())


def is_plain(variables: Mapping[str, str]) -> bool:
    """Tell whether the environment names credentials, and nothing that only botocore knows how to heed."""
    flags = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
    return (
        bool(variables.get("AWS_ACCESS_KEY_ID") and variables.get("AWS_SECRET_ACCESS_KEY"))
        and not variables.get("AWS_PROFILE")
        and not any(variables.get(each, "").lower() == "true" for each in flags)
    )


def _endpoint(service: Service, region: str, variables: Mapping[str, str]) -> str | None:
    if not region:
        return None
    named = variables.get(service.variable) or variables.get("AWS_ENDPOINT_URL")
    return named or f"https://{service.name}.{region}.{dns_suffix(region)}"


def _encode(arguments: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(arguments)
    except UnicodeEncodeError:  # half of a surrogate pair: the service says what it thinks of it
        return json.dumps(arguments).encode()


def decode(body: bytes) -> dict[str, Any]:
    """Read an answer. Raises botocore's ResponseParserError."""
    try:
        answer: dict[str, Any] = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise ResponseParserError("the answer is not JSON") from error
    return answer


def _is_whole(answer: Answer) -> bool:
    """Compare the answer with its checksum, where it has one: DynamoDB's have."""
    stated = answer.headers.get("x-amz-crc32")
    return stated is None or stated == str(zlib.crc32(answer.body))


def _refusal(operation: str, answer: Answer, before: int) -> ClientError:
    """Give a refusal as botocore gives it: members of the answer, and its code without namespace and address."""
    try:
        members = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        members = None
    if not isinstance(members, dict):
        members = {}
    code = str(members.get("__type") or answer.status).partition(":")[0].rpartition("#")[2]
    response: Any = {
        **{name: value for name, value in members.items() if name != "__type"},
        "Error": {"Code": code, "Message": members.get("message") or members.get("Message") or ""},
        "ResponseMetadata": {
            "HTTPStatusCode": answer.status,
            "HTTPHeaders": dict(answer.headers),
            "RequestId": answer.headers.get("x-amzn-requestid", ""),
            "RetryAttempts": before,
        },
    }
    return ClientError(response, operation)
