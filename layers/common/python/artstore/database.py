"""Where the database is: a URL in the settings, or in the secret that they name."""

from __future__ import annotations

from artstore.aws.secret_store import read_secret
from artstore.config import DatabaseSettings
from artstore.errors import Misconfigured


def database_url(settings: DatabaseSettings) -> str:
    """Give the postgresql:// URL. Raises Unavailable, and Misconfigured when the secret is empty."""
    if settings.database_url:
        return settings.database_url
    url = read_secret(str(settings.database_secret_id))
    if not url:
        raise Misconfigured("the secret in ARTSTORE_DATABASE_SECRET_ID has no value")
    return url
