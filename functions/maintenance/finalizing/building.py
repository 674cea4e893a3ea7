"""Finalization as this deployment does it."""

from __future__ import annotations

import functools
from datetime import timedelta

from artstore.aws.element_table import open_registry
from artstore.aws.finalization_table import FinalizationTable
from artstore.elements.registry import ElementRegistry
from artstore.objects import ObjectStore, s3_client
from functions.maintenance import dependencies
from functions.maintenance.finalizing.departed import Sources
from functions.maintenance.finalizing.finalization import Finalizer
from functions.maintenance.finalizing.seals import Seals
from functions.maintenance.finalizing.storage import ObjectCopies, copying_client


@functools.cache
def finalizer() -> Finalizer:
    """Give what finalizes."""
    settings = dependencies.worker_settings()
    return Finalizer(
        elements=_elements().current,
        objects=ObjectStore(s3_client()),
        copies=ObjectCopies(copying_client()),
        finalizations=FinalizationTable(settings.prefix),
        ingest=dependencies.ingest_now(),
        outbox=dependencies.audit_outbox(),
        whole_bytes=settings.copy_whole_bytes,
        part_bytes=settings.copy_part_bytes,
    )


@functools.cache
def sources() -> Sources:
    """Give what removes the sources of finalized documents."""
    settings = dependencies.worker_settings()
    return Sources(
        elements=_elements().current,
        objects=ObjectStore(s3_client()),
        copies=ObjectCopies(copying_client()),
        finalizations=FinalizationTable(settings.prefix),
        jobs=dependencies.jobs(),
        finalizer=finalizer(),
        margin=timedelta(hours=settings.source_kept_hours),
    )


@functools.cache
def seals() -> Seals:
    """Give what breaks seals that nobody breaks."""
    settings = dependencies.worker_settings()
    return Seals(
        elements=_elements().current,
        objects=ObjectStore(s3_client()),
        index=dependencies.index(),
        finalizations=FinalizationTable(settings.prefix),
        jobs=dependencies.jobs(),
        ingest=dependencies.ingest_now(),
        margin=timedelta(hours=settings.source_kept_hours),
    )


@functools.cache
def _elements() -> ElementRegistry:
    settings = dependencies.worker_settings()
    return open_registry(settings.prefix, settings.elements)
