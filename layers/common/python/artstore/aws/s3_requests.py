"""The S3 calls that every document costs, without a botocore client: reading, describing and writing one object.

A client of botocore takes ten times the processor time for a call, and 300 ms of a new process to make.
``QuickClient`` does HeadObject, GetObject, PutObject and HeadBucket by itself, with botocore's arguments, answers
and exceptions. Every other call it leaves to a client of botocore, made when that is needed, and these as well
where they have arguments that are not known here, or a bucket whose name is no plain one or which lies in another
region.

A call is tried three times, see ``tries``; a body that breaks off is not asked for again. The bytes of an answer
are not compared with a checksum, which botocore does for whole objects: whoever needs them whole knows their
SHA-256.
"""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from botocore.exceptions import ClientError
from botocore.utils import get_environ_proxies

from artstore import config, deadline
from artstore.aws.json_service import is_plain
from artstore.aws.s3_answers import read_answer, read_refusal
from artstore.aws.tries import trying
from artstore.aws.wire import Incoming, Wire
from artstore.errors import Invalid
from artstore.presign.address import address_of
from artstore.presign.signature import encode_key
from artstore.sigv4 import credentials_from, signed_headers

CONNECT_TIMEOUT_SECONDS: Final = 2
READ_TIMEOUT_SECONDS: Final = 10

_REQUEST: Final = {
    "ChecksumAlgorithm": "x-amz-sdk-checksum-algorithm",
    "ChecksumMode": "x-amz-checksum-mode",
    "ChecksumSHA256": "x-amz-checksum-sha256",
    "ContentType": "content-type",
    "IfMatch": "if-match",
    "IfNoneMatch": "if-none-match",
    "Range": "range",
}
_ELSEWHERE: Final = frozenset({"AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect"})


_PLACE: Final = frozenset({"Body", "Bucket", "Key", "VersionId"})


@dataclass(frozen=True, slots=True)
class _Operation:
    name: str
    function: str
    """What botocore's clients call it."""
    method: str
    known: frozenset[str]
    """The arguments that are known here, besides those of the place."""


_HEAD_BUCKET: Final = _Operation("HeadBucket", "head_bucket", "HEAD", frozenset())
_HEAD_OBJECT: Final = _Operation(
    "HeadObject", "head_object", "HEAD", frozenset({"ChecksumMode", "IfMatch", "IfNoneMatch", "Range"})
)
_GET_OBJECT: Final = _Operation("GetObject", "get_object", "GET", frozenset({"IfMatch", "Range"}))
_PUT_OBJECT: Final = _Operation(
    "PutObject",
    "put_object",
    "PUT",
    frozenset({"ChecksumAlgorithm", "ChecksumSHA256", "ContentType", "IfMatch", "IfNoneMatch"}),
)


class QuickClient:
    """What is used of a boto3 S3 client, quicker where it can be."""

    @classmethod
    def of(cls, other: Callable[[], Any]) -> QuickClient | None:
        """Give a client for the environment's endpoint; None where that needs more than is done here.

        ``other`` makes the client of botocore for everything else.
        """
        variables = config.environment()
        region = variables.get("AWS_DEFAULT_REGION") or variables.get("AWS_REGION") or ""
        url = variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL") or None
        if not is_plain(variables) or not region or get_environ_proxies(url or "https://s3.amazonaws.com"):
            return None
        return cls(region, url, variables.get("AWS_CA_BUNDLE") or None, other)

    def __init__(self, region: str, url: str | None, ca_bundle: str | None, other: Callable[[], Any]) -> None:
        """Speak to ``url``, or to Amazon S3 in ``region``."""
        self._region, self._url, self._ca_bundle = region, url, ca_bundle
        self._make_other = other
        self._wires: dict[str, Wire] = {}

    def head_object(self, **arguments: Any) -> dict[str, Any]:
        """Describe an object."""
        return self._call(_HEAD_OBJECT, arguments)

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        """Open an object for reading."""
        return self._call(_GET_OBJECT, arguments)

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        """Write an object; without its SHA-256 botocore would add a checksum of its own choice, and does."""
        if "ChecksumSHA256" not in arguments or not isinstance(arguments.get("Body"), bytes):
            return self._by_other(_PUT_OBJECT, arguments)
        return self._call(_PUT_OBJECT, arguments)

    def head_bucket(self, **arguments: Any) -> dict[str, Any]:
        """Ask a bucket for a sign of life."""
        return self._call(_HEAD_BUCKET, arguments)

    def __getattr__(self, name: str) -> Any:
        """Give any other operation, botocore's."""
        return getattr(self._other, name)

    @functools.cached_property
    def _other(self) -> Any:
        return self._make_other()

    def _by_other(self, operation: _Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self._other, operation.function)(**arguments)
        return answer

    def _call(self, operation: _Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
        named = {name: value for name, value in arguments.items() if name not in _PLACE}
        if not named.keys() <= operation.known:
            return self._by_other(operation, arguments)
        try:
            wire, path, query, host = self._place(
                arguments["Bucket"], arguments.get("Key"), arguments.get("VersionId")
            )
        except Invalid:
            return self._by_other(operation, arguments)
        body: bytes = arguments.get("Body", b"")
        headers = {
            "accept-encoding": "identity",
            "host": host,
            "user-agent": "artstore",
            "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
            **{_REQUEST[name]: " ".join(str(value).split()) for name, value in named.items()},
        }
        try:
            incoming = trying(lambda before: self._try(operation, wire, path, query, headers, body, before))
        except ClientError as error:
            if self._is_elsewhere(error):
                return self._by_other(operation, arguments)
            raise
        return read_answer(operation.name, incoming)

    def _place(self, bucket: str, key: str | None, version_id: str | None) -> tuple[Wire, str, str, str]:
        """Give the way to a bucket, and path, query and Host of what is in it. Raises Invalid."""
        if bucket.endswith("--x-s3"):
            raise Invalid("a directory bucket has sessions of its own")
        origin, base, host = address_of(self._url, self._region, bucket)
        wire = self._wires.get(origin)
        if wire is None:
            wire = self._wires[origin] = Wire(origin, self._ca_bundle)
        path = base.rstrip("/") or "/" if key is None else base + encode_key(key)
        query = "" if version_id is None else f"versionId={quote(version_id, safe='-._~')}"
        return wire, path, query, host

    def _is_elsewhere(self, refusal: ClientError) -> bool:
        """Tell whether the bucket lies in another region: botocore knows how to follow."""
        about: Any = refusal.response["ResponseMetadata"]
        region = about["HTTPHeaders"].get("x-amz-bucket-region", self._region)
        moved = 300 <= about["HTTPStatusCode"] < 400 and about["HTTPStatusCode"] != HTTPStatus.NOT_MODIFIED
        return moved or region != self._region or refusal.response["Error"]["Code"] in _ELSEWHERE

    def _try(
        self,
        operation: _Operation,
        wire: Wire,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        before: int,
    ) -> Incoming:
        signed = signed_headers(
            operation.method,
            path,
            headers,
            body,
            credentials=credentials_from(config.environment()),
            region=self._region,
            service="s3",
            timestamp=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
            query=query,
        )
        left = deadline.remaining()
        incoming = wire.open(
            operation.method,
            f"{path}?{query}" if query else path,
            signed,
            body,
            connect_timeout=min(CONNECT_TIMEOUT_SECONDS, left),
            read_timeout=min(READ_TIMEOUT_SECONDS, left),
        )
        if incoming.status >= 300:
            raise read_refusal(operation.name, incoming, before)
        return incoming
