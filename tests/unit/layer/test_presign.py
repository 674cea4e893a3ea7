"""What a presigned URL promises, and what is refused before anything is signed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artstore.errors import Invalid, Misconfigured, TooLarge, Unavailable
from artstore.presign import (
    MAX_EXPIRY_SECONDS,
    MAX_SINGLE_PUT_BYTES,
    Credentials,
    Endpoint,
    Presigned,
    attachment,
    credentials_from,
    presign,
    presign_get,
    presign_put,
)

NOW = datetime(2026, 5, 17, 12, 30, 15, 999_999, tzinfo=UTC)
SIGNED_AT = NOW.replace(microsecond=0)
SIGNER = Credentials("AKIAEXAMPLE", "not-a-secret", "session-token")
FRANKFURT = Endpoint(None, "eu-central-1")
SHA256 = hashlib.sha256(b"content").hexdigest()


def sign(**changes: Any) -> Presigned:
    arguments: dict[str, Any] = {
        "method": "GET",
        "bucket": "archive",
        "key": "2026/05/17/12/a.pdf",
        "credentials": SIGNER,
        "endpoint": FRANKFURT,
        "expires_in": 300,
        "now": NOW,
        **changes,
    }
    return presign(arguments.pop("method"), arguments.pop("bucket"), arguments.pop("key"), **arguments)


def sign_put(**changes: Any) -> Presigned:
    arguments: dict[str, Any] = {
        "credentials": SIGNER,
        "endpoint": FRANKFURT,
        "expires_in": 300,
        "now": NOW,
        "content_length": 7,
        "content_type": "application/pdf",
        "sha256": SHA256,
        **changes,
    }
    return presign_put("archive", "key", **arguments)


def query_of(presigned: Presigned) -> dict[str, list[str]]:
    return parse_qs(urlsplit(presigned.url).query, keep_blank_values=True)


@pytest.mark.parametrize(
    ("bucket", "endpoint", "begins"),
    [
        ("archive", FRANKFURT, "https://archive.s3.eu-central-1.amazonaws.com/k?"),
        ("my.archive", FRANKFURT, "https://s3.eu-central-1.amazonaws.com/my.archive/k?"),
        ("archive", Endpoint(None, "cn-north-1"), "https://archive.s3.cn-north-1.amazonaws.com.cn/k?"),
        ("archive", Endpoint(None, "us-gov-west-1"), "https://archive.s3.us-gov-west-1.amazonaws.com/k?"),
        ("archive", Endpoint("http://localhost:4566", "us-east-1"), "http://localhost:4566/archive/k?"),
        ("archive", Endpoint("https://h.example/s3/", "us-east-1"), "https://h.example/s3/archive/k?"),
    ],
)
def test_the_address_is_the_one_the_client_can_reach(bucket: str, endpoint: Endpoint, begins: str) -> None:
    assert sign(bucket=bucket, key="k", endpoint=endpoint).url.startswith(begins)


def test_a_key_is_encoded_once_and_never_normalised() -> None:
    path = urlsplit(sign(key="/a//../b c+d%2F~Ж").url).path
    assert path == "//a//../b%20c%2Bd%252F~%D0%96"


def test_the_url_lives_as_long_as_asked_from_a_whole_second() -> None:
    presigned = sign(expires_in=300)
    assert presigned.expires_at == SIGNED_AT + timedelta(seconds=300)
    assert query_of(presigned)["X-Amz-Date"] == ["20260517T123015Z"]
    assert query_of(presigned)["X-Amz-Expires"] == ["300"]


def test_the_url_ends_a_minute_before_the_session_that_signed_it() -> None:
    session_end = SIGNED_AT + timedelta(seconds=200)
    presigned = sign(credentials=Credentials("AKIAEXAMPLE", "not-a-secret", "t", session_end), expires_in=3600)
    assert presigned.expires_at == session_end - timedelta(seconds=60)
    assert query_of(presigned)["X-Amz-Expires"] == ["140"]


def test_a_session_about_to_end_signs_nothing() -> None:
    ending = Credentials("AKIAEXAMPLE", "not-a-secret", "t", SIGNED_AT + timedelta(seconds=60))
    with pytest.raises(Unavailable):
        sign(credentials=ending)


@pytest.mark.parametrize("expires_in", [0, -1, MAX_EXPIRY_SECONDS + 1])
def test_a_life_outside_one_second_to_seven_days_is_refused(expires_in: int) -> None:
    with pytest.raises(Invalid):
        sign(expires_in=expires_in)


def test_a_naive_moment_is_a_mistake_in_the_program() -> None:
    with pytest.raises(ValueError, match="naive"):
        sign(now=NOW.replace(tzinfo=None))


def test_a_moment_in_another_zone_is_the_same_moment() -> None:
    moscow = NOW.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+03:00").tzinfo)
    assert sign(now=moscow).url == sign().url


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "get"},
        {"method": "PATCH"},
        {"key": ""},
        {"key": "x" * 1025},
        {"key": "\ud800"},
        {"bucket": "a"},
        {"bucket": "a/b"},
        {"bucket": "evil.example#"},
        {"headers": {"Authorization": "x"}},
        {"headers": {"Host": "elsewhere"}},
        {"headers": {"X-Amz-Date": "20200101T000000Z"}},
        {"headers": {"a b": "x"}},
        {"headers": {"x-amz-meta-a": "line\r\nbreak: injected"}},
        {"headers": {"x-amz-meta-a": "Отчёт"}},
        {"headers": {"x-amz-meta-a": ""}},
        {"headers": {"Content-Type": "a/b", "content-type": "a/b"}},
        {"query": {"X-Amz-Expires": "604800"}},
        {"query": {"x-amz-signature": "0"}},
        {"query": {"versionId": "\udfff"}},
    ],
)
def test_what_cannot_be_signed_is_invalid(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        sign(**changes)


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint("ftp://example.org", "us-east-1"),
        Endpoint("localhost:4566", "us-east-1"),
        Endpoint("https://user:pass@example.org", "us-east-1"),
        Endpoint("https://example.org?x=1", "us-east-1"),
        Endpoint(None, "us-east-1.evil.example/"),
    ],
)
def test_an_endpoint_that_is_none_is_a_wrong_deployment(endpoint: Endpoint) -> None:
    with pytest.raises(Misconfigured):
        sign(endpoint=endpoint)


def test_an_upload_signs_size_type_checksum_and_newness_as_headers() -> None:
    presigned = sign_put()
    assert presigned.headers == {
        "Content-Length": "7",
        "Content-Type": "application/pdf",
        "If-None-Match": "*",
        "x-amz-checksum-sha256": "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=",
    }
    assert query_of(presigned)["X-Amz-SignedHeaders"] == [
        "content-length;content-type;host;if-none-match;x-amz-checksum-sha256"
    ]
    assert not any(name.lower().startswith("x-amz-checksum") for name in query_of(presigned))


def test_further_headers_of_an_upload_are_signed_and_replace_nothing() -> None:
    presigned = sign_put(headers={"x-amz-meta-file-id": "1", "If-None-Match": '"etag"'})
    assert presigned.headers["x-amz-meta-file-id"] == "1"
    assert presigned.headers["If-None-Match"] == "*"
    with pytest.raises(Invalid):
        sign_put(headers={"if-none-match": '"etag"'})


@pytest.mark.parametrize(
    "changes",
    [{"content_length": -1}, {"sha256": "A" * 64}, {"sha256": SHA256[:-1]}, {"content_type": "a/b\n"}],
)
def test_an_upload_that_states_nonsense_is_invalid(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        sign_put(**changes)


def test_more_than_one_put_can_carry_is_too_large() -> None:
    sign_put(content_length=MAX_SINGLE_PUT_BYTES)
    with pytest.raises(TooLarge):
        sign_put(content_length=MAX_SINGLE_PUT_BYTES + 1)


def test_a_download_names_its_version_its_type_and_its_attachment() -> None:
    presigned = presign_get(
        "archive",
        "key",
        credentials=SIGNER,
        endpoint=FRANKFURT,
        expires_in=60,
        now=NOW,
        filename="Отчёт.pdf",
        content_type="application/pdf",
        version_id="v1",
    )
    query = query_of(presigned)
    assert query["versionId"] == ["v1"]
    assert query["response-content-type"] == ["application/pdf"]
    assert query["response-content-disposition"] == [
        "attachment; filename=\"Otchyot.pdf\"; filename*=UTF-8''%D0%9E%D1%82%D1%87%D1%91%D1%82.pdf"
    ]
    assert presigned.headers == {}


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ('a"b\\c/d.pdf', "ab_c_d.pdf"),
        ("a\r\nSet-Cookie: x\x00.pdf", "aSet-Cookie: x.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("100%25 sure; really.pdf", "100%25 sure; really.pdf"),
        (" \n ", "document"),
        ("", "document"),
    ],
)
def test_a_name_survives_as_far_as_it_is_harmless(filename: str, shown: str) -> None:
    ascii_form, _, extended = attachment(filename).partition("; filename*=UTF-8''")
    assert ascii_form.startswith('attachment; filename="')
    assert unquote(extended) == shown


@pytest.mark.parametrize(
    ("filename", "read"),
    [
        ("Договор №7 «март».docx", "Dogovor No7 'mart'.docx"),
        ("Щука и Ёж.tar.gz", "Shchuka i Yozh.tar.gz"),
        ("Їжак — ґава.txt", "Yizhak - gava.txt"),
        ("Übung Łódź ½.txt", "Ubung Lodz 1-2.txt"),
        ("Straße, Æsir.pdf", "Strasse, Aesir.pdf"),
        ("Άλφα.pdf", "Alfa.pdf"),
        ("ｆｕｌｌ＂width／.pdf", "full_width_.pdf"),
        ("и\u0306.txt", "y.txt"),
        ("文書.pdf", "document.pdf"),
        ("文書 2026.pdf", "__ 2026.pdf"),
        ("文書", "document"),
        ("...", "document"),
        (".profile", ".profile"),
        ("100%.txt", "100_.txt"),
    ],
)
def test_who_reads_ascii_alone_gets_a_name_to_read(filename: str, read: str) -> None:
    assert attachment(filename).split("; ")[1] == f'filename="{read}"'


@given(st.text(max_size=60))
def test_any_name_makes_one_line_of_plain_ascii(filename: str) -> None:
    header = attachment(filename)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert "\\" not in header


def test_credentials_come_from_a_given_mapping() -> None:
    credentials = credentials_from(
        {
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_SESSION_TOKEN": "",
            "AWS_CREDENTIAL_EXPIRATION": "2026-05-17T15:00:00+03:00",
        }
    )
    assert credentials.session_token is None
    assert credentials.expires_at == datetime(2026, 5, 17, 12, tzinfo=UTC)


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(Misconfigured) as caught:
        credentials_from({"AWS_CREDENTIAL_EXPIRATION": "soon"})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CREDENTIAL_EXPIRATION"):
        assert name in str(caught.value)


def test_neither_secrets_nor_urls_show_in_a_representation() -> None:
    shown = repr(SIGNER) + repr(sign())
    assert "not-a-secret" not in shown
    assert "session-token" not in shown
    assert "X-Amz-Signature" not in shown


def test_importing_the_presigner_imports_no_sdk() -> None:
    code = "import sys, artstore.presign; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    modules = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, check=True
    ).stdout.split()
    assert not {b"botocore", b"boto3", b"urllib3", b"cryptography"} & set(modules)
