"""Keeping bucket policies and lifecycles as the registry says: when a mode changes, and again by the clock.

A deployment that puts the template's policy back, or an operator's mistake, lasts until the next run. What is put
is computed from the registry alone: whoever may invoke the guard cannot make it write anything else.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from artstore.elements import Mode, StorageElements
from artstore.elements.registry import Rows, definitions_of
from artstore.errors import Unavailable
from functions.maintenance.guard import rules

_MOST_ROUNDS = 5


class Table(Protocol):
    """What is asked of the registry; see ``artstore.aws.element_table``."""

    def read(self) -> Rows: ...


class Policies(Protocol):
    """What is asked of buckets; see ``artstore.aws.buckets``."""

    def policy(self, bucket: str) -> dict[str, Any]: ...
    def put_policy(self, bucket: str, policy: dict[str, Any]) -> None: ...
    def lifecycle(self, bucket: str) -> list[dict[str, Any]]: ...
    def put_lifecycle(self, bucket: str, rules: list[dict[str, Any]]) -> None: ...


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to. ``guards`` says what storage refuses, by element; ``corrected`` names the buckets whose
    policy or lifecycle had to be written."""

    guards: dict[str, str]
    archived: list[str]
    corrected: list[str]


class StorageGuard:
    """The guard of one deployment's buckets."""

    def __init__(
        self,
        *,
        seeds: StorageElements,
        table: Table,
        policies: Policies,
        ingest_role_arn: str,
    ) -> None:
        """Take the ports, and the role that describes what has arrived while an element is closing."""
        self._seeds = seeds
        self._table = table
        self._policies = policies
        self._ingest_role_arn = ingest_role_arn
        self._partition = ingest_role_arn.split(":")[1]

    def apply(self) -> Kept:
        """Have the buckets of rw elements say what the registry does. Raises Unavailable when one does not.

        The buckets of edit elements need nothing: edit elements never change their mode. Two runs at once may
        write over each other, and know of different changes; so after it has written, a run looks at the registry
        again, which every change reaches before the run that it leads to.
        """
        corrected: list[str] = []
        for _ in range(_MOST_ROUNDS):
            kept = self._apply()
            if not kept.corrected:
                return msgspec.structs.replace(kept, corrected=list(dict.fromkeys(corrected)))
            corrected += kept.corrected
        raise Unavailable("the buckets' policies are being written by others")

    def _apply(self) -> Kept:
        every = definitions_of(self._seeds, self._table.read()).values()
        buckets = dict.fromkeys(one.bucket for one in every if one.mode is not Mode.EDIT)
        corrected = []
        for bucket in buckets:
            inside = [one for one in every if one.bucket == bucket]
            own = rules.own_statements(f"arn:{self._partition}:s3:::{bucket}", inside, self._ingest_role_arn)
            if self._keep_policy(bucket, own) | self._keep_lifecycle(bucket, rules.own_rules(inside)):
                corrected.append(bucket)
        guarded = [one for one in every if one.bucket in buckets]
        return Kept(
            guards={one.element_id: str(rules.guard_of(one)) for one in guarded},
            archived=sorted(one.element_id for one in guarded if rules.is_archived(one)),
            corrected=corrected,
        )

    def _keep_policy(self, bucket: str, own: list[dict[str, Any]]) -> bool:
        policy = self._policies.policy(bucket)
        if rules.says(policy, own):
            return False
        self._policies.put_policy(bucket, rules.with_own_statements(policy, own))
        if not rules.says(self._policies.policy(bucket), own):
            raise Unavailable("the bucket does not have the policy that was put")
        return True

    def _keep_lifecycle(self, bucket: str, own: list[dict[str, Any]]) -> bool:
        found = self._policies.lifecycle(bucket)
        if rules.has(found, own):
            return False
        self._policies.put_lifecycle(bucket, rules.with_own_rules(found, own))
        if not rules.has(self._policies.lifecycle(bucket), own):
            raise Unavailable("the bucket does not have the lifecycle that was put")
        return True
