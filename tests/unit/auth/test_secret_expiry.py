"""Operators are told of each secret that ends within 14 days, once, and of none that is meant to end."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from functions.auth import dependencies, scheduled
from functions.auth.accounts.secret_expiry import NOTICE, SecretExpiry, Warned
from tests.support.authorization.account_world import LIFETIME, READER, ROOT, START, World


@pytest.fixture
def expiry(world: World) -> SecretExpiry:
    return SecretExpiry(world.accounts, world.audit, clock=lambda: world.now)


def warned(expiry: SecretExpiry) -> set[str]:
    return {each.client_id for each in expiry.warn().warned}


def test_a_secret_is_warned_of_once_fourteen_days_ahead(world: World, expiry: SecretExpiry) -> None:
    world.now = START + LIFETIME - NOTICE - timedelta(seconds=1)
    assert expiry.warn().expiring == 0
    world.now += timedelta(seconds=1)
    report = expiry.warn()
    assert report.expiring == 2
    assert report.warned[0] == Warned(ROOT, "admin", "2027-02-19T12:00:00.000Z")
    assert [(entry.action, entry.actor, entry.object) for entry in world.audit.entries] == [
        ("secret.expiring", "system", f"service-account/{ROOT}"),
        ("secret.expiring", "system", f"service-account/{READER}"),
    ]
    world.now += timedelta(days=30)
    again = expiry.warn()
    assert (again.expiring, again.warned) == (2, ())


def test_a_rotated_secret_is_not_warned_of_and_its_successor_is(world: World, expiry: SecretExpiry) -> None:
    world.now = START + LIFETIME - NOTICE
    world.rotate(READER)
    assert warned(expiry) == {ROOT}
    world.now += LIFETIME
    assert warned(expiry) == {READER}


def test_accounts_that_cannot_log_in_anyway_are_not_warned_of(world: World, expiry: SecretExpiry) -> None:
    world.add("sa_suspended", status="SUSPENDED")
    world.add("sa_deleted", status="DELETED")
    world.add("sa_keys", secrets=[], jwks={"keys": []})
    world.now = START + LIFETIME
    assert warned(expiry) == {ROOT, READER}


def test_a_secret_of_the_first_version_which_never_ends_is_warned_of(world: World, expiry: SecretExpiry) -> None:
    world.add("sa_old", secrets=[], secret_hashes=["$2b$"])
    assert expiry.warn().warned == (Warned("sa_old", "sa_old", None),)
    assert expiry.warn().warned == ()


def test_a_warning_changes_no_etag_and_gives_way_to_a_change(world: World, expiry: SecretExpiry) -> None:
    world.now = START + LIFETIME
    answers: list[Any] = []
    world.audit.before_commit = lambda: answers.append(world.rotate(ROOT))
    assert warned(expiry) == {READER}
    assert world.send("GET", f"/{READER}").headers["ETag"] == '"1"'
    assert world.send("GET", f"/{ROOT}").headers["ETag"] == '"2"'


def test_the_task_writes_a_log_line_for_each_warning_and_a_metric(
    world: World, expiry: SecretExpiry, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("ISSUER", "SIGNING_KEY_SECRET_ID"):
        monkeypatch.setenv(f"ARTSTORE_{name}", "x")
    monkeypatch.setattr(dependencies, "secret_expiry", lambda: expiry)
    dependencies.settings.cache_clear()
    world.now = START + LIFETIME
    assert scheduled.handler({"task": "warn-expiring-secrets"}, None)["warned"] == 2
    dependencies.settings.cache_clear()
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    warnings = [line for line in lines if line.get("level") == "WARNING"]
    assert [line["client_id"] for line in warnings] == [ROOT, READER]
    assert [line["ExpiringSecrets"] for line in lines if "ExpiringSecrets" in line] == [[2.0]]
