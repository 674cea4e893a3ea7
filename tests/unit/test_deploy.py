"""How a deployment meets each state in which it may find the stack, played by a CloudFormation of our own."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra import deploy


def _refused(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "Operation")


class FormationFake:
    """A stack in one state. `ends` is what the next creation, update or deletion leads to, in that order."""

    def __init__(self, status: str | None, *ends: str | Exception) -> None:
        self.status = status
        self.ends = list(ends)
        self.calls: list[str] = []
        self.request: dict[str, Any] = {}

    def describe_stacks(self, **request: Any) -> dict[str, Any]:
        if self.status is None:
            raise _refused(f"Stack with id {request['StackName']} does not exist")
        found = {"StackStatus": self.status, "Outputs": [{"OutputKey": "ApiId", "OutputValue": "a1"}]}
        if self.status.endswith("_IN_PROGRESS"):
            self.status = self.status.replace("_IN_PROGRESS", "_COMPLETE")
        return {"Stacks": [found]}

    def _do(self, call: str, request: dict[str, Any]) -> None:
        self.calls.append(call)
        self.request = request
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        self.status = None if end == "DELETE_COMPLETE" else end

    def create_stack(self, **request: Any) -> None:
        self._do("create", request)

    def update_stack(self, **request: Any) -> None:
        self._do("update", request)

    def delete_stack(self, **request: Any) -> None:
        self._do("delete", request)

    def continue_update_rollback(self, **request: Any) -> None:
        self._do("continue rollback", request)

    def describe_stack_events(self, **_: Any) -> dict[str, Any]:
        event = {"LogicalResourceId": "Bucket", "ResourceType": "AWS::S3::Bucket"}
        return {
            "StackEvents": [
                {**event, "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "it is taken"},
                {**event, "ResourceStatus": "CREATE_IN_PROGRESS"},
            ]
        }

    def describe_events(self, **_: Any) -> dict[str, Any]:
        return {"OperationEvents": []}


class S3Fake:
    """Takes what it is given."""

    def put_object(self, **_: Any) -> None: ...


class AccountFake(deploy.Account):
    """An account whose clients are given."""

    def __init__(self, **clients: Any) -> None:
        super().__init__("us-east-1", "http://127.0.0.1:1")
        object.__setattr__(self, "clients", clients)

    def client(self, service: str) -> Any:
        return self.__dict__["clients"][service]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text("Resources: {}", "ascii")
    return path


def _deploy(formation: FormationFake, template: Path) -> deploy.Deployed:
    account = AccountFake(cloudformation=formation, s3=S3Fake())
    return deploy.deploy_stack(account, "artstore", template, "artifacts", {"Prefix": "artstore"})


def test_a_stack_that_is_not_there_is_created(template: Path) -> None:
    formation = FormationFake(None, "CREATE_IN_PROGRESS")
    assert _deploy(formation, template) == deploy.Deployed({"ApiId": "a1"}, "created")
    assert formation.request["Parameters"] == [{"ParameterKey": "Prefix", "ParameterValue": "artstore"}]


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_stack_that_is_there_is_updated(template: Path, status: str) -> None:
    formation = FormationFake(status, "UPDATE_IN_PROGRESS")
    assert _deploy(formation, template).change == "updated"
    assert formation.calls == ["update"]


def test_a_deployment_of_the_same_changes_nothing(template: Path) -> None:
    formation = FormationFake("CREATE_COMPLETE", _refused("No updates are to be performed."))
    assert _deploy(formation, template) == deploy.Deployed({"ApiId": "a1"}, "unchanged")


def test_a_creation_under_way_is_waited_for(template: Path) -> None:
    formation = FormationFake("CREATE_IN_PROGRESS", _refused("No updates are to be performed."))
    assert _deploy(formation, template).change == "unchanged"


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"])
def test_a_stack_that_never_was_complete_is_made_anew(template: Path, status: str) -> None:
    formation = FormationFake(status, "DELETE_COMPLETE", "CREATE_COMPLETE")
    assert _deploy(formation, template).change == "created"
    assert formation.calls == ["delete", "create"]


def test_an_update_whose_rollback_failed_is_rolled_back_first(template: Path) -> None:
    formation = FormationFake("UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE")
    assert _deploy(formation, template).change == "updated"
    assert formation.calls == ["continue rollback", "update"]


def test_a_failure_names_the_resource_and_the_reason(template: Path) -> None:
    formation = FormationFake(None, "ROLLBACK_COMPLETE")
    with pytest.raises(deploy.DeploymentFailed, match=r"Bucket \(AWS::S3::Bucket\): it is taken"):
        _deploy(formation, template)


def test_a_refused_template_is_a_failed_deployment(template: Path) -> None:
    formation = FormationFake(None, _refused("Template format error: unsupported structure."))
    with pytest.raises(deploy.DeploymentFailed, match="Template format error"):
        _deploy(formation, template)


class LambdaFake:
    """A function that answers one thing."""

    def __init__(self, answer: Any, error: str | None = None) -> None:
        payload = {"Payload": io.BytesIO(json.dumps(answer).encode())}
        self.answer = payload if error is None else {**payload, "FunctionError": error}

    def invoke(self, **_: Any) -> dict[str, Any]:
        return self.answer


def test_a_function_that_raises_fails_the_deployment() -> None:
    account = AccountFake(**{"lambda": LambdaFake({"errorMessage": "no table"}, "Unhandled")})
    with pytest.raises(deploy.DeploymentFailed, match="no table"):
        deploy.invoke(account, "artstore-auth-bootstrap", {})


def test_a_functions_answer_is_given() -> None:
    account = AccountFake(**{"lambda": LambdaFake({"created": True})})
    assert deploy.invoke(account, "artstore-auth-bootstrap", {}) == {"created": True}
