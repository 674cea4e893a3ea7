"""Metrics are lines that CloudWatch reads: those that Powertools would write."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from artstore import telemetry


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_the_one_of_powertools(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.emit_metrics(
        "auth",
        "archive",
        {"Requests": (MetricUnit.Count, 1), "Latency": (MetricUnit.Milliseconds, [1.5, 3])},
        {"operation": "issue_token"},
    )
    [ours] = lines(capsys)
    theirs = Metrics(namespace=telemetry.NAMESPACE, service="auth")
    theirs.add_dimension("deployment", "archive")
    theirs.add_dimension("operation", "issue_token")
    theirs.add_metric("Requests", MetricUnit.Count, 1)
    theirs.add_metric("Latency", MetricUnit.Milliseconds, 1.5)
    theirs.add_metric("Latency", MetricUnit.Milliseconds, 3)
    theirs.flush_metrics()
    [expected] = lines(capsys)
    assert abs(ours["_aws"].pop("Timestamp") - expected["_aws"].pop("Timestamp")) < 60_000
    assert ours == expected


def test_a_line_holds_a_hundred_observations_and_none_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    waits = [float(number) for number in range(250)]
    telemetry.emit_metrics(
        "events", "archive", {"Stored": (MetricUnit.Count, 250), "Wait": (MetricUnit.Milliseconds, waits)}
    )
    written = lines(capsys)
    assert [each["Wait"] for each in written] == [waits[:100], waits[100:200], waits[200:]]
    assert [each.get("Stored") for each in written] == [[250.0], None, None]
    assert [len(each["_aws"]["CloudWatchMetrics"][0]["Metrics"]) for each in written] == [2, 1, 1]


def test_a_metric_without_observations_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.emit_metrics("events", "archive", {"Wait": (MetricUnit.Milliseconds, [])})
    telemetry.emit_metrics(
        "events", "archive", {"Wait": (MetricUnit.Milliseconds, []), "Stored": (MetricUnit.Count, 0)}
    )
    [line] = lines(capsys)
    assert [each["Name"] for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["Stored"]
