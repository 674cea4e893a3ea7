"""A local stack is deployed under the address at which its API answers, in as few deployments as that takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra import deploy
from infra.local import address

ACCOUNT = deploy.Account("us-east-1", "http://127.0.0.1:1", "a", "b")
HERE = "http://127.0.0.1:4566"
ISSUER = f"{HERE}/_aws/execute-api/abc/v1"


class CloudFormation:
    """As much of it as a deployment is told of: what it was given, and what there is."""

    def __init__(self, parameters: dict[str, str] | None = None) -> None:
        self.parameters = parameters
        self.deployments: list[str | None] = []

    def outputs(self, *_: Any) -> dict[str, str]:
        return {} if self.parameters is None else {"ApiId": "abc", "StageName": "v1"}

    def deploy(
        self, _account: Any, _name: str, _template: Any, _bucket: str, given: Mapping[str, str], _: Any
    ) -> Any:
        change = "created" if self.parameters is None else "updated" if given != self.parameters else "unchanged"
        self.parameters = dict(given)
        self.deployments.append(given.get("IssuerUrl"))
        return deploy.Deployed(self.outputs(), change)


def up(monkeypatch: pytest.MonkeyPatch, formation: CloudFormation, emulator_url: str = HERE) -> str:
    monkeypatch.setattr(deploy, "deploy_stack", formation.deploy)
    monkeypatch.setattr(deploy, "stack_outputs", formation.outputs)
    parameters = {"Prefix": "artstore"}
    return address.deploy_stack(ACCOUNT, "s", Path(), "bucket", parameters, emulator_url, print).change


def test_a_new_stack_learns_its_address_after_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    formation = CloudFormation()
    assert up(monkeypatch, formation) == "created"
    assert formation.deployments == [None, ISSUER]


def test_a_stack_that_knows_its_address_is_deployed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    formation = CloudFormation({"Prefix": "artstore", "IssuerUrl": ISSUER})
    assert up(monkeypatch, formation) == "unchanged"
    assert formation.deployments == [ISSUER]


def test_a_stack_that_moved_to_another_port_has_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    formation = CloudFormation({"Prefix": "artstore", "IssuerUrl": ISSUER})
    assert up(monkeypatch, formation, "http://127.0.0.1:9") == "updated"
    assert formation.deployments == ["http://127.0.0.1:9/_aws/execute-api/abc/v1"]
