"""The template's parameters: what a stage may set, and whether CloudFormation would take the values.

CloudFormation finds a wrong value only when artifacts are uploaded and a change set is made, and names one at a
time. The same rules are applied here first, to all values at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

SET_BY_DEPLOYMENT = frozenset(
    {
        "Prefix",
        "ArtifactsBucket",
        "LayerKey",
        "AuthKey",
        "UploadKey",
        "QueryKey",
        "StorageEventsKey",
        "MaintenanceKey",
        "LambdaRuntime",
        "LambdaArchitecture",
        "DatabaseSecretArn",
    }
)
"""Parameters that a deployment computes; a stage file that names one is refused."""


_BELOW = {"AuthThrottlingRate": "ThrottlingRate", "AuthThrottlingBurst": "ThrottlingBurst"}
"""Limits that mean nothing unless they are below another one."""


def as_text(value: object) -> str:
    """Give a TOML value as CloudFormation takes it: true as ``true``, a list joined by commas.

    Raises ValueError for a value of another kind, and for a list whose members are no plain strings.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return str(value)
    if isinstance(value, list) and all(isinstance(member, str) and "," not in member for member in value):
        return ",".join(value)
    raise ValueError("must be a string, a number, true or false, or a list of strings without commas")


def problems(given: Mapping[str, str], declared: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Compare what a stage sets with the template's ``Parameters``; one sentence for each thing wrong."""
    found = []
    for name, value in sorted(given.items()):
        if name in SET_BY_DEPLOYMENT:
            found.append(f"{name} is set by the deployment itself")
        elif name not in declared:
            found.append(f"{name} is no parameter of the template")
        else:
            found += [f"{name} {problem}" for problem in _value_problems(value, declared[name])]
    found += [
        f"{name} has no default and is missing"
        for name, rules in declared.items()
        if "Default" not in rules and name not in given and name not in SET_BY_DEPLOYMENT
    ]
    return found + list(_vain_limits(given, declared))


def _vain_limits(given: Mapping[str, str], declared: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for lower, higher in _BELOW.items():
        if lower not in declared or not given.keys() & {lower, higher}:
            continue
        values = [given.get(name, str(declared[name].get("Default", ""))) for name in (lower, higher)]
        if any(_value_problems(value, declared[lower]) for value in values):
            continue  # said already
        if float(values[0]) >= float(values[1]):
            yield f"{lower} is {values[0]}, must be below {higher}, which is {values[1]}"


def _value_problems(value: str, rules: Mapping[str, Any]) -> list[str]:
    """The rules of CloudFormation's parameters: type, allowed values, pattern, length, range."""
    found = []
    allowed = [str(each) for each in rules.get("AllowedValues", [])]
    if allowed and value not in allowed:
        found.append(f"is {value!r}, must be one of {', '.join(allowed)}")
    pattern = rules.get("AllowedPattern")
    if pattern is not None and re.fullmatch(pattern, value) is None:
        found.append(f"is {value!r}: {rules.get('ConstraintDescription', f'must match {pattern}')}")
    if not int(rules.get("MinLength", 0)) <= len(value) <= int(rules.get("MaxLength", 4096)):
        found.append(f"has {len(value)} characters")
    if rules["Type"] == "Number":
        found += _number_problems(value, rules)
    return found


def _number_problems(value: str, rules: Mapping[str, Any]) -> list[str]:
    try:
        number = float(value)
    except ValueError:
        return [f"is {value!r}, must be a number"]
    found = []
    if number < float(rules.get("MinValue", number)):
        found.append(f"is {value}, must be at least {rules['MinValue']}")
    if number > float(rules.get("MaxValue", number)):
        found.append(f"is {value}, must be at most {rules['MaxValue']}")
    return found
