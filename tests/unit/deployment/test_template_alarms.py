"""The alarms: each looks at a metric that somebody writes, says what to do, and is heard."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from infra import template as module
from tests.support.template import alarm_rules as rules
from tests.support.template.metrics import Metric, emitted
from tests.support.template.rules import Template

TEXT = module.PATH.read_text(encoding="utf-8")
Rule = Callable[[Template], list[str]]
Break = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def template() -> Template:
    return module.parse(TEXT)


@pytest.fixture(scope="module")
def written() -> set[Metric]:
    return emitted()


def put(name: str, **changes: Any) -> Break:
    """Give a change of one resource's properties."""
    return lambda resources: resources[name]["Properties"].update(changes)


def add_function(resources: dict[str, Any]) -> None:
    resources["NewFunction"] = copy.deepcopy(resources["QueryFunction"])
    resources["NewFunction"]["Properties"]["FunctionName"] = {"Fn::Sub": "${Prefix}-new"}


def add_queue(resources: dict[str, Any]) -> None:
    resources["NewQueue"] = copy.deepcopy(resources["DeadLetterQueue"])
    resources["NewQueue"]["Properties"]["QueueName"] = {"Fn::Sub": "${Prefix}-new-dlq"}
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["NewQueue", "Arn"]}, "maxReceiveCount": 5}
    resources["EventsQueue"]["Properties"]["RedrivePolicy"] = redrive


def open_topic(resources: dict[str, Any]) -> None:
    resources["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"][0].pop("Condition")


UPLOAD = [{"Name": "FunctionName", "Value": {"Ref": "UploadFunction"}}]
PAIRS: list[tuple[Rule, Break]] = [
    (rules.functions_that_fail_unnoticed, add_function),
    (rules.functions_that_fail_unnoticed, lambda r: r.pop("AuthBootstrapErrorsAlarm")),
    (rules.functions_that_fail_unnoticed, put("QueryErrorsAlarm", Dimensions=UPLOAD)),
    (rules.functions_that_fail_unnoticed, put("QueryErrorsAlarm", MetricName="Invocations")),
    (rules.functions_throttled_unnoticed, lambda r: r.pop("AuthThrottlesAlarm")),
    (rules.functions_throttled_unnoticed, lambda r: r.pop("StorageEventsThrottlesAlarm")),
    (rules.queues_unwatched, lambda r: r.pop("DeadLettersAlarm")),
    (rules.queues_unwatched, lambda r: r.pop("EventsAgeAlarm")),
    (rules.queues_unwatched, add_queue),
    (rules.tasks_missed_unnoticed, lambda r: r.pop("RotateKeysMissedAlarm")),
    (rules.tasks_missed_unnoticed, put("RotateKeysMissedAlarm", TreatMissingData="missing")),
    (rules.tasks_missed_unnoticed, put("RotateKeysMissedAlarm", Threshold=0)),
    (rules.silent_alarms, put("AuditProblemsAlarm", OKActions=[])),
    (rules.silent_alarms, put("AuditProblemsAlarm", AlarmActions=[{"Ref": "AlarmTopic"}])),
    (rules.silent_alarms, put("AuditProblemsAlarm", ActionsEnabled=False)),
    (rules.careless_alarms, lambda r: r["ApiLatencyAlarm"]["Properties"].pop("TreatMissingData")),
    (rules.careless_alarms, put("ApiLatencyAlarm", Metrics=[{"Id": "m1"}])),
    (rules.alarms_without_runbook, put("ApiLatencyAlarm", AlarmDescription="It is slow.")),
    (rules.alarms_without_runbook, put("ApiLatencyAlarm", AlarmDescription="Slow. docs/monitoring.md#slowness")),
    (rules.alarms_without_runbook, put("ApiLatencyAlarm", AlarmName={"Fn::Sub": "${Prefix}-slowness"})),
    (rules.alarms_without_runbook, put("ApiLatencyAlarm", AlarmDescription="Slow. docs/monitoring.md#throttles")),
    (rules.open_topic, open_topic),
]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in PAIRS), ids=lambda rule: rule.__name__)
def test_the_template_obeys(template: Template, rule: Rule) -> None:
    assert rule(template) == []


