"""Our signatures in headers against botocore's, over generated requests: all headers are the same."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from artstore.aws.json_service import DYNAMODB, SECRETS_MANAGER, Service, _endpoint
from artstore.sigv4 import Credentials, signed_headers
from tests.support.runs.examples import examples

NOW = datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC)

texts = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)
signers = st.builds(Credentials, texts, texts, st.none() | texts)


@settings(max_examples=examples(60), deadline=None)
@given(
    signer=signers,
    body=st.binary(max_size=100),
    path=st.sampled_from(["/", "/aws/"]),
    service=st.sampled_from([DYNAMODB, SECRETS_MANAGER]),
    operation=st.sampled_from(["PutItem", "GetSecretValue"]),
    region=st.sampled_from(["eu-central-1", "us-gov-west-1"]),
)
def test_a_request_is_signed_as_botocore_signs_it(
    signer: Credentials, body: bytes, path: str, service: Service, operation: str, region: str
) -> None:
    headers = {
        "content-type": f"application/x-amz-json-{service.version}",
        "host": "example:4566",
        "x-amz-target": f"{service.target}.{operation}",
    }
    ours = signed_headers(
        "POST",
        path,
        headers,
        body,
        credentials=signer,
        region=region,
        service=service.name,
        timestamp=NOW.strftime("%Y%m%dT%H%M%SZ"),
    )

    request = AWSRequest("POST", f"http://example:4566{path}", headers, body)
    given = BotocoreCredentials(signer.access_key_id, signer.secret_access_key, signer.session_token)
    with patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        SigV4Auth(given, service.name, region).add_auth(request)
    theirs = {name.lower(): value for name, value in request.headers.items()}
    assert ours == theirs


REGIONS = [
    *("eu-central-1", "us-east-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1"),
    *("eusc-de-east-1", "eu-isoe-west-1", "us-isof-south-1", "xx-new-1"),
]


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("service", [DYNAMODB, SECRETS_MANAGER], ids=lambda service: service.name)
def test_a_region_s_endpoint_is_botocore_s(service: Service, region: str) -> None:
    client = botocore.session.Session().create_client(
        service.name, region_name=region, aws_access_key_id="a", aws_secret_access_key="b"
    )
    assert _endpoint(service, region, {}) == client.meta.endpoint_url
