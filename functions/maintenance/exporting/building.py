"""Exports as this deployment does them."""

from __future__ import annotations

import functools
from typing import Any

from botocore.config import Config

from artstore import aws
from artstore.objects import ObjectStore
from functions.maintenance import dependencies
from functions.maintenance.exporting.copying import AT_ONCE, Copying
from functions.maintenance.exporting.runner import ExportRunner
from functions.maintenance.exporting.storage import BagStorage


@functools.cache
def export_runner() -> ExportRunner:
    """Give what makes bags."""
    settings = dependencies.worker_settings()
    client = _client()
    store = BagStorage(client, settings.exports_bucket)
    copying = Copying(
        ObjectStore(client),
        store,
        whole_bytes=settings.copy_whole_bytes,
        part_bytes=settings.copy_part_bytes,
    )
    return ExportRunner(index=dependencies.index(), store=store, copying=copying)


def _client() -> Any:
    """Make a client for several threads, which waits as long as storage takes to copy 5 GiB."""
    config = Config(
        signature_version="s3v4",
        connect_timeout=2,
        read_timeout=300,
        max_pool_connections=AT_ONCE,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    return aws.create_client("s3", config)
