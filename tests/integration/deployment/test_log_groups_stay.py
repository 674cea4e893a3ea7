"""Log groups outlive their stack, and the next stack of the same name is made beside them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.deploy import Account, deploy_stack
from infra.deploy.stack import delete_stack
from infra.local.commands.logs import log_groups_of
from infra.local.emulators import ministack
from infra.local.state import LocalDirectory
from infra.template import PATH, parse


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    directory = LocalDirectory(Path(tmp_path_factory.mktemp("log-groups")))
    ministack.install()
    try:
        url = ministack.start(directory).url
        yield Account(ministack.REGION, url, ministack.ROOT, ministack.ROOT)
    finally:
        ministack.stop(directory)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """The log groups of the template, and nothing else of it."""
    whole = parse(PATH.read_text(encoding="utf-8"))
    groups: dict[str, Any] = {
        name: copy.deepcopy(one)
        for name, one in whole["Resources"].items()
        if one["Type"] == "AWS::Logs::LogGroup" and "Condition" not in one
    }
    parameters = {name: whole["Parameters"][name] for name in ("Prefix", "LogRetentionDays")}
    path = tmp_path / "template.yaml"
    path.write_text(yaml.safe_dump({"Parameters": parameters, "Resources": groups}), encoding="utf-8")
    return path


def test_a_stack_made_anew_writes_beside_what_the_one_before_it_wrote(aws: Account, template: Path) -> None:
    aws.client("s3").create_bucket(Bucket="templates")
    logs = aws.client("logs")

    def deploy() -> None:
        deploy_stack(aws, "artstore", template, "templates", {"Prefix": "artstore"})

    deploy()
    [first] = log_groups_of(logs, "artstore-auth")
    logs.create_log_stream(logGroupName=first, logStreamName="s")
    logs.put_log_events(
        logGroupName=first, logStreamName="s", logEvents=[{"timestamp": 1_790_000_000_000, "message": "kept"}]
    )
    delete_stack(aws, "artstore")
    assert log_groups_of(logs, "artstore-auth") == [first]
    deploy()
    both = log_groups_of(logs, "artstore-auth")
    assert len(both) == 2
    assert first in both
    messages = [each["message"] for each in logs.filter_log_events(logGroupName=first)["events"]]
    assert messages == ["kept"]
