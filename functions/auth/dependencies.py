"""What the authorization server is made of, built lazily, once a process."""

from __future__ import annotations

import functools

from artstore import config
from artstore.audit_table import AuditTable
from functions.auth.accounts import ServiceAccounts
from functions.auth.attempts import Attempts
from functions.auth.authentication import ClientAuthenticator
from functions.auth.check_in import AccountDesk
from functions.auth.keys import ActiveKey, KeySecret, PublishedKeys
from functions.auth.secrets import SecretVerifier
from functions.auth.tokens import TokenIssuer


@functools.cache
def settings() -> config.AuthSettings:
    """Give the settings. Raises Misconfigured."""
    return config.load(config.AuthSettings)


@functools.cache
def service_accounts() -> ServiceAccounts:
    """Give the accounts of this deployment."""
    return ServiceAccounts(settings().prefix)


@functools.cache
def key_secret() -> KeySecret:
    """Give the secret of the private keys."""
    return KeySecret(settings().signing_key_secret_id)


@functools.cache
def audit_log() -> AuditTable:
    """Give the audit log of this deployment."""
    return AuditTable(settings().prefix)


@functools.cache
def published_keys() -> PublishedKeys:
    """Give the published keys of this issuer."""
    return PublishedKeys(settings().prefix, settings().issuer)


@functools.cache
def client_authenticator() -> ClientAuthenticator:
    """Give what authenticates clients."""
    return ClientAuthenticator(
        issuer=settings().issuer,
        desk=AccountDesk(settings().prefix),
        attempts=Attempts(settings().prefix),
        secrets=SecretVerifier(settings().bcrypt_cost),
        requests_per_minute=settings().token_requests_per_minute,
    )


@functools.cache
def token_issuer() -> TokenIssuer:
    """Give the issuer of tokens."""
    return TokenIssuer(
        issuer=settings().issuer,
        lifetime_seconds=settings().token_lifetime_seconds,
        signing_key=ActiveKey(key_secret()).get,
    )
