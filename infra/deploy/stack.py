"""Brings a stack that nobody has to be asked about to a template and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.deploy import change_set, stack_state
from infra.deploy.account import Account
from infra.deploy.artifacts import upload_template
from infra.deploy.errors import DeploymentFailed
from infra.deploy.recovery import UPDATABLE

# A stack in one of these states was never complete: CloudFormation can only delete it.
_NEVER_COMPLETE = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}


@dataclass(frozen=True)
class Deployed:
    """What a deployment led to. `change` is created, updated or unchanged."""

    outputs: dict[str, str]
    change: str


def deploy_stack(
    account: Account,
    name: str,
    template: Path,
    template_bucket: str,
    parameters: Mapping[str, str],
    progress: Callable[[str], None] = lambda _: None,
) -> Deployed:
    """Create the stack, or update it to the template and parameters, and wait for the end.

    One that never was complete is deleted first. The template is uploaded, because CloudFormation takes only
    51,200 bytes in the call itself. Raises DeploymentFailed when the stack does not get there.
    """
    formation = account.client("cloudformation")
    status = stack_state.settled_status(formation, name)
    if status == "UPDATE_ROLLBACK_FAILED":
        formation.continue_update_rollback(StackName=name)
        status = stack_state.settled_status(formation, name)
    if status in _NEVER_COMPLETE:
        progress(f"the stack was left {status}: deleting it")
        formation.delete_stack(StackName=name)
        status = stack_state.settled_status(formation, name)
    if status is not None and status not in UPDATABLE:
        raise DeploymentFailed(f"Stack {name} is {status} and does not leave that state")
    creates = status is None
    address = upload_template(account, template, template_bucket)
    made = change_set.create(formation, name, creates, address, parameters, "ArtStore")
    if made is None:
        return Deployed(stack_state.outputs(formation, name), "unchanged")
    mark = stack_state.last_event(formation, name)
    change_set.execute(formation, made)
    status = stack_state.follow(formation, name, mark, lambda _: None)
    if status != ("CREATE_COMPLETE" if creates else "UPDATE_COMPLETE"):
        raise DeploymentFailed(f"Stack {name} is {status or 'gone'}:\n{stack_state.causes(formation, name, mark)}")
    return Deployed(stack_state.outputs(formation, name), "created" if creates else "updated")


def delete_stack(account: Account, name: str) -> None:
    """Delete the stack and wait for the end; nothing happens when there is none."""
    formation = account.client("cloudformation")
    if stack_state.settled_status(formation, name) is not None:
        formation.delete_stack(StackName=name)
        stack_state.settled_status(formation, name)
