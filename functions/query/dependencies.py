"""What the read side is made of, built lazily, once a process."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from artstore import config
from artstore.database import database_url
from artstore.objects import ObjectStore, s3_client
from artstore.presign.signer import UrlSigner
from artstore.security import TableKeySource
from functions.query.cursors import Cursors
from functions.query.documents import Documents
from functions.query.health import Check

if TYPE_CHECKING:
    from artstore.index.postgres import PostgresIndex


@functools.cache
def settings() -> config.QuerySettings:
    """Give the settings. Raises Misconfigured."""
    return config.load(config.QuerySettings)


@functools.cache
def index() -> PostgresIndex:
    """Give the index; psycopg is imported here, a third of what importing this function would take."""
    from artstore.index.postgres import PostgresIndex

    return PostgresIndex(database_url(settings()))


@functools.cache
def documents() -> Documents:
    """Give the documents of this deployment."""
    return Documents(
        index=index(),
        signer=UrlSigner(config.environment, settings().s3_public_endpoint),
        cursors=Cursors(database_url(settings())),
        download_expiry_seconds=settings().download_expiry_seconds,
    )


def readiness_checks() -> dict[str, Check]:
    """Give the checks of each dependency, by its name."""
    keys = TableKeySource(settings().prefix, settings().issuer)
    return {
        "dynamodb": keys.jwks,
        "s3": _reach_buckets,
        "postgresql": lambda: index().ping(),
    }


def _reach_buckets() -> None:
    store = ObjectStore(s3_client())
    for bucket in settings().elements.buckets():
        store.ping(bucket)
