"""What the authorization server is made of, built lazily, once a process."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import TYPE_CHECKING

from artstore import config
from artstore.audit import Link
from artstore.aws.audit_outbox import AuditOutbox
from artstore.aws.audit_table import AuditTable
from artstore.cursors import CursorSealer
from artstore.objects import ObjectStore, s3_client
from artstore.security import TableKeySource, TokenVerifier
from artstore.security.revocations import Revocations
from functions.auth.accounts.directory import AccountDirectory
from functions.auth.accounts.table import ServiceAccounts
from functions.auth.audit.exports import AuditExports
from functions.auth.audit.reading import AuditReader
from functions.auth.keys.published import PublishedKeys
from functions.auth.keys.rotation import KeyRotation
from functions.auth.keys.rotation_records import RotationRecords
from functions.auth.keys.secret import ActiveKey, KeySecret
from functions.auth.refusals import RefusalRecorder
from functions.auth.secrets import SecretVerifier
from functions.auth.tokens.attempts import Attempts
from functions.auth.tokens.authentication import ClientAuthenticator
from functions.auth.tokens.check_in import AccountDesk
from functions.auth.tokens.issuing import TokenIssuer
from functions.auth.tokens.revoking import TokenRevoker
from functions.auth.tokens.status import TokenStatus

if TYPE_CHECKING:
    from functions.auth.accounts.administration import AccountAdministration
    from functions.auth.accounts.secret_expiry import SecretExpiry


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
def active_key() -> ActiveKey:
    """Give the key that signs now."""
    return ActiveKey(key_secret())


@functools.cache
def rotation_records() -> RotationRecords:
    """Give the history of rotations."""
    return RotationRecords(settings().prefix)


@functools.cache
def key_rotation() -> KeyRotation:
    """Give the owner of the ring of signing keys."""
    return KeyRotation(
        secret=key_secret(),
        published=published_keys(),
        records=rotation_records(),
        audit=audit_log(),
        algorithm=settings().signing_algorithm,
        publish_ahead=timedelta(seconds=settings().key_publish_ahead_seconds),
        token_lifetime=timedelta(seconds=settings().token_lifetime_seconds),
    )


@functools.cache
def revocations() -> Revocations:
    """Give the revoked tokens."""
    return Revocations(settings().prefix, settings().revocation_delay_seconds)


@functools.cache
def key_source() -> TableKeySource:
    """Give the public keys that verify access tokens."""
    return TableKeySource(settings().prefix, settings().issuer)


@functools.cache
def token_verifier() -> TokenVerifier:
    """Give what verifies access tokens."""
    return TokenVerifier(settings().issuer, key_source(), revocations())


@functools.cache
def token_status() -> TokenStatus:
    """Give what introspects and revokes tokens."""
    revoker = TokenRevoker(
        settings().prefix,
        revoked=revocations(),
        outbox=audit_outbox(),
        counter=attempts(),
        token_lifetime_seconds=settings().token_lifetime_seconds,
    )
    return TokenStatus(token_verifier(), revoker)


@functools.cache
def cursors() -> CursorSealer:
    """Give what seals page cursors."""
    return CursorSealer(active_key().cursor_secrets)


@functools.cache
def audit_log() -> AuditTable:
    """Give the audit log of this deployment."""
    return AuditTable(settings().prefix)


@functools.cache
def audit_outbox() -> AuditOutbox:
    """Give the events on their way into the audit log."""
    return AuditOutbox(settings().prefix)


@functools.cache
def refusals() -> RefusalRecorder:
    """Give what records the refusals that matter."""
    return RefusalRecorder(audit_outbox())


@functools.cache
def audit_exports() -> AuditExports | None:
    """Give the exports of the audit log, or None where they have no bucket; costs an S3 client."""
    bucket = settings().audit_bucket
    return AuditExports(ObjectStore(s3_client()), bucket) if bucket else None


@functools.cache
def audit_reader() -> AuditReader:
    """Give the audit log for those who may read it."""
    return AuditReader(log=audit_log(), cursors=cursors(), newest_export=_newest_export)


def _newest_export() -> Link | None:
    exports = audit_exports()
    return exports.newest() if exports else None


@functools.cache
def published_keys() -> PublishedKeys:
    """Give the published keys of this issuer."""
    return PublishedKeys(settings().prefix, settings().issuer)


@functools.cache
def attempts() -> Attempts:
    """Give the counts of what an attacker would repeat."""
    return Attempts(settings().prefix)


@functools.cache
def client_authenticator() -> ClientAuthenticator:
    """Give what authenticates clients."""
    return ClientAuthenticator(
        issuer=settings().issuer,
        accounts=service_accounts(),
        desk=AccountDesk(settings().prefix),
        attempts=attempts(),
        secrets=SecretVerifier(settings().bcrypt_cost),
        requests_per_minute=settings().token_requests_per_minute,
    )


@functools.cache
def token_issuer() -> TokenIssuer:
    """Give the issuer of tokens."""
    return TokenIssuer(
        issuer=settings().issuer,
        lifetime_seconds=settings().token_lifetime_seconds,
        signing_key=active_key().get,
    )


@functools.cache
def account_directory() -> AccountDirectory:
    """Give the accounts for reading."""
    return AccountDirectory(service_accounts(), cursors())


@functools.cache
def account_administration() -> AccountAdministration:
    """Give what administers accounts; imported here, since the first token of a process should not wait for it."""
    from artstore.aws.space_table import SpaceTable
    from functions.auth.accounts.administration import AccountAdministration

    return AccountAdministration(
        accounts=service_accounts(),
        audit=audit_log(),
        revocations=revocations(),
        bcrypt_cost=settings().bcrypt_cost,
        secret_lifetime=timedelta(days=settings().secret_lifetime_days),
        space_exists=lambda name: SpaceTable(settings().prefix).find(name) is not None,
    )


@functools.cache
def secret_expiry() -> SecretExpiry:
    """Give what warns of secrets that end soon; imported here, for the scheduled function alone."""
    from functions.auth.accounts.secret_expiry import SecretExpiry

    return SecretExpiry(service_accounts(), audit_log())
