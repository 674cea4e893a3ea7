"""What rebuilding the index is made of, built lazily, once a process; for the worker."""

from __future__ import annotations

import functools

from artstore.aws.element_table import open_registry
from artstore.aws.look_queue import LookQueue
from artstore.database import DatabaseAddress
from artstore.elements.registry import ElementRegistry
from artstore.index.rebuilding.postgres import PostgresRebuild
from artstore.objects import s3_client
from functions.maintenance import dependencies
from functions.maintenance.reconciling.storage import ListedStorage
from functions.maintenance.reindexing.filling import Filling
from functions.maintenance.reindexing.runner import Leftovers, Reindexing, ReindexPart


@functools.cache
def reindexing() -> Reindexing:
    """Give the runner of rebuilds."""
    settings = dependencies.worker_settings()
    return Reindexing(
        elements=_elements().present,
        folders=ListedStorage(s3_client()),
        filling=_filling(),
        rebuild=_rebuild(),
        looks=LookQueue(settings.events_queue_url),
        documents=lambda: sum(each.documents for each in dependencies.usage_by_element().values()),
        jobs=dependencies.jobs(),
        wake=dependencies.wake(),
    )


@functools.cache
def part_runner() -> ReindexPart:
    """Give the runner of their parts."""
    return ReindexPart(_elements().present, _filling())


@functools.cache
def leftovers() -> Leftovers:
    """Give what drops the tables that nobody builds on."""
    return Leftovers(_rebuild(), dependencies.jobs())


@functools.cache
def _elements() -> ElementRegistry:
    return open_registry(dependencies.worker_settings().prefix, dependencies.worker_settings().elements)


@functools.cache
def _rebuild() -> PostgresRebuild:
    return PostgresRebuild(DatabaseAddress(dependencies.worker_settings()))


@functools.cache
def _filling() -> Filling:
    return Filling(listing=ListedStorage(s3_client()), objects=dependencies.objects(), rebuild=_rebuild())
