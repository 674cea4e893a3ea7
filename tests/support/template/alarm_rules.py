"""What infra/template.yaml must keep of its alarms and its dashboard: rules that give the violations they find."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.template.metrics import DEPLOYMENT, VENDED, Metric
from tests.support.template.rules import TASKS_OF, Template, of_type, text_of

ALARM = "AWS::CloudWatch::Alarm"
ACTION = [{"Fn::If": ["OwnAlarmTopic", {"Ref": "AlarmTopic"}, {"Ref": "AlarmTopicArn"}]}]
RUNBOOK = Path(__file__).resolve().parents[3] / "docs" / "monitoring.md"
COLUMNS = 24
STACK = "0a1b2c3d"
"""What the names of log groups end in: the first digits of the stack's id."""

_NAME_PROPERTY = {
    "AWS::Lambda::Function": "FunctionName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SQS::Queue": "QueueName",
}
_PSEUDO = {"AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012", "AWS::Partition": "aws"}


def text(template: Template, value: Any) -> str:
    """Give what CloudFormation makes of ``value`` under default parameters, the prefix being ``DEPLOYMENT``.

    Resources become their names, alarms their ARNs. Raises KeyError for a reference that leads nowhere.
    """
    if isinstance(value, str | int | float):
        return str(value)
    if "Fn::Sub" in value and isinstance(value["Fn::Sub"], list):
        return text(template, {"Fn::Sub": value["Fn::Sub"][0].replace("${Id}", STACK)})
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([\w:.]+)\}", lambda match: _refer(template, match[1]), str(value["Fn::Sub"]))
    if "Fn::GetAtt" in value:
        return _refer(template, ".".join(value["Fn::GetAtt"]))
    return _refer(template, str(value["Ref"]))


def _refer(template: Template, reference: str) -> str:
    name, _, attribute = reference.partition(".")
    if reference in _PSEUDO:
        return _PSEUDO[reference]
    if name == "Prefix":
        return DEPLOYMENT
    if name in template["Parameters"]:
        return str(template["Parameters"][name]["Default"])
    resource = template["Resources"][name]
    if resource["Type"] == ALARM and attribute == "Arn":
        return f"arn:aws:cloudwatch:alarm:{text(template, resource['Properties']['AlarmName'])}"
    named = _NAME_PROPERTY[resource["Type"]]
    if attribute not in {"", named}:
        raise KeyError(f"{reference}: {resource['Type']} has no such attribute here")
    return text(template, resource["Properties"][named])


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """Give the properties of each alarm by logical id."""
    return {name: one["Properties"] for name, one in of_type(template, ALARM).items()}


def metric_of(template: Template, alarm: dict[str, Any]) -> Metric:
    """Give the metric that an alarm looks at."""
    dimensions = frozenset((each["Name"], text(template, each["Value"])) for each in alarm["Dimensions"])
    return Metric(alarm["Namespace"], alarm["MetricName"], dimensions)


def _alarmed(template: Template, namespace: str, name: str) -> set[frozenset[tuple[str, str]]]:
    """Give the dimensions of each alarm on a metric of this name."""
    metrics = [metric_of(template, alarm) for alarm in alarms(template).values() if "Metrics" not in alarm]
    return {each.dimensions for each in metrics if (each.namespace, each.name) == (namespace, name)}


def functions_that_fail_unnoticed(template: Template) -> list[str]:
    """Each function has an alarm on its errors."""
    alarmed = _alarmed(template, "AWS/Lambda", "Errors")
    functions = of_type(template, "AWS::Lambda::Function")
    return [name for name in functions if _dimension(template, "FunctionName", name) not in alarmed]


def _queue_mappings(template: Template) -> list[Any]:
    """Give what makes a function read a queue. A stream only wakes a task that the clock wakes too."""
    return [
        one
        for one in of_type(template, "AWS::Lambda::EventSourceMapping").values()
        if template["Resources"][text_of(one["Properties"]["EventSourceArn"])]["Type"] == "AWS::SQS::Queue"
    ]


