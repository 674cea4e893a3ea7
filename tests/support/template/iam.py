"""IAM policies as templates of ours write them: resolved, and asked what they allow.

As much of the evaluation as these policies use (IAM user guide, "policy evaluation logic"): Allow and Deny of one
document, wildcards in actions and resources. Conditions are taken to hold, unless they are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

ACCOUNT, REGION = "111122223333", "eu-central-1"
_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}


@dataclass(frozen=True)
class Statement:
    """One statement of a resolved policy."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Any]


class Resolver:
    """Resolves what stands in the policies of one template, with the parameters' defaults and those given.

    A reference to a resource is what ``resources`` has for it (``Name`` or ``Name.Attribute``).
    """

    def __init__(self, template: Mapping[str, Any], resources: Mapping[str, str], **given: str) -> None:
        defaults = {name: str(rules.get("Default", "")) for name, rules in template["Parameters"].items()}
        self._values = {**_PSEUDO, **defaults, **resources, **given}
        self._conditions = template.get("Conditions", {})

    def resolve(self, node: Any) -> Any:
        """Give a node with its functions replaced by what they give."""
        if isinstance(node, list):
            return [each for each in map(self.resolve, node) if each is not None]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, value = next(iter(node.items()))
            if name == "Ref":
                return None if value == "AWS::NoValue" else self._values[value]
            if name == "Fn::GetAtt":
                return self._values[".".join(value)]
            if name == "Fn::Sub":
                return self._substitute(value)
            if name == "Fn::If":
                return self.resolve(value[1] if self._holds(value[0]) else value[2])
            if name == "Fn::Join":
                return value[0].join(str(self.resolve(value[1])))
        return {key: self.resolve(value) for key, value in node.items()}

    def _substitute(self, value: Any) -> str:
        text, more = (value, {}) if isinstance(value, str) else value
        values = {**self._values, **{name: self.resolve(each) for name, each in more.items()}}
        return re.sub(r"\$\{([^}]+)\}", lambda match: str(values[match[1]]), text)

    def _holds(self, name: str) -> bool:
        condition = self._conditions[name]
        if "Fn::Not" in condition:
            left, right = condition["Fn::Not"][0]["Fn::Equals"]
            return bool(self.resolve(left) != self.resolve(right))
        left, right = condition["Fn::Equals"]
        return bool(self.resolve(left) == self.resolve(right))


def statements(document: Mapping[str, Any]) -> Iterator[Statement]:
    """Give the statements of a resolved policy document."""
    for each in document["Statement"]:
        yield Statement(
            each["Effect"] == "Allow",
            _as_tuple(each["Action"]),
            _as_tuple(each["Resource"]),
            each.get("Condition", {}),
        )


def allows(policy: list[Statement], action: str, resource: str) -> bool:
    """Whether the statements together allow an action on a resource."""
    applying = [
        each
        for each in policy
        if any(fnmatchcase(action.lower(), pattern.lower()) for pattern in each.actions)
        and any(fnmatchcase(resource, pattern) for pattern in each.resources)
    ]
    return any(each.allows for each in applying) and all(each.allows for each in applying)


def _as_tuple(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
