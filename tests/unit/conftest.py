"""What unit tests share: one signing key, made once."""

from __future__ import annotations

import pytest

from functions.auth.keys import SigningKey, generate_key


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    return SigningKey(generate_key())
