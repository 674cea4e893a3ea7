"""Our presigner against botocore's, over generated inputs: the URLs are the same, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import botocore.session
import pytest
from botocore.auth import SIGNED_HEADERS_BLACKLIST, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from artstore.errors import Invalid
from artstore.presign import MAX_EXPIRY_SECONDS, Credentials, Endpoint, presign, presign_get
from artstore.presign.address import address_of
from tests.support.runs.examples import examples

# What breaks signatures: everything that is encoded, normalised or split on somewhere.
PIECES = ["/", "//", "..", ".", " ", "+", "%", "%2F", "%41", "~", "*", "'", "(", "?", "#", "&", "="]
PIECES += ["\n", "\x00", "a", "Отчёт", "🗄"]

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)

regions = st.sampled_from(
    [
        "us-east-1",
        "eu-central-1",
        "ap-southeast-2",
        "cn-north-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "eusc-de-east-1",
    ]
)
custom_urls = st.sampled_from(
    [
        "http://localhost:4566",
        "https://storage.example.org",
        "https://Storage.Example.org:443",
        "http://127.0.0.1:9000/",
        "http://[::1]:9000",
        "https://example.org:8443/object/store",
    ]
)
endpoints = st.builds(Endpoint, url=st.none() | custom_urls, region=regions)
buckets = st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True) | st.sampled_from(
    ["archive.example.org", "a.b", "a--b"]
)
keys = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    st.lists(
        st.sampled_from(PIECES),
        min_size=1,
        max_size=20,
    ).map("".join),
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
queries = st.dictionaries(
    st.sampled_from(
        ["versionId", "response-content-type", "response-content-disposition", "partNumber", "uploadId"]
    )
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    texts,
    max_size=4,
)
printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40).filter(
    lambda value: value == value.strip(" ")
)
header_names = st.sampled_from(
    ["Content-Type", "content-length", "If-None-Match", "x-amz-checksum-sha256", "Content-Encoding", "Range"]
) | st.from_regex(r"x-amz-meta-[a-z0-9]{1,12}", fullmatch=True)
headers = st.dictionaries(header_names, printable, max_size=6).filter(
    # botocore takes this one for a default of its HTTP client and drops it.
    lambda found: found.get("Content-Type") != "application/x-www-form-urlencoded; charset=utf-8"
)
secrets = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=16, max_size=40)
sessions = st.none() | st.text(
    st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/="),
    min_size=1,
    max_size=400,
)
signers = st.builds(
    Credentials,
    access_key_id=st.from_regex(r"A[SK]IA[A-Z0-9]{16}", fullmatch=True),
    secret_access_key=secrets,
    session_token=sessions,
)


@pytest.fixture(autouse=True, scope="module")
def botocore_clock() -> Iterator[None]:
    with patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        yield


def signature(url: str) -> str:
    return dict(parse_qsl(urlsplit(url).query))["X-Amz-Signature"]


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE"]),
    bucket=buckets,
    key=keys,
    signer=signers,
    endpoint=endpoints,
    expires_in=st.integers(1, MAX_EXPIRY_SECONDS),
    headers=headers,
    query=queries,
)
@example(
    method="PUT",
    bucket="archive",
    key="/a//../b c+d%2F.pdf",
    signer=Credentials("AKIAEXAMPLE", "secret", "to/ken+=="),
    endpoint=Endpoint("http://localhost:80", "us-east-1"),
    expires_in=1,
    headers={"Content-Type": "text/plain;  charset=utf-8", "If-None-Match": "*"},
    query={"versionId": "", "a": "b&c=d"},
)
def test_the_signer_gives_botocores_url(
    method: str,
    bucket: str,
    key: str,
    signer: Credentials,
    endpoint: Endpoint,
    expires_in: int,
    headers: dict[str, str],
    query: dict[str, str],
) -> None:
    ours = presign(
        method,
        bucket,
        key,
        credentials=signer,
        endpoint=endpoint,
        expires_in=expires_in,
        headers=headers,
        query=query,
        now=NOW,
    )

    origin, path, _ = address_of(endpoint.url, endpoint.region, bucket)
    url = f"{origin}{path}{quote(key, safe='/~')}"
    if query:
        url += "?" + urlencode(query, quote_via=quote)
    request = AWSRequest(method=method, url=url, headers=headers)
    botocore_signer = BotocoreCredentials(signer.access_key_id, signer.secret_access_key, signer.session_token)
    S3SigV4QueryAuth(botocore_signer, "s3", endpoint.region, expires=expires_in).add_auth(request)

    assert ours.url == request.url
    assert ours.headers == headers


@cache
def s3_client(endpoint: Endpoint) -> Any:
    session = botocore.session.Session()
    session.set_credentials("AKIAEXAMPLE", "example-secret", "session/token+=")
    return session.create_client(
        "s3",
        region_name=endpoint.region,
        endpoint_url=endpoint.url,
        config=Config(
            signature_version="s3v4",
            s3={
                "addressing_style": "virtual" if endpoint.url is None else "path",
                "us_east_1_regional_endpoint": "regional",
            },
        ),
    )


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    bucket=buckets,
    key=keys,
    endpoint=endpoints,
    expires_in=st.integers(1, MAX_EXPIRY_SECONDS),
    filename=st.none() | texts,
    content_type=st.none() | printable,
    version_id=st.none() | printable,
)
def test_a_download_link_is_the_one_generate_presigned_url_makes(
    bucket: str,
    key: str,
    endpoint: Endpoint,
    expires_in: int,
    filename: str | None,
    content_type: str | None,
    version_id: str | None,
) -> None:
    ours = presign_get(
        bucket,
        key,
        credentials=Credentials("AKIAEXAMPLE", "example-secret", "session/token+="),
        endpoint=endpoint,
        expires_in=expires_in,
        filename=filename,
        content_type=content_type,
        version_id=version_id,
        now=NOW,
    )

    query = dict(parse_qsl(urlsplit(ours.url).query, keep_blank_values=True))
    wanted = {
        "Bucket": bucket,
        "Key": key,
        "ResponseContentDisposition": query.get("response-content-disposition"),
        "ResponseContentType": content_type,
        "VersionId": version_id,
    }
    theirs = s3_client(endpoint).generate_presigned_url(
        "get_object",
        Params={name: value for name, value in wanted.items() if value is not None},
        ExpiresIn=expires_in,
    )
    assert ours.url.split("?")[0] == theirs.split("?")[0]
    assert query == dict(parse_qsl(urlsplit(theirs).query, keep_blank_values=True))
    assert signature(ours.url) == signature(theirs)


@pytest.mark.parametrize("name", SIGNED_HEADERS_BLACKLIST)
def test_what_botocore_leaves_unsigned_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        presign(
            "PUT",
            "archive",
            "key",
            credentials=Credentials("AKIAEXAMPLE", "secret"),
            endpoint=Endpoint(None, "eu-central-1"),
            expires_in=60,
            headers={name: "value"},
            now=NOW,
        )
