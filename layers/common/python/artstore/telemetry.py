"""One logger and one set of metrics for each function.

Logs are JSON, one line an event (Powertools Logger); metrics are lines in the CloudWatch embedded metric format,
written here: Powertools' Metrics, made to collect over a whole invocation, takes six times as long for one line.
No token and no secret may reach a log line at any level: log fields are named one by one, never whole requests.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Mapping, Sequence

import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "ArtStore"
_MAX_OBSERVATIONS = 100


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
    """Write an EMF line with ``values``; a sequence is that many observations of its metric.

    A line holds at most a hundred of one metric (CloudWatch User Guide, "Embedded metric format"); more of them
    are more lines.

    The dimensions are ``service``, ``deployment`` (the prefix, so that two stacks in one account are two sets of
    metrics) and those given. infra/template.yaml names the same ones in its alarms; a test compares them.
    """
    observations = {
        name: [float(number) for number in (observed if isinstance(observed, Sequence) else (observed,))]
        for name, (_, observed) in values.items()
        if not isinstance(observed, Sequence) or observed
    }
    named = {"deployment": deployment, **(dimensions or {}), "service": service}
    moment = int(time.time() * 1000)
    while observations:
        metrics = [{"Name": name, "Unit": values[name][0].value} for name in observations]
        about = {"Namespace": NAMESPACE, "Dimensions": [list(named)], "Metrics": metrics}
        first = {name: numbers[:_MAX_OBSERVATIONS] for name, numbers in observations.items()}
        line = {"_aws": {"Timestamp": moment, "CloudWatchMetrics": [about]}, **named, **first}
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        observations = {
            name: numbers[_MAX_OBSERVATIONS:]
            for name, numbers in observations.items()
            if len(numbers) > _MAX_OBSERVATIONS
        }
