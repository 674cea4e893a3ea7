"""From any state that a stack can be found in to one that takes a change, or to a word on what to do about it."""

from __future__ import annotations

from typing import Any

from infra.console import Console
from infra.deploy.errors import DeploymentFailed
from infra.deploy.stack import change_set
from infra.deploy.stack import state as stack_state
from infra.deploy.stage import Stage

UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}


def make_deployable(formation: Any, stage: Stage, console: Console) -> bool:
    """Bring the stack to a state that takes a change set. Gives whether it is to be created.

    Raises DeploymentFailed, with what to do, for a state that only a person can end.
    """
    name = stage.stack
    status = stack_state.settled_status(formation, name)
    if status == "UPDATE_ROLLBACK_FAILED":
        console.warn("the last update could not be rolled back: trying to go on with the rollback")
        formation.continue_update_rollback(StackName=name)
        status = stack_state.settled_status(formation, name)
    if status == "ROLLBACK_COMPLETE":
        console.warn("the first creation failed and was rolled back: deleting the empty stack it left")
        formation.delete_stack(StackName=name)
        status = stack_state.settled_status(formation, name)
    if status is None:
        return True
    if status not in {"REVIEW_IN_PROGRESS", *UPDATABLE}:
        raise DeploymentFailed(_stuck(formation, name, status))
    if change_set.discard_left_over(formation, name):
        console.warn("a change set of an earlier deployment was left there; it is deleted")
    if status == "REVIEW_IN_PROGRESS":
        return True
    found = stack_state.parameters(stack_state.find(formation, name) or {})
    if found.get("Prefix") != stage.prefix:
        raise DeploymentFailed(
            f"Stack {name} has the prefix {found.get('Prefix')!r}, the stage {stage.prefix!r}. Another prefix is "
            "another archive: give it a stack of its own."
        )
    return False


def advice(status: str | None) -> str:
    """What to do about a stack that was left in this state; empty when that is not known."""
    return _ADVICE.get(status or "", "")


def _stuck(formation: Any, name: str, status: str) -> str:
    causes = stack_state.causes(formation, name)
    return f"Stack {name} is {status}, which takes no change:\n{causes}\n{advice(status)}".rstrip()


_DELETE_BY_HAND = (
    "What it made is partly there. Look at what is left (aws cloudformation describe-stack-resources), delete the "
    "stack with the aws command once its cause is gone, then deploy again."
)
_ADVICE = {
    "ROLLBACK_COMPLETE": (
        "Nothing of it is left. Remove the cause and deploy again, which deletes the empty stack first."
    ),
    "UPDATE_ROLLBACK_COMPLETE": (
        "The version of before serves on, and the migrations that ran are compatible with it. "
        "Remove the cause and deploy again."
    ),
    "UPDATE_ROLLBACK_FAILED": (
        "It is between two versions. Remove the cause and run the same command, which goes on with the rollback. "
        "A resource that cannot be rolled back can be skipped: "
        "aws cloudformation continue-update-rollback --resources-to-skip …"
    ),
    "CREATE_FAILED": _DELETE_BY_HAND,
    "ROLLBACK_FAILED": _DELETE_BY_HAND,
    "DELETE_FAILED": "Somebody deletes this stack. " + _DELETE_BY_HAND,
}
