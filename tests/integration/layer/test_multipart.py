"""The adapter to multipart uploads: what is listed and put together, and what it makes of refusals."""

from __future__ import annotations

import base64
import hashlib
import http.server
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import ANY, Stubber

from artstore.errors import Conflict, NotFound, PreconditionFailed, Unavailable
from artstore.multipart import Multiparts, Part

KEY = "2026/large.bin"
BODIES = (b"a" * 5 * 1024**2, b"b")


@pytest.fixture
def multiparts(s3: Any) -> Multiparts:
    return Multiparts(lambda: s3)


def send(s3: Any, upload_id: str, number: int, body: bytes) -> None:
    checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
    s3.upload_part(
        Bucket="edit", Key=KEY, UploadId=upload_id, PartNumber=number, Body=body, ChecksumSHA256=checksum
    )


def test_parts_are_listed_with_what_is_known_of_them_and_become_an_object(s3: Any, multiparts: Multiparts) -> None:
    upload_id = multiparts.create("edit", KEY, content_type="video/mp4", content_encoding="gzip")
    assert multiparts.parts("edit", KEY, upload_id).parts == []
    for number, body in reversed(list(enumerate(BODIES, 1))):
        send(s3, upload_id, number, body)
    parts = list(multiparts.all_parts("edit", KEY, upload_id))
    assert [(each.number, each.size) for each in parts] == [(1, len(BODIES[0])), (2, 1)]
    multiparts.complete("edit", KEY, upload_id, parts, sum(map(len, BODIES)))
    stored = s3.get_object(Bucket="edit", Key=KEY)
    assert stored["Body"].read() == b"".join(BODIES)
    assert (stored["ContentType"], stored["ContentEncoding"]) == ("video/mp4", "gzip")


def test_a_list_of_parts_is_read_to_its_end(s3: Any, multiparts: Multiparts) -> None:
    checksum = base64.b64encode(bytes(32)).decode()

    def page(first: int, count: int, *, more: bool) -> dict[str, Any]:
        parts = [
            {"PartNumber": number, "Size": 7, "ETag": f'"{number}"', "ChecksumSHA256": checksum}
            for number in range(first, first + count)
        ]
        return {"Parts": parts, "IsTruncated": more}

    with Stubber(s3) as stubber:
        asked = {"Bucket": "edit", "Key": KEY, "UploadId": "u"}
        stubber.add_response("list_parts", page(1, 1000, more=True), asked | {"PartNumberMarker": 0})
        stubber.add_response("list_parts", page(1001, 1000, more=True), asked | {"PartNumberMarker": 1000})
        stubber.add_response("list_parts", page(2001, 3, more=False), asked | {"PartNumberMarker": 2000})
        parts = list(multiparts.all_parts("edit", KEY, "u"))
    assert [each.number for each in parts] == list(range(1, 2004))
    assert parts[0] == Part(number=1, size=7, etag='"1"', sha256="00" * 32)


def test_what_is_put_together_names_checksums_the_size_and_that_nothing_is_there(
    s3: Any, multiparts: Multiparts
) -> None:
    parts = [Part(number=1, size=7, etag='"1"', sha256="00" * 32), Part(number=2, size=1, etag='"2"', sha256=None)]
    with Stubber(s3) as stubber:
        stubber.add_response(
            "complete_multipart_upload",
            {},
            {
                "Bucket": "edit",
                "Key": KEY,
                "UploadId": "u",
                "IfNoneMatch": "*",
                "MpuObjectSize": 8,
                "MultipartUpload": {
                    "Parts": [
                        {"PartNumber": 1, "ETag": '"1"', "ChecksumSHA256": base64.b64encode(bytes(32)).decode()},
                        {"PartNumber": 2, "ETag": '"2"'},
                    ]
                },
            },
        )
        multiparts.complete("edit", KEY, "u", parts, 8)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchUpload", NotFound),
        (412, "PreconditionFailed", PreconditionFailed),
        (400, "EntityTooSmall", Conflict),
        (400, "InvalidPart", Conflict),
        (409, "ConditionalRequestConflict", Unavailable),
    ],
)
def test_refusals_to_put_parts_together_are_told_apart(
    s3: Any, multiparts: Multiparts, status: int, code: str, kind: type[Exception]
) -> None:
    with Stubber(s3) as stubber:
        stubber.add_client_error(
            "complete_multipart_upload", code, http_status_code=status, expected_params=ANY_PARAMS
        )
        with pytest.raises(kind):
            multiparts.complete("edit", KEY, "u", [], 1)


ANY_PARAMS = {
    "Bucket": ANY,
    "Key": ANY,
    "UploadId": ANY,
    "IfNoneMatch": "*",
    "MpuObjectSize": ANY,
    "MultipartUpload": ANY,
}


def test_an_upload_that_is_over_lists_nothing_and_can_be_aborted_again(s3: Any, multiparts: Multiparts) -> None:
    upload_id = multiparts.create("edit", KEY, content_type="text/plain")
    multiparts.abort("edit", KEY, upload_id)
    multiparts.abort("edit", KEY, upload_id)
    with pytest.raises(NotFound):
        multiparts.parts("edit", KEY, upload_id)


class _SaysYesAndMeansNo(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'<?xml version="1.0"?><Error><Code>InternalError</Code><Message>try again</Message></Error>'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def lying() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _SaysYesAndMeansNo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_error_inside_a_200_is_an_error(lying: str) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=lying,
        region_name="eu-north-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}),
    )
    part = Part(number=1, size=7, etag='"1"', sha256=None)
    with pytest.raises(Unavailable):
        Multiparts(lambda: client).complete("edit", KEY, "u", [part], 7)
