"""One logger and one set of metrics for each function.

Logs are JSON, one line an event (Powertools Logger); metrics are CloudWatch EMF lines (Powertools Metrics).
No token and no secret may reach a log line at any level: log fields are named one by one, never whole requests.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

NAMESPACE = "ArtStore"


@functools.cache
def get_logger(service: str, level: str = "INFO") -> Logger:
    """Give the process's logger of ``service``."""
    return Logger(service=service, level=level, utc=True, use_rfc3339=True, location=None)


def emit_metrics(
    service: str,
    deployment: str,
    values: Mapping[str, tuple[MetricUnit, float | Sequence[float]]],
    dimensions: Mapping[str, str] | None = None,
) -> None:
    """Write one EMF line with ``values``; a sequence is that many observations of its metric.

    The dimensions are ``service``, ``deployment`` (the prefix, so that two stacks in one account are two sets of
    metrics) and those given. infra/template.yaml names the same ones in its alarms; a test compares them.
    """
    metrics = Metrics(namespace=NAMESPACE, service=service)
    metrics.add_dimension("deployment", deployment)
    for name, value in (dimensions or {}).items():
        metrics.add_dimension(name, value)
    for name, (unit, observed) in values.items():
        for number in observed if isinstance(observed, Sequence) else (observed,):
            metrics.add_metric(name, unit, number)
    metrics.flush_metrics()
