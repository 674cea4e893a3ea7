"""Whose credentials a URL is signed with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from artstore.presign.signer import UrlSigner

NOON = datetime(2026, 5, 17, 12, tzinfo=UTC)


def test_credentials_that_were_renewed_sign_from_the_next_second_on() -> None:
    variables = {"AWS_REGION": "eu-north-1", "AWS_ACCESS_KEY_ID": "FIRST", "AWS_SECRET_ACCESS_KEY": "secret"}
    now = [NOON]
    signer = UrlSigner(lambda: variables, None, clock=lambda: now[0])

    def signed_by(after: timedelta) -> str:
        now[0] = NOON + after
        url = signer.sign("GET", "bucket", "key", expires_in=60).url
        return url.partition("X-Amz-Credential=")[2].partition("%2F")[0]

    assert signed_by(timedelta()) == "FIRST"
    variables["AWS_ACCESS_KEY_ID"] = "SECOND"
    assert signed_by(timedelta(milliseconds=999)) == "FIRST"
    assert signed_by(timedelta(seconds=1)) == "SECOND"
    variables["AWS_ACCESS_KEY_ID"] = "THIRD"
    assert signed_by(timedelta(seconds=2)) == "THIRD"
