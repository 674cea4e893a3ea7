"""What unit tests share: one signing key, made once."""

from __future__ import annotations

import pytest

from functions.auth import dependencies
from functions.auth.signing_key import SigningKey, generate_key
from tests.support.authorization.account_world import World


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    return SigningKey(generate_key())


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The service accounts of a deployment in memory."""
    made = World()
    monkeypatch.setenv("ARTSTORE_PREFIX", "unit")
    monkeypatch.setattr(dependencies, "account_administration", lambda: made.administration)
    monkeypatch.setattr(dependencies, "account_directory", lambda: made.directory)
    return made
