"""CloudFormation with one stack in one state, and the other services a deployment speaks to, in memory."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy import Account

ACCOUNT = "111122223333"


def refused(message: str, code: str = "ValidationError", status: int = 400) -> ClientError:
    """What boto3 raises when AWS refuses a call."""
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Operation")


def change(action: str, logical_id: str, type_: str = "AWS::Lambda::Function", **more: Any) -> dict[str, Any]:
    """A change as DescribeChangeSet gives it."""
    return {"ResourceChange": {"Action": action, "LogicalResourceId": logical_id, "ResourceType": type_, **more}}


class FormationFake:
    """A stack in one state. `ends` is what the next executions, deletions and rollbacks lead to, in that order.

    `changes` is what the next change sets hold; without any, CloudFormation says that there are none. `calls` are
    the names of the calls that change something.
    """

    def __init__(
        self,
        status: str | None,
        *ends: str | Exception,
        changes: list[dict[str, Any]] | None = None,
        template: str = "Resources: {}",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.further_outputs: dict[str, str] = {}
        self.ends = list(ends)
        self.changes = [change("Add", "Function")] if changes is None else changes
        self.template = template
        self.parameters = {"Prefix": "artstore"} if parameters is None else parameters
        self.refusal: Exception | None = None
        self.calls: list[str] = []
        self.request: dict[str, Any] = {}
        self.change_sets: dict[str, str] = {}
        self.policies: list[dict[str, Any]] = []
        self.protected = False
        self.failures: list[tuple[str, str]] = [("Bucket", "it is taken")]
        self.events: list[dict[str, Any]] = []

    def describe_stacks(self, **request: Any) -> dict[str, Any]:
        if self.status is None:
            raise refused(f"Stack with id {request['StackName']} does not exist")
        found = {
            "StackStatus": self.status,
            "EnableTerminationProtection": self.protected,
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
            "Outputs": [
                {"OutputKey": "ApiId", "OutputValue": "a1"},
                {"OutputKey": "ApiUrl", "OutputValue": "https://a1.example/v1"},
                {"OutputKey": "BootstrapFunctionName", "OutputValue": "artstore-auth-bootstrap"},
                *({"OutputKey": name, "OutputValue": value} for name, value in self.further_outputs.items()),
            ],
        }
        if self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS":
            self.status = self.status.replace("_IN_PROGRESS", "_COMPLETE")
        return {"Stacks": [found]}

    def create_change_set(self, **request: Any) -> dict[str, Any]:
        self.calls.append("create change set")
        self.request = request
        if self.refusal is not None:
            raise self.refusal
        if request["ChangeSetType"] == "CREATE":
            self.status = "REVIEW_IN_PROGRESS"
        made = f"arn:{request['ChangeSetName']}"
        self.change_sets[made] = request["ChangeSetName"]
        return {"Id": made}

    def describe_change_set(self, **request: Any) -> dict[str, Any]:
        if not self.changes:
            return {"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes. ..."}
        half = len(self.changes) // 2
        if "NextToken" in request:
            return {"Status": "CREATE_COMPLETE", "Changes": self.changes[half:]}
        return {"Status": "CREATE_COMPLETE", "Changes": self.changes[:half], "NextToken": "second page"}

    def delete_change_set(self, **request: Any) -> None:
        self.calls.append("delete change set")
        del self.change_sets[request["ChangeSetName"]]

    def get_paginator(self, operation: str) -> FormationFake:
        assert operation == "list_change_sets"
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        yield {"Summaries": [{"ChangeSetId": k, "ChangeSetName": v} for k, v in self.change_sets.items()]}

    def execute_change_set(self, **request: Any) -> None:
        self.calls.append("execute")
        if request["ChangeSetName"] not in self.change_sets:
            raise refused("ChangeSet does not exist", "ChangeSetNotFound", 404)
        self.change_sets.clear()
        self._end()

    def create_stack(self, **request: Any) -> None:
        self.calls.append("create")
        self.request = request
        if self.refusal is not None:
            raise self.refusal
        self._end()

    def update_stack(self, **request: Any) -> None:
        self.calls.append("update")
        self.request = request
        if not self.changes:
            raise refused("No updates are to be performed.")
        self._end()

    def delete_stack(self, **_: Any) -> None:
        self.calls.append("delete")
        if self.status == "REVIEW_IN_PROGRESS":
            self.status = None
        else:
            self._end()

    def continue_update_rollback(self, **_: Any) -> None:
        self.calls.append("continue rollback")
        self._end()

    def _end(self) -> None:
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        if "ROLLBACK" in end or end.endswith("FAILED"):
            for name, reason in self.failures:
                self._happens(name, "AWS::S3::Bucket", "CREATE_FAILED", reason)
        self._happens("artstore", "AWS::CloudFormation::Stack", end)
        self.status = None if end == "DELETE_COMPLETE" else end

    def _happens(self, name: str, type_: str, status: str, reason: str = "") -> None:
        event = {"EventId": f"e{len(self.events)}", "LogicalResourceId": name, "ResourceType": type_}
        self.events.insert(0, {**event, "ResourceStatus": status, "ResourceStatusReason": reason})

    def describe_stack_events(self, **request: Any) -> dict[str, Any]:
        if self.status is None and not self.events:
            raise refused(f"Stack [{request['StackName']}] does not exist")
        return {"StackEvents": self.events}

    def describe_events(self, **_: Any) -> dict[str, Any]:
        return {"OperationEvents": []}

    def get_template(self, **_: Any) -> dict[str, Any]:
        return {"TemplateBody": self.template}

    def get_stack_policy(self, **_: Any) -> dict[str, Any]:
        return {"StackPolicyBody": json.dumps(self.policies[-1])} if self.policies else {}

    def set_stack_policy(self, **request: Any) -> None:
        self.policies.append(json.loads(request["StackPolicyBody"]))

    def update_termination_protection(self, **request: Any) -> None:
        self.protected = request["EnableTerminationProtection"]


class _Meta:
    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self.partition = "aws"


class S3Fake:
    """Buckets in a dictionary: bucket -> key -> content. What a bucket is set to is kept by the call's name."""

    def __init__(self) -> None:
        self.meta = _Meta("https://s3.eu-central-1.amazonaws.com")
        self.buckets: dict[str, dict[str, bytes]] = {}
        self.settings: dict[str, dict[str, Any]] = {}

    def __getattr__(self, call: str) -> Any:
        if not call.startswith(("put_bucket_", "put_public_")):
            raise AttributeError(call)
        return lambda **request: self.settings.update({call: request})

    def head_bucket(self, **request: Any) -> None:
        if request["Bucket"] not in self.buckets:
            raise refused("Not Found", "404", 404)

    def create_bucket(self, **request: Any) -> None:
        self.buckets[request["Bucket"]] = {}

    def head_object(self, **request: Any) -> dict[str, Any]:
        content = self._content(request, "404")
        return {"ChecksumSHA256": base64.b64encode(hashlib.sha256(content).digest()).decode()}

    def put_object(self, **request: Any) -> None:
        self.buckets.setdefault(request["Bucket"], {})[request["Key"]] = request["Body"]

    def get_object(self, **request: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._content(request, "NoSuchKey"))}

    def _content(self, request: dict[str, Any], code: str) -> bytes:
        content = self.buckets.get(request["Bucket"], {}).get(request["Key"])
        if content is None:
            raise refused("Not Found", code, 404)
        return content

    def get_paginator(self, operation: str) -> S3Fake:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        keys = sorted(self.buckets[request["Bucket"]])
        yield {"Contents": [{"Key": key} for key in keys if key.startswith(request["Prefix"])]}


