"""What CloudFormation says of a stack: its state, its values, its events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.errors import DeploymentFailed

STACK_TIMEOUT_SECONDS = 3600


@dataclass(frozen=True)
class Event:
    """One step of one resource. ``reason`` is empty when there is none."""

    id: str
    logical_id: str
    type: str
    status: str
    reason: str

    @property
    def of_the_stack(self) -> bool:
        """Whether the event is of the stack itself."""
        return self.type == "AWS::CloudFormation::Stack"

    @property
    def is_cause(self) -> bool:
        """Whether it tells of a failure, and not of a step cancelled because of another's."""
        return self.status.endswith("_FAILED") and "cancelled" not in self.reason.lower()


def find(formation: Any, name: str) -> dict[str, Any] | None:
    """Give CloudFormation's description of the stack; None when there is none."""
    try:
        stack: dict[str, Any] = formation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return None
        raise
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def settled_status(formation: Any, name: str, timeout_seconds: float = STACK_TIMEOUT_SECONDS) -> str | None:
    """Wait until nothing is in progress and give the stack's status; None when there is no such stack.

    Raises DeploymentFailed when it takes longer than the timeout.
    """
    deadline = time.monotonic() + timeout_seconds
    pause = 0.05
    while True:
        stack = find(formation, name)
        status = None if stack is None else str(stack["StackStatus"])
        if status is None or status == "REVIEW_IN_PROGRESS" or not status.endswith("_IN_PROGRESS"):
            return status
        if time.monotonic() > deadline:
            raise DeploymentFailed(f"Stack {name} stays {status}")
        time.sleep(pause)
        pause = min(pause * 1.5, 5)


def follow(formation: Any, name: str, after: str | None, told: Callable[[Event], None]) -> str | None:
    """Wait for the end of what was begun after the event ``after``, telling of each step of a resource.

    Gives the stack's status at the end. CloudFormation begins a moment after it was asked: until the stack itself
    says that something ended, its status is that of before. Raises DeploymentFailed when it takes too long.
    """
    deadline = time.monotonic() + STACK_TIMEOUT_SECONDS
    pause, ended = 0.05, False
    while not ended:
        for event in events(formation, name, after):
            after = event.id
            if not event.of_the_stack:
                told(event)
            elif not event.status.endswith("_IN_PROGRESS"):
                ended = True
        if time.monotonic() > deadline:
            raise DeploymentFailed(
                f"Stack {name} is still at work after an hour; run the command again to wait on"
            )
        if not ended:
            time.sleep(pause)
            pause = min(pause * 1.5, 5)
    return settled_status(formation, name)


def outputs(formation: Any, name: str) -> dict[str, str]:
    """The stack's outputs by name."""
    stack = find(formation, name) or {}
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def parameters(stack: dict[str, Any]) -> dict[str, str]:
    """The values that a stack (as ``find`` gives it) has for its template's parameters."""
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in stack.get("Parameters", [])}


def template_text(formation: Any, name: str) -> str:
    """The template that the stack was made from, as it was sent."""
    body = formation.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
    return body if isinstance(body, str) else json.dumps(body)


def events(formation: Any, name: str, after: str | None = None) -> list[Event]:
    """The stack's events, oldest first; only those after the one with the id ``after``."""
    found: list[Event] = []
    for event in _newest_first(formation, name):
        if event.id == after:
            break
        found.append(event)
    return found[::-1]


def last_event(formation: Any, name: str) -> str | None:
    """The id of the newest event; None when there is none, or no stack."""
    return next((event.id for event in _newest_first(formation, name)), None)


def causes(formation: Any, name: str, after: str | None = None) -> str:
    """What went wrong since the event ``after``, oldest first: the first is the cause."""
    try:
        found = [event for event in events(formation, name, after) if event.is_cause]
    except ClientError as error:
        return f"  {error}"
    lines = [f"  {event.logical_id} ({event.type}): {event.reason}" for event in found if not event.of_the_stack]
    lines = lines or _refusals(formation, StackName=name)[-10:] or [f"  {event.reason}" for event in found]
    return "\n".join(lines[:10]) or "  no event tells why"


def refusals(formation: Any, change_set_id: str) -> str:
    """What CloudFormation's validation has against a change set, one a line; empty when it does not tell."""
    return "\n".join(_refusals(formation, ChangeSetName=change_set_id))


def _refusals(formation: Any, **of: str) -> list[str]:
    try:
        found = formation.describe_events(**of)["OperationEvents"]
    except ClientError:
        return []  # a newer operation, which LocalStack does not have
    return [
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ValidationStatusReason', '')}"
        for event in reversed(found)
        if event.get("EventType") == "VALIDATION_ERROR"
    ]


def _newest_first(formation: Any, name: str) -> Iterator[Event]:
    request = {"StackName": name}
    while True:
        try:
            page = formation.describe_stack_events(**request)
        except ClientError as error:
            if "does not exist" in error.response["Error"].get("Message", ""):
                return
            raise
        for event in page["StackEvents"]:
            yield Event(
                event["EventId"],
                event["LogicalResourceId"],
                event["ResourceType"],
                event["ResourceStatus"],
                event.get("ResourceStatusReason", ""),
            )
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]
