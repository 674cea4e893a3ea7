"""A change set: what CloudFormation would do, before it does it."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.errors import DeploymentFailed
from infra.deploy.stack import state as stack_state

NAMES_BEGIN_WITH = "artstore-"
"""Change sets of ours; those of others on the same stack are left alone."""

_TIMEOUT_SECONDS = 600
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Change:
    """What happens to one resource.

    ``action`` is Add, Modify, Remove, Import or Dynamic; ``replacement`` True, False, Conditional or empty;
    ``policy`` what the template's deletion and update policies do with the old one: Retain, Delete, Snapshot,
    ReplaceAndRetain and so on, or empty. ``properties`` are those that change.
    """

    action: str
    logical_id: str
    type: str
    replacement: str = ""
    policy: str = ""
    properties: tuple[str, ...] = ()

    @property
    def ends_resource(self) -> bool:
        """Whether the resource that is there now is certainly not the stack's afterwards."""
        return self.action == "Remove" or self.replacement == "True"

    @property
    def may_end_resource(self) -> bool:
        """Whether it depends on something that is known only while the change is made."""
        return self.replacement == "Conditional" or self.action == "Dynamic"


@dataclass(frozen=True)
class ChangeSet:
    """A change set that can be executed. ``creates`` tells that the stack is new."""

    id: str
    stack: str
    creates: bool
    changes: tuple[Change, ...]


def create(
    formation: Any,
    stack: str,
    creates: bool,
    template_url: str,
    parameters: Mapping[str, str],
    description: str,
    execution_role: str | None = None,
) -> ChangeSet | None:
    """Make a change set and wait until it can be looked at. None when nothing would change.

    CloudFormation carries it out as ``execution_role``, and keeps to that role afterwards; None is the caller.

    Raises DeploymentFailed with CloudFormation's reason when it cannot be made.
    """
    try:
        made = formation.create_change_set(
            StackName=stack,
            ChangeSetName=f"{NAMES_BEGIN_WITH}{secrets.token_hex(6)}",
            ChangeSetType="CREATE" if creates else "UPDATE",
            TemplateURL=template_url,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in sorted(parameters.items())
            ],
            Capabilities=["CAPABILITY_IAM"],
            Description=description,
            **({} if execution_role is None else {"RoleARN": execution_role}),
        )["Id"]
    except ClientError as error:
        raise DeploymentFailed(f"CloudFormation refuses the change set: {_message(error)}") from error
    found = _await(formation, stack, made)
    if found["Status"] == "FAILED":
        why = found.get("StatusReason", "")
        told = stack_state.refusals(formation, made)
        formation.delete_change_set(ChangeSetName=made, StackName=stack)
        if any(text in why for text in _NO_CHANGES):
            return None
        raise DeploymentFailed(f"CloudFormation refuses the change set: {why}\n{told}".rstrip())
    return ChangeSet(made, stack, creates, tuple(_changes(formation, stack, made, found)))


def discard(formation: Any, change_set: ChangeSet) -> None:
    """Delete a change set that is not executed, and the empty stack that was made to hold it."""
    formation.delete_change_set(ChangeSetName=change_set.id, StackName=change_set.stack)
    if change_set.creates and not _summaries(formation, change_set.stack):
        formation.delete_stack(StackName=change_set.stack)


def discard_left_over(formation: Any, stack: str) -> int:
    """Delete change sets that an interrupted deployment of ours left on the stack; give how many."""
    left = [
        each["ChangeSetId"]
        for each in _summaries(formation, stack)
        if each["ChangeSetName"].startswith(NAMES_BEGIN_WITH) and each.get("ExecutionStatus") != "EXECUTE_COMPLETE"
    ]
    for each in left:
        # One that is gone by now was another deployer's, who is at work on the stack: CloudFormation lets one win.
        with contextlib.suppress(ClientError):
            formation.delete_change_set(ChangeSetName=each, StackName=stack)
    return len(left)


def execute(formation: Any, change_set: ChangeSet) -> None:
    """Start to carry it out. Raises DeploymentFailed when it is not what it was when it was looked at."""
    # What the creation made and its rollback must not leave behind, because the names would be taken.
    options = {"RetainExceptOnCreate": True} if change_set.creates else {}
    try:
        formation.execute_change_set(ChangeSetName=change_set.id, StackName=change_set.stack, **options)
    except ClientError as error:
        raise DeploymentFailed(
            f"The change set can no longer be executed: {_message(error)}\n"
            "Somebody else may be deploying. Nothing was changed; run the command again to see what is to do."
        ) from error


def _summaries(formation: Any, stack: str) -> list[dict[str, Any]]:
    pages = formation.get_paginator("list_change_sets").paginate(StackName=stack)
    return [each for page in pages for each in page["Summaries"]]


def _await(formation: Any, stack: str, change_set_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    pause = 0.05
    while True:
        found: dict[str, Any] = formation.describe_change_set(ChangeSetName=change_set_id, StackName=stack)
        if found["Status"] in {"CREATE_COMPLETE", "FAILED"}:
            return found
        if time.monotonic() > deadline:
            raise DeploymentFailed(f"The change set of stack {stack} stays {found['Status']}")
        time.sleep(pause)
        pause = min(pause * 1.5, 3)


def _changes(formation: Any, stack: str, change_set_id: str, page: dict[str, Any]) -> Iterable[Change]:
    while True:
        for each in page.get("Changes", []):
            change = each["ResourceChange"]
            names = {detail.get("Target", {}).get("Name", "") for detail in change.get("Details", [])}
            yield Change(
                change["Action"],
                change["LogicalResourceId"],
                change["ResourceType"],
                change.get("Replacement", ""),
                change.get("PolicyAction", ""),
                tuple(sorted(name for name in names if name)),
            )
        if not page.get("NextToken"):
            return
        page = formation.describe_change_set(
            ChangeSetName=change_set_id, StackName=stack, NextToken=page["NextToken"]
        )


def _message(error: ClientError) -> str:
    return str(error.response["Error"].get("Message", error))
