"""What checking fixity is made of, built lazily, once a process; for the worker."""

from __future__ import annotations

import functools

from aws_lambda_powertools.metrics import MetricUnit

from artstore import telemetry
from artstore.aws.element_table import open_registry
from artstore.index.fixity_checks import FixityTable
from functions.maintenance import dependencies
from functions.maintenance.fixity.checking import Checking
from functions.maintenance.fixity.runner import FixityRunner


@functools.cache
def fixity_runner() -> FixityRunner:
    """Give what checks documents."""
    settings = dependencies.worker_settings()
    index = dependencies.index()
    return FixityRunner(
        checks=FixityTable(index.server),
        checking=Checking(dependencies.objects(), index),
        index=index,
        elements=open_registry(settings.prefix, settings.elements).present,
        outbox=dependencies.audit_outbox(),
        days=settings.fixity_days or 365,
        told=emit_failures,
    )


def emit_failures(count: int) -> None:
    """Write the metric of documents that are not what they were."""
    telemetry.emit_metrics(
        "maintenance-worker",
        dependencies.worker_settings().prefix,
        {"FixityFailures": (MetricUnit.Count, count)},
    )
