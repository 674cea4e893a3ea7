"""What a bucket's policy and lifecycle have to say of the elements in it. Pure: from definitions to rules.

=========  ===========================================================================
open       nothing: roles and Object Lock say what may be done (edit, rw)
closing    nobody writes or deletes but ingest, which still describes what has arrived
sealed     nobody writes or deletes (ro, ar)
=========  ===========================================================================

What is archived moves to GLACIER by a lifecycle rule, which keeps every version's id; objects of up to 128 KiB
stay where they can be read, and so every attr.json does, which has 64 KiB at most. Rules know prefixes and no
exceptions. So the element that has a whole bucket has one for each digit: its documents lie in folders named after
years, while our own records (``.artstore/``) and the prefixes of elements that are made later begin otherwise.

Statements and rules of ours are known by how their names begin; all others are left as they are.
"""

from __future__ import annotations

import enum
import json
import string
from collections.abc import Iterable, Sequence
from typing import Any

from artstore.elements import Mode
from artstore.elements.registry import Definition
from artstore.naming import RESERVED_PREFIX

SID = "ArtStore"
RULE_ID = "artstore-archive-"
READABLE_BYTES = 128 * 1024
WRITES = [
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionTagging",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionTagging",
]
"""Parts of multipart uploads and their completion are s3:PutObject; aborting them stays allowed, as do a hold, a
longer retention and a restore."""


class Guard(enum.StrEnum):
    """What storage refuses in an element."""

    OPEN = "open"
    CLOSING = "closing"
    SEALED = "sealed"


def guard_of(definition: Definition) -> Guard:
    """Tell what storage has to refuse in an element now."""
    if definition.mode in (Mode.RO, Mode.AR):
        return Guard.SEALED
    phase = definition.transition.phase if definition.transition else None
    if phase == "sealing":
        return Guard.SEALED
    return Guard.CLOSING if phase in ("closing", "settling") else Guard.OPEN


def is_archived(definition: Definition) -> bool:
    """Tell whether the element's bytes belong in the archive class."""
    transition = definition.transition
    becoming = transition is not None and transition.to is Mode.AR and transition.phase == "sealing"
    return definition.mode is Mode.AR or becoming


def own_statements(
    bucket_arn: str, definitions: Iterable[Definition], ingest_role_arn: str
) -> list[dict[str, Any]]:
    """Give the statements that the policy of one bucket needs; ``definitions`` are the elements in it."""
    every = sorted(definitions, key=lambda one: one.prefix)
    except_ingest = {"Condition": {"ArnNotEquals": {"aws:PrincipalArn": ingest_role_arn}}}
    statements = []
    for guard, condition in ((Guard.SEALED, {}), (Guard.CLOSING, except_ingest)):
        guarded = [one for one in every if guard_of(one) is guard]
        prefixes = [f"{bucket_arn}/{one.prefix}*" for one in guarded if one.prefix]
        name = f"{SID}{guard.capitalize()}"
        deny = {"Effect": "Deny", "Principal": "*", "Action": WRITES}
        if prefixes:
            statements.append({"Sid": f"{name}Elements", **deny, "Resource": prefixes, **condition})
        if any(not one.prefix for one in guarded):
            others = [f"{bucket_arn}/{RESERVED_PREFIX}*"]
            others += [f"{bucket_arn}/{one.prefix}*" for one in every if one.prefix]
            statements.append({"Sid": f"{name}Rest", **deny, "NotResource": others, **condition})
    return statements


def own_rules(definitions: Iterable[Definition]) -> list[dict[str, Any]]:
    """Give the lifecycle rules that one bucket needs; ``definitions`` are the elements in it."""
    every = sorted(definitions, key=lambda one: one.element_id)
    found = []
    for one in filter(is_archived, every):
        others = [other.prefix for other in every if other.prefix]
        prefixes = [one.prefix] if one.prefix else _years_apart_from(others)
        for prefix in prefixes:
            name = one.element_id if one.prefix else f"{one.element_id}-{prefix}"
            found.append(
                {
                    "ID": f"{RULE_ID}{name}",
                    "Status": "Enabled",
                    "Filter": {"And": {"Prefix": prefix, "ObjectSizeGreaterThan": READABLE_BYTES}},
                    "Transitions": [{"Days": 0, "StorageClass": "GLACIER"}],
                    "NoncurrentVersionTransitions": [{"NoncurrentDays": 1, "StorageClass": "GLACIER"}],
                }
            )
    return found


def _years_apart_from(others: Sequence[str], prefixes: Iterable[str] = string.digits) -> list[str]:
    """Give what folders of years, months, days and hours begin with, without what ``others`` have.

    Only an element of a template can have a prefix that begins with a digit.
    """
    apart: list[str] = []
    for prefix in prefixes:
        if any(prefix.startswith(other) for other in others):
            continue
        if any(other.startswith(prefix) for other in others):
            apart += _years_apart_from(others, [prefix + each for each in "/" + string.digits])
        else:
            apart.append(prefix)
    return apart


def with_own_statements(policy: dict[str, Any], own: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give ``policy`` with our statements replaced by ``own``."""
    others = [one for one in policy["Statement"] if not str(one.get("Sid", "")).startswith(SID)]
    return {**policy, "Statement": [*others, *own]}


def with_own_rules(rules: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the lifecycle ``rules`` with ours replaced by ``own``."""
    others = [one for one in rules if not str(one.get("ID", "")).startswith(RULE_ID)]
    return [*others, *own]


def says(policy: dict[str, Any], own: Sequence[dict[str, Any]]) -> bool:
    """Tell whether our statements in ``policy`` are ``own``; a list of one and its member are the same to S3."""
    found = [one for one in policy["Statement"] if str(one.get("Sid", "")).startswith(SID)]
    return _canonical(found) == _canonical(own)


def has(rules: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> bool:
    """Tell whether our rules among ``rules`` are ``own``."""
    found = [one for one in rules if str(one.get("ID", "")).startswith(RULE_ID)]
    return _canonical(found) == _canonical(own)


def _canonical(value: Any) -> str:
    def plain(each: Any) -> Any:
        if isinstance(each, dict):
            return {name: plain(inner) for name, inner in each.items()}
        if isinstance(each, list | tuple):
            members = sorted((plain(inner) for inner in each), key=lambda one: json.dumps(one, sort_keys=True))
            return members[0] if len(members) == 1 else members
        return each

    return json.dumps(plain(list(value)), sort_keys=True)