def functions_throttled_unnoticed(template: Template) -> list[str]:
    """Each function behind the API or a queue has an alarm on throttling."""
    alarmed = _alarmed(template, "AWS/Lambda", "Throttles")
    permissions = of_type(template, "AWS::Lambda::Permission").values()
    called = {
        text_of(one["Properties"]["FunctionName"])
        for one in permissions
        if one["Properties"]["Principal"] == "apigateway.amazonaws.com"
    }
    called |= {text_of(one["Properties"]["FunctionName"]) for one in _queue_mappings(template)}
    return sorted(name for name in called if _dimension(template, "FunctionName", name) not in alarmed)


def queues_unwatched(template: Template) -> list[str]:
    """Each queue that a function reads has an alarm on age, each dead letter queue one on any message."""
    aged = _alarmed(template, "AWS/SQS", "ApproximateAgeOfOldestMessage")
    filled = _alarmed(template, "AWS/SQS", "ApproximateNumberOfMessagesVisible")
    read = {text_of(one["Properties"]["EventSourceArn"]) for one in _queue_mappings(template)}
    dead = {
        text_of(one["Properties"]["RedrivePolicy"]["deadLetterTargetArn"])
        for one in of_type(template, "AWS::SQS::Queue").values()
        if "RedrivePolicy" in one["Properties"]
    }
    return sorted(
        {name for name in read if _dimension(template, "QueueName", name) not in aged}
        | {name for name in dead if _dimension(template, "QueueName", name) not in filled}
    )


def tasks_missed_unnoticed(template: Template) -> list[str]:
    """Each scheduled task has an alarm that begins when nothing is heard of it."""
    heard = {
        dict(metric_of(template, alarm).dimensions)["task"]
        for alarm in alarms(template).values()
        if alarm["MetricName"] == "TasksFinished"
        and alarm["TreatMissingData"] == "breaching"
        and (alarm["ComparisonOperator"], alarm["Threshold"], alarm["Statistic"])
        == ("LessThanThreshold", 1, "Sum")
    }
    return sorted(heard ^ {task for tasks in TASKS_OF.values() for task in tasks})


def silent_alarms(template: Template) -> list[str]:
    """Each alarm tells the topic when it begins and when it ends."""
    return [
        name
        for name, alarm in alarms(template).items()
        if alarm.get("AlarmActions") != ACTION
        or alarm.get("OKActions") != ACTION
        or not alarm.get("ActionsEnabled", True)
    ]


def careless_alarms(template: Template) -> list[str]:
    """Each alarm says what missing data means, and looks at one metric: no emulator knows metric math."""
    return [
        name for name, alarm in alarms(template).items() if "TreatMissingData" not in alarm or "Metrics" in alarm
    ]


def alarms_without_runbook(template: Template) -> list[str]:
    """Each description ends in a section of docs/monitoring.md, whose table has the alarm's name."""
    runbook = RUNBOOK.read_text(encoding="utf-8")
    sections = {slug(heading) for heading in re.findall(r"^#+ (.+)$", runbook, re.MULTILINE)}
    rows = re.findall(r"^\|(.*)\(#([\w-]+)\) \|$", runbook, re.MULTILINE)
    documented = {(suffix, section) for row, section in rows for suffix in re.findall(r"`([\w-]+)`", row)}
    found = []
    for name, alarm in alarms(template).items():
        match = re.search(r"\. docs/monitoring\.md#([\w-]+)$", alarm.get("AlarmDescription", ""))
        section = match[1] if match else ""
        suffix = text(template, alarm["AlarmName"]).removeprefix(f"{DEPLOYMENT}-")
        if section not in sections or (suffix, section) not in documented:
            found.append(name)
    return found


