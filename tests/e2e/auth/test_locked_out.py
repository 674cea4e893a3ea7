"""Nobody locks a client out by failing in its name: neither its requests nor its right secret are used up."""

from __future__ import annotations

import pytest

from tests.e2e.archive import Archive
from tests.e2e.service_accounts import ServiceAccounts

TOKEN = "/api/v1/auth/token"
GRANT = {"grant_type": "client_credentials"}
WRONG = 75
"""More than one client may fail from one address in two windows of five minutes, fewer than the address may."""


@pytest.mark.alone
@pytest.mark.usefixtures("failures_forgotten")
@pytest.mark.parametrize("seen_before", [True, False])
def test_the_right_secret_is_accepted_after_any_number_of_wrong_ones(
    archive: Archive, accounts: ServiceAccounts, seen_before: bool
) -> None:
    client = accounts.create("READONLY")

    def ask(secret: str) -> int:
        return archive.anonymous("POST", TOKEN, data=GRANT, auth=(client.client_id, secret)).status_code

    if seen_before:
        assert ask(client.client_secret) == 200
    answers = set()
    for _ in range(WRONG):
        answers.add(ask("x" * 43))
        if 429 in answers:
            break
    assert answers == {401, 429}
    right = archive.anonymous("POST", TOKEN, data=GRANT, auth=(client.client_id, client.client_secret))
    assert right.status_code == 200, right.text
    used = int(right.headers["RateLimit-Limit"]) - int(right.headers["RateLimit-Remaining"])
    assert used <= 2, "wrong requests are none of the account's"
