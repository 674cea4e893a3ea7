"""Settings are read once, typed, and reported whole when they are wrong."""

from __future__ import annotations

import pytest

from artstore import config
from artstore.errors import Misconfigured

ELEMENTS = '[{"element_id":"edit-01","bucket":"b","mode":"edit"}]'
UPLOAD = {
    "ARTSTORE_PREFIX": "p",
    "ARTSTORE_ISSUER": "https://archive.example",
    "ARTSTORE_STORAGE_ELEMENTS": ELEMENTS,
    "ARTSTORE_DATABASE_SECRET_ID": "database",
    "ARTSTORE_CURSOR_KEY_SECRET_ID": "cursor-key",
    "ARTSTORE_INGEST_FUNCTION": "p-storage-events",
}


def test_settings_are_typed_and_have_their_defaults() -> None:
    settings = config.load(config.UploadSettings, UPLOAD)
    assert (settings.prefix, settings.upload_expiry_seconds, settings.s3_public_endpoint) == ("p", 3600, None)
    assert settings.elements.buckets() == ("b",)


def test_every_missing_and_malformed_name_is_reported_at_once() -> None:
    with pytest.raises(Misconfigured) as refusal:
        config.load(config.UploadSettings, {"ARTSTORE_ISSUER": "x", "ARTSTORE_UPLOAD_EXPIRY_SECONDS": "0"})
    said = str(refusal.value)
    assert "ARTSTORE_PREFIX is not set" in said
    assert "ARTSTORE_STORAGE_ELEMENTS is not set" in said
    assert "ARTSTORE_UPLOAD_EXPIRY_SECONDS: must be 1 to 604800, not 0" in said


def test_an_empty_variable_counts_as_unset() -> None:
    with pytest.raises(Misconfigured, match="ARTSTORE_PREFIX is not set"):
        config.load(config.UploadSettings, UPLOAD | {"ARTSTORE_PREFIX": ""})


def test_the_database_is_named_by_a_url_or_a_secret() -> None:
    query = {name: value for name, value in UPLOAD.items() if not name.startswith("ARTSTORE_DATABASE")}
    with pytest.raises(Misconfigured, match="ARTSTORE_DATABASE_SECRET_ID"):
        config.load(config.QuerySettings, query)
    assert config.load(config.QuerySettings, query | {"ARTSTORE_DATABASE_SECRET_ID": "arn"}).database_secret_id
