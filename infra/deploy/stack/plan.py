"""What a deployment would do, in words for the person who decides."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from infra.deploy.stack.change_set import Change, ChangeSet
from infra.template import parse

_KEY_DIGITS = 16


@dataclass(frozen=True)
class Migration:
    """The index's schema before and after; ``before`` None is an empty database.

    ``elsewhere`` tells that it cannot be seen from here, and that somebody else sees to it.
    """

    before: str | None
    after: str | None
    elsewhere: bool = False

    @property
    def is_due(self) -> bool:
        """Whether this deployment is to change the schema."""
        return not self.elsewhere and self.before != self.after


@dataclass(frozen=True)
class Plan:
    """All that is to be decided on. ``change_set`` None: the stack stays as it is.

    ``before`` and ``after`` are the template's parameters; ``precious`` the logical ids of what must not get lost,
    ``allowed`` those of them that may.
    """

    change_set: ChangeSet | None
    migration: Migration
    before: Mapping[str, str]
    after: Mapping[str, str]
    precious: Collection[str]
    allowed: Collection[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.change_set is None and not self.migration.is_due

    @property
    def changes(self) -> tuple[Change, ...]:
        """What happens to the stack's resources."""
        return self.change_set.changes if self.change_set else ()

    @property
    def losses(self) -> list[str]:
        """The precious resources that would be replaced or removed, and that nobody said may be."""
        return sorted(
            change.logical_id
            for change in self.changes
            if change.ends_resource
            and change.logical_id in self.precious
            and change.logical_id not in self.allowed
        )


def with_defaults(parameters: Mapping[str, str], template: str) -> dict[str, str]:
    """Add the defaults of a template (the one that is deployed) for the parameters that are not given."""
    declared = parse(template).get("Parameters", {})
    defaults = {name: str(rules["Default"]) for name, rules in declared.items() if "Default" in rules}
    return {**defaults, **parameters}


def lines(plan: Plan) -> Iterator[str]:
    """Say what would be done, one line for each thing."""
    if plan.migration.is_due:
        yield f"  migrate    the index's schema: {plan.migration.before or 'nothing'} -> {plan.migration.after}"
    if plan.before:
        for name in sorted(plan.before.keys() | plan.after.keys()):
            old, new = plan.before.get(name), plan.after.get(name)
            if old != new and new is not None:
                yield f"  parameter  {name}: {_short(old)} -> {_short(new)}"
    for change in sorted(plan.changes, key=lambda each: (_ORDER.get(each.action, 9), each.type, each.logical_id)):
        if change.action != "Add":
            details = ", ".join(filter(None, [_replacement(change), *change.properties]))
            yield f"  {change.action:<9}  {change.logical_id:<28} {change.type:<30} {details}".rstrip()
    added: dict[str, list[str]] = {}
    for change in plan.changes:
        if change.action == "Add":
            added.setdefault(change.type, []).append(change.logical_id)
    for type_, names in sorted(added.items()):
        yield f"  Add        {len(names)} {type_}: {', '.join(sorted(names))}"


def warnings(plan: Plan) -> Iterator[str]:
    """What asks for a second look."""
    for change in plan.changes:
        precious = change.logical_id in plan.precious
        if not precious and change.type not in _HOLDING_DATA:
            continue
        what = f"{'PRECIOUS: ' * precious}{change.logical_id} ({change.type})"
        if change.action == "Remove":
            yield f"{what} is REMOVED from the stack{_policy(change)}"
        elif change.ends_resource:
            yield f"{what} is REPLACED by a new, empty one{_policy(change)}"
        elif change.may_end_resource:
            refused = "; if so, the stack policy refuses it, and all is rolled back" if precious else ""
            yield f"{what} MAY BE REPLACED by a new, empty one{refused}{_policy(change)}"
    mode = plan.after.get("RetentionMode")
    if mode == "COMPLIANCE" and plan.before.get("RetentionMode") != mode:
        days = plan.after.get("RetentionDays", "its default number of")
        yield (
            f"RetentionMode COMPLIANCE: for {days} days nobody, AWS and you included, can delete what is stored "
            "from now on, nor stop paying for it"
        )
    if plan.after.get("RequireTls") == "false":
        yield "RequireTls is false: buckets and queues take requests without TLS"
    if plan.after.get("CreateOnlyAttributes") == "false":
        yield "CreateOnlyAttributes is false: ingest may replace what describes a locked document"


_ORDER = {"Remove": 0, "Modify": 1, "Dynamic": 2, "Import": 3, "Add": 4}


_HOLDING_DATA = {
    "AWS::DynamoDB::Table",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
}


def _replacement(change: Change) -> str:
    return {"True": "replaced", "Conditional": "perhaps replaced"}.get(change.replacement, "")


def _policy(change: Change) -> str:
    return f"; what becomes of the old one: {change.policy}" if change.policy else ""


def _short(value: str | None) -> str:
    """A value, its hash cut to what tells two of them apart."""
    if value is None:
        return "(none)"
    head, slash, tail = value.rpartition("/")
    if slash and tail.endswith(".zip") and len(tail) > _KEY_DIGITS:
        return f"{head}/{tail[:_KEY_DIGITS]}…"
    return value or "(empty)"
