"""Keeps a stack's precious resources from a change that was not meant.

Precious is what the template itself retains when the stack is deleted and cannot do without: buckets, tables, the
signing key. A stack policy refuses to replace or remove them, whoever deploys and with whatever tool; termination
protection refuses to delete the stack. Log groups are retained too, and not precious: a new one is as good, and
the old one stays to be read.

DynamoDB's own protection of tables is a parameter of the template. A first creation goes without it, because its
rollback has to delete what it made; once the stack is there, a second change switches it on.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from infra.template import parse

_RETAINED = {"Retain", "RetainExceptOnCreate"}
_REPLACEABLE = {"AWS::Logs::LogGroup"}
_TABLES = "DeletionProtection"


def comes_later(parameters: Mapping[str, str]) -> bool:
    """Tell whether a release with these parameters asks for protected tables."""
    return parameters.get(_TABLES) == "true"


def of_a_creation(parameters: Mapping[str, str]) -> dict[str, str]:
    """Give the parameters that a stack is first made with."""
    return {**parameters, **({_TABLES: "false"} if comes_later(parameters) else {})}


def precious_resources(template: str) -> frozenset[str]:
    """Give the logical ids of the resources that a template (YAML or JSON) retains, log groups apart."""
    resources = parse(template)["Resources"]
    return frozenset(
        name
        for name, each in resources.items()
        if each.get("DeletionPolicy") in _RETAINED and each.get("Type") not in _REPLACEABLE
    )


def stack_policy(protected: Collection[str]) -> str:
    """Give the policy that refuses to replace or remove the resources with these logical ids."""
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}
    ]
    if protected:
        statements.append(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["Update:Replace", "Update:Delete"],
                "Resource": [f"LogicalResourceId/{name}" for name in sorted(protected)],
            }
        )
    return json.dumps({"Statement": statements})


def protect(formation: Any, stack: str, protected: Collection[str]) -> None:
    """Put the stack policy and termination protection on a stack, unless they are there."""
    wanted = stack_policy(protected)
    found = formation.get_stack_policy(StackName=stack).get("StackPolicyBody")
    if found is None or json.loads(found) != json.loads(wanted):
        formation.set_stack_policy(StackName=stack, StackPolicyBody=wanted)
    described = formation.describe_stacks(StackName=stack)["Stacks"][0]
    if not described.get("EnableTerminationProtection"):
        formation.update_termination_protection(StackName=stack, EnableTerminationProtection=True)