@pytest.mark.parametrize(("rule", "change"), PAIRS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_template_that_breaks_the_rule_is_found(template: Template, rule: Rule, change: Break) -> None:
    broken = copy.deepcopy(template)
    change(broken["Resources"])
    assert rule(broken) != []


def test_each_alarm_looks_at_a_metric_that_somebody_writes(template: Template, written: set[Metric]) -> None:
    metrics = {name: rules.metric_of(template, alarm) for name, alarm in rules.alarms(template).items()}
    wrong = {name: rules.unknown_metric(template, metric, written) for name, metric in metrics.items()}
    assert {name: problem for name, problem in wrong.items() if problem} == {}
    assert len(set(metrics.values())) == len(metrics), "two alarms look at one metric"


@pytest.mark.parametrize(
    "dimensions",
    [
        {"service": "auth-scheduled"},
        {"service": "auth-scheduled", "deployment": "another"},
        {"service": "auth", "deployment": "unit"},
        {"service": "auth-scheduled", "deployment": "unit", "task": "export-audit"},
    ],
)
def test_a_metric_with_other_dimensions_is_another_metric(
    template: Template, written: set[Metric], dimensions: dict[str, str]
) -> None:
    metric = Metric("ArtStore", "AuditProblems", frozenset(dimensions.items()))
    assert "nobody writes" in (rules.unknown_metric(template, metric, written) or "")


def test_a_metric_of_a_function_that_is_not_there_is_found(template: Template, written: set[Metric]) -> None:
    metric = Metric("AWS/Lambda", "Errors", frozenset({("FunctionName", "unit-nobody")}))
    assert (
        rules.unknown_metric(template, metric, written) == "Errors: the template has no FunctionName=unit-nobody"
    )


def test_alarms_are_named_after_the_deployment_and_are_few(template: Template) -> None:
    names = [alarm["AlarmName"]["Fn::Sub"] for alarm in rules.alarms(template).values()]
    assert all(name.startswith("${Prefix}-") for name in names)
    assert len(set(names)) == len(names) <= 60


def test_what_looks_back_fits_what_cloudwatch_looks_at(template: Template) -> None:
    """The length of evaluation that PutMetricAlarm takes: a day, or a week when periods are an hour or longer."""
    for name, alarm in rules.alarms(template).items():
        period = alarm["Period"]
        assert period % 60 == 0, name
        assert period * alarm["EvaluationPeriods"] <= (604_800 if period >= 3600 else 86_400), name
        assert alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"], name


def test_mail_goes_to_the_stacks_own_topic_alone(template: Template) -> None:
    resources = template["Resources"]
    assert {name: resources[name].get("Condition") for name in ("AlarmTopic", "AlarmTopicPolicy")} == {
        "AlarmTopic": "OwnAlarmTopic",
        "AlarmTopicPolicy": "OwnAlarmTopic",
    }
    assert template["Conditions"]["HasAlarmEmail"]["Fn::And"][0] == {"Condition": "OwnAlarmTopic"}
    assert resources["AlarmSubscription"]["Condition"] == "HasAlarmEmail"
    assert "KmsMasterKeyId" not in resources["AlarmTopic"]["Properties"]


@pytest.mark.parametrize(
    ("parameter", "value", "taken"),
    [
        ("AlarmEmail", "", True),
        ("AlarmEmail", "archive-alarms@example.org", True),
        ("AlarmEmail", "archive-alarms", False),
        ("AlarmTopicArn", "", True),
        ("AlarmTopicArn", "arn:aws-us-gov:sns:us-gov-west-1:123456789012:pager", True),
        ("AlarmTopicArn", "pager", False),
    ],
)
def test_addresses_of_alarms_are_checked(template: Template, parameter: str, value: str, taken: bool) -> None:
    pattern = template["Parameters"][parameter]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) is taken


def test_every_metric_that_is_written_is_documented(written: set[Metric]) -> None:
    runbook = rules.RUNBOOK.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", runbook, re.MULTILINE))
    expected: dict[str, set[str]] = {}
    for metric in written:
        expected.setdefault(metric.name, set()).add(dict(metric.dimensions)["service"])
    assert {name: set(services.split(", ")) for name, services in rows.items() if name in expected} == expected
