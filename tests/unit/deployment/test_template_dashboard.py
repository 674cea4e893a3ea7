"""The dashboard: JSON on a grid, and nothing on it that nobody writes."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from infra import template as module
from tests.support.template import alarm_rules as rules
from tests.support.template.metrics import VENDED, Metric, emitted
from tests.support.template.rules import Template, of_type

TEXT = module.PATH.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def template() -> Template:
    return module.parse(TEXT)


@pytest.fixture(scope="module")
def written() -> set[Metric]:
    return emitted()


def rewritten(template: Template, old: str, new: str) -> Template:
    """Give the template with a dashboard in which ``old`` is ``new``."""
    changed = copy.deepcopy(template)
    properties = changed["Resources"]["OperationsDashboard"]["Properties"]
    body = properties["DashboardBody"]["Fn::Sub"]
    assert old in body
    properties["DashboardBody"] = {"Fn::Sub": body.replace(old, new, 1)}
    return changed


def unknown(template: Template, written: set[Metric]) -> list[str]:
    problems = [rules.unknown_metric(template, metric, written) for metric in rules.shown(template)]
    return [problem for problem in problems if problem]


def test_every_metric_on_it_is_written_and_names_what_the_template_has(
    template: Template, written: set[Metric]
) -> None:
    assert len(list(rules.shown(template))) > 40
    assert unknown(template, written) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"DocumentsStored"', '"DocumentsKept"'),
        ('"ArtStore", "AuditProblems", "deployment", "${Prefix}", ', '"ArtStore", "AuditProblems", '),
        ('"FunctionName", "${AuthFunction}"', '"FunctionName", "${Prefix}-authority"'),
        ('"QueueName"', '"Queue"'),
        ('"5XXError"', '"5XX"'),
    ],
)
def test_a_metric_that_nobody_writes_is_found(
    template: Template, written: set[Metric], old: str, new: str
) -> None:
    assert len(unknown(rewritten(template, old, new), written)) == 1


def test_every_search_looks_for_metrics_that_somebody_writes(template: Template, written: set[Metric]) -> None:
    tables = {rules.text(template, {"Ref": name}) for name in of_type(template, "AWS::DynamoDB::Table")}
    searches = list(rules.searched(template))
    assert len(searches) == 4
    for namespace, dimensions, names, terms in searches:
        own = {m.name for m in written if (m.namespace, m.dimension_names) == (namespace, dimensions)}
        assert names <= (own | VENDED.get((namespace, dimensions), set())), names
        assert terms in ({"deployment": {"unit"}}, {"TableName": tables})


def test_what_ingest_and_scheduled_tasks_write_is_all_on_it(template: Template, written: set[Metric]) -> None:
    services = {"storage-events", "auth-scheduled", "maintenance-worker", "storage-guard"}
    expected = {metric for metric in written if dict(metric.dimensions)["service"] in services}
    assert expected <= set(rules.shown(template))


def test_every_alarm_is_on_it(template: Template) -> None:
    shown = [each for widget in rules.widgets(template) for each in widget["properties"].get("alarms", [])]
    expected = [rules.text(template, {"Fn::GetAtt": [name, "Arn"]}) for name in rules.alarms(template)]
    assert sorted(shown) == sorted(expected)


def test_the_last_errors_are_those_of_every_function(template: Template) -> None:
    (query,) = [each["properties"]["query"] for each in rules.widgets(template) if each["type"] == "log"]
    for function in of_type(template, "AWS::Lambda::Function"):
        assert f"SOURCE '/aws/lambda/{rules.text(template, {'Ref': function})}-{rules.STACK}'" in query


def test_widgets_fill_a_grid_of_24_columns_without_overlap(template: Template) -> None:
    assert rules.overlapping_widgets(template) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [('"x": 8, "y": 5', '"x": 7, "y": 5'), ('"x": 16, "y": 5', '"x": 17, "y": 5'), ('"width": 24', '"width": 23')],
)
def test_a_widget_that_is_misplaced_is_found(template: Template, old: str, new: str) -> None:
    assert rules.overlapping_widgets(rewritten(template, old, new)) != []


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [('"type": "alarm",', '"type": "alarm"', ValueError), ("${QueryFunction}", "${QuarryFunction}", KeyError)],
)
def test_a_body_that_is_no_json_or_refers_to_nothing_is_found(
    template: Template, old: str, new: str, error: type[Exception]
) -> None:
    read: Callable[[Template], object] = rules.widgets
    with pytest.raises(error):
        read(rewritten(template, old, new))


def test_it_is_left_out_where_it_is_not_wanted(template: Template) -> None:
    assert template["Resources"]["OperationsDashboard"]["Condition"] == "HasDashboard"
    assert template["Conditions"]["HasDashboard"] == {"Fn::Equals": [{"Ref": "Dashboard"}, "true"]}
