"""One logger and one set of metrics for each function.

Logs are JSON, one line an event (Powertools Logger); metrics are CloudWatch EMF lines (Powertools Metrics).
No token and no secret may reach a log line at any level: log fields are named one by one, never whole requests.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

NAMESPACE = "ArtStore"


@functools.cache
def get_logger(service: str, level: str = "INFO") -> Logger:
    """Give the process's logger of ``service``."""
    return Logger(service=service, level=level, utc=True, use_rfc3339=True, location=None)


def emit_metrics(
    service: str, dimensions: Mapping[str, str], values: Mapping[str, tuple[MetricUnit, float]]
) -> None:
    """Write one EMF line with ``values`` under ``dimensions`` (and ``service``)."""
    metrics = Metrics(namespace=NAMESPACE, service=service)
    for name, value in dimensions.items():
        metrics.add_dimension(name, value)
    for name, (unit, number) in values.items():
        metrics.add_metric(name, unit, number)
    metrics.flush_metrics()