def slug(heading: str) -> str:
    """Give a heading's anchor as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def open_topic(template: Template) -> list[str]:
    """Only CloudWatch may publish, and only this account's alarms with the stack's prefix."""
    found = []
    for name, policy in of_type(template, "AWS::SNS::TopicPolicy").items():
        for one in policy["Properties"]["PolicyDocument"]["Statement"]:
            if one.get("Effect") != "Allow":
                continue
            condition = one.get("Condition", {})
            source = condition.get("ArnLike", {}).get("aws:SourceArn", {}).get("Fn::Sub", "")
            if (
                one["Principal"] != {"Service": "cloudwatch.amazonaws.com"}
                or one["Action"] != "sns:Publish"
                or condition.get("StringEquals", {}).get("aws:SourceAccount") != {"Ref": "AWS::AccountId"}
                or not source.endswith(":${AWS::AccountId}:alarm:${Prefix}-*")
            ):
                found.append(name)
    return found


def unknown_metric(template: Template, metric: Metric, emitted: set[Metric]) -> str | None:
    """Tell what is wrong with a metric: nobody writes it, or its dimensions name nothing of the template."""
    if metric in emitted:
        return None
    if metric.name not in VENDED.get((metric.namespace, metric.dimension_names), set()):
        return f"nobody writes {metric}"
    names = _names(template)
    missing = [f"{name}={value}" for name, value in metric.dimensions if value not in names.get(name, {value})]
    return f"{metric.name}: the template has no {', '.join(missing)}" if missing else None


def _names(template: Template) -> dict[str, set[str]]:
    """Give the names that the dimensions of AWS's metrics may have."""
    names = {"ApiName": {text(template, template["Resources"]["Api"]["Properties"]["Name"])}}
    names["Stage"] = {text(template, template["Resources"]["ApiStage"]["Properties"]["StageName"])}
    for kind, named in _NAME_PROPERTY.items():
        names[named] = {text(template, one["Properties"][named]) for one in of_type(template, kind).values()}
    return names


def _dimension(template: Template, name: str, logical_id: str) -> frozenset[tuple[str, str]]:
    return frozenset({(name, _refer(template, logical_id))})


def widgets(template: Template) -> list[dict[str, Any]]:
    """Give the dashboard's widgets. Raises ValueError when its body is not JSON, KeyError as ``text``."""
    body = template["Resources"]["OperationsDashboard"]["Properties"]["DashboardBody"]
    parsed: list[dict[str, Any]] = json.loads(text(template, body))["widgets"]
    return parsed


def shown(template: Template) -> Iterator[Metric]:
    """Give every metric that the dashboard names one by one."""
    for widget in widgets(template):
        for row in widget["properties"].get("metrics", []):
            cells = [each for each in row if isinstance(each, str)]
            if cells:
                namespace, name, *pairs = cells
                yield Metric(namespace, name, frozenset(zip(pairs[::2], pairs[1::2], strict=True)))


def searched(template: Template) -> Iterator[tuple[str, frozenset[str], set[str], dict[str, set[str]]]]:
    """Give namespace, dimension names, metric names and dimension values of each SEARCH on the dashboard."""
    for widget in widgets(template):
        for row in widget["properties"].get("metrics", []):
            for cell in row:
                if isinstance(cell, dict) and "expression" in cell:
                    match = re.fullmatch(r"SEARCH\('\{([^}]+)\} (.+)', '\w+', \d+\)", cell["expression"])
                    if match is None:
                        raise ValueError(f"not a search: {cell['expression']}")
                    namespace, *dimensions = match[1].split(",")
                    terms = {
                        name: set(re.findall(r'"([^"]+)"', values))
                        for name, values in re.findall(r'(\w+)=(\([^)]+\)|"[^"]+")', match[2])
                    }
                    yield namespace, frozenset(dimensions), terms.pop("MetricName"), terms


def overlapping_widgets(template: Template) -> list[str]:
    """No two widgets lie on one cell, none leaves the grid of 24 columns, none leaves a hole in its row."""
    taken: dict[tuple[int, int], str] = {}
    found = []
    for widget in widgets(template):
        title = widget["properties"]["title"]
        for x in range(widget["x"], widget["x"] + widget["width"]):
            for y in range(widget["y"], widget["y"] + widget["height"]):
                if x >= COLUMNS or (x, y) in taken:
                    found.append(f"{title} at {x}, {y}")
                taken[x, y] = title
    height = max(y for _, y in taken) + 1
    if not found and len(taken) != COLUMNS * height:
        found.append(f"{COLUMNS * height - len(taken)} cells are empty")
    return found
