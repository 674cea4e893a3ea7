"""schemathesis reads the OpenAPI document and tries what it says, and what it forbids, on every path of auth.

The cases come from a fixed seed. Requests are authorized by an account of the tests' own, so that the document's
operations do what they do: accounts are created, changed and deleted, keys are listed, tokens revoked.
ARTSTORE_E2E_EXAMPLES says how many cases each operation gets beside those that the document spells out; by itself
few, and more in ``make test-deep``.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks

from infra import openapi
from tests.e2e.archive import TIMEOUT_SECONDS, Archive
from tests.e2e.service_accounts import ServiceAccounts, TestClient
from tests.support.authorization.malformed import basic
from tests.support.runs.examples import examples

EXAMPLES = int(os.environ.get("ARTSTORE_E2E_EXAMPLES") or examples(8))
PATHS = sorted({each.path for each in openapi.ENDPOINTS_OF["auth"]})
OWN_CREDENTIALS = {f"/api/v1/auth/{name}" for name in ("token", "introspect", "revoke")}
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.ignored_auth,
]

load_all_checks()
config = schemathesis.Config.from_dict(
    {
        "seed": 7009,
        # RFC 6585 §3: a change without If-Match is 428.
        "checks": {"missing_required_header": {"expected-statuses": [400, 401, 403, 404, 428]}},
        "phases": {"coverage": {"unexpected-methods": []}},
    }
)
document = schemathesis.openapi.from_dict(json.loads(openapi.document()), config=config)
api = document.include(path=PATHS)
of_an_account = document.include(path=[path for path in PATHS if "{client_id}" in path])


class Caller:
    """Sends the cases of schemathesis as an account with every right."""

    def __init__(self, archive: Archive, accounts: ServiceAccounts) -> None:
        self._api_url = archive.api_url
        self._accounts = accounts
        self.client: TestClient = accounts.create("ADMIN")
        self.target: TestClient = accounts.create("USER")
        token = Archive(archive.api_url, self.client.client_id, self.client.client_secret).session().token
        self._bearer = f"Bearer {token['access_token']}"
        self._session = requests.Session()

    def check(self, case: Case[Any]) -> None:
        """Send a case and check the answer."""
        own_credentials = case.operation.path in OWN_CREDENTIALS
        authorization = (
            basic(self.client.client_id, self.client.client_secret) if own_credentials else self._bearer
        )
        response = case.call_and_validate(
            base_url=self._api_url,
            session=self._session,
            headers={"Authorization": authorization},
            checks=CHECKS,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        if response.status_code == 201:
            self._accounts.adopt(response.json()["client_id"])


@pytest.fixture(scope="module")
def caller(archive: Archive, accounts: ServiceAccounts) -> Caller:
    return Caller(archive, accounts)


def test_the_document_is_the_one_that_is_served(archive: Archive) -> None:
    served: dict[str, Any] = archive.anonymous("GET", "/openapi.json").json()
    expected = json.loads(openapi.document())
    expected["servers"] = [{"url": archive.api_url}]
    for flow in expected["components"]["securitySchemes"]["oauth2"]["flows"].values():
        flow["tokenUrl"] = archive.api_url + flow["tokenUrl"]
    assert served == expected


@api.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_the_operation_is_as_the_document_says(case: Case[Any], caller: Caller) -> None:
    caller.check(case)


@of_an_account.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_the_operation_on_an_account_that_exists_is_as_the_document_says(case: Case[Any], caller: Caller) -> None:
    if case.meta is None or not case.meta.is_negative_at(ParameterLocation.PATH):
        case.path_parameters["client_id"] = caller.target.client_id
    if "If-Match" in case.headers:
        case.headers["If-Match"] = "*"
    caller.check(case)
