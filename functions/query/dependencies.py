"""What the read side is made of, built lazily, once a process."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from artstore import config, cursors, telemetry
from artstore.aws.element_table import open_registry
from artstore.aws.secret_store import read_secret
from artstore.cursors import CursorKeys
from artstore.database import DatabaseAddress
from artstore.elements.registry import ElementRegistry
from artstore.objects import ObjectStore, s3_client
from artstore.presign.signer import UrlSigner
from artstore.security import TableKeySource
from functions.query.archived import ArchivedBytes
from functions.query.cursors import Cursors
from functions.query.documents import Documents
from functions.query.health import ReadinessProbe

if TYPE_CHECKING:
    from artstore.index.postgres import PostgresIndex
    from functions.query.history.reading import Histories
    from functions.query.quarantine import Quarantined


@functools.cache
def settings() -> config.QuerySettings:
    """Give the settings. Raises Misconfigured."""
    return config.load(config.QuerySettings)


def public_url() -> str | None:
    """Give the address at which clients reach the API, the issuer if that is one; None when it is not known."""
    url = settings().public_url or settings().issuer
    return url if urlsplit(url).scheme in ("https", "http") else None


@functools.cache
def database_address() -> DatabaseAddress:
    """Give where the index is; its secret is read at the first use."""
    return DatabaseAddress(settings())


@functools.cache
def index() -> PostgresIndex:
    """Give the index; psycopg is imported here, a third of what importing this function would take."""
    from artstore.index.postgres import PostgresIndex

    return PostgresIndex(database_address())


@functools.cache
def elements() -> ElementRegistry:
    """Give the storage elements of this deployment, which change while the process lives."""
    return open_registry(settings().prefix, settings().elements)


@functools.cache
def documents() -> Documents:
    """Give the documents of this deployment."""
    from artstore.index.fixity_checks import FixityTable

    return Documents(
        index=index(),
        signer=UrlSigner(config.environment, settings().s3_public_endpoint),
        cursors=Cursors(cursor_keys()),
        checks=FixityTable(index().server),
        archived=ArchivedBytes(elements().current, lambda: ObjectStore(s3_client()), index()),
        download_expiry_seconds=settings().download_expiry_seconds,
    )


@functools.cache
def quarantined() -> Quarantined:
    """Give what is kept from everybody."""
    from functions.query.quarantine import Quarantined

    return Quarantined(index(), cursors.Cursors(cursor_keys()))


@functools.cache
def cursor_keys() -> CursorKeys:
    """Give the keys of this deployment's cursors."""
    return CursorKeys(_read_cursor_key)


@functools.cache
def histories() -> Histories:
    """Give the histories of documents; imported here, since nothing else needs the audit log."""
    from artstore.aws.audit_table import AuditTable
    from artstore.index.fixity_checks import FixityTable
    from functions.query.history.reading import Histories

    return Histories(
        index=index(),
        checks=FixityTable(index().server),
        log=AuditTable(settings().prefix),
        cursors=cursors.Cursors(cursor_keys()),
    )


def _read_cursor_key(stage: str) -> str | None:
    return read_secret(settings().cursor_key_secret_id, stage)


@functools.cache
def readiness() -> ReadinessProbe:
    """Give what asks the dependencies. What each check needs is made here: importing takes longer than asking."""
    keys = TableKeySource(settings().prefix, settings().issuer)
    store = ObjectStore(s3_client())

    def reach_buckets() -> None:
        for bucket in settings().elements.buckets():
            store.ping(bucket)

    return ReadinessProbe(
        {"dynamodb": keys.jwks, "s3": reach_buckets, "postgresql": index().ping},
        telemetry.get_logger("query", settings().log_level),
    )