class StsFake:
    """The account's number and a caller."""

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:role/deployer"}


class SecretsFake:
    """Secrets by name; one that is None may not be read."""

    def __init__(self, **values: str | None) -> None:
        self.values = values

    def describe_secret(self, **request: str) -> dict[str, str]:
        if request["SecretId"] not in self.values:
            raise refused("no such secret", "ResourceNotFoundException")
        return {"ARN": request["SecretId"]}

    def get_secret_value(self, **request: str) -> dict[str, str]:
        value = self.values[request["SecretId"]]
        if value is None:
            raise refused("not authorized", "AccessDeniedException")
        return {"SecretString": value}


class LambdaFake:
    """A function that answers one thing."""

    def __init__(self, answer: Any, error: str | None = None) -> None:
        self.answer = answer
        self.error = error
        self.calls: list[dict[str, Any]] = []

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.calls.append(json.loads(request["Payload"]))
        answer = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return answer if self.error is None else {**answer, "FunctionError": self.error}


class AccountFake(Account):
    """An account whose clients are given."""

    def __init__(self, **clients: Any) -> None:
        super().__init__("eu-central-1")
        object.__setattr__(self, "clients", {"s3": S3Fake(), "sts": StsFake(), **clients})
        object.__setattr__(self, "foreign_endpoint", None)

    def client(self, service: str) -> Any:
        return self.__dict__["clients"][service]
