"""One deployment, from looking at what is there to an API that answers.

Nothing is changed before it was shown and agreed to, but the artifacts bucket, which only grows. Each step looks
at what is there first: whatever an interrupted deployment left is found again, and the next one goes on from it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.console import Console
from infra.deploy import health
from infra.deploy.account import Account
from infra.deploy.database import (
    DatabaseSecret,
    check_url,
    find_secret,
    index_anew,
    migrate,
    schema_of,
    url_from_here,
)
from infra.deploy.errors import DeploymentFailed
from infra.deploy.functions import invoke
from infra.deploy.release import Release, artifacts
from infra.deploy.release.history import History
from infra.deploy.stack import change_set, plan, protection
from infra.deploy.stack import state as stack_state
from infra.deploy.stack.change_set import ChangeSet
from infra.deploy.stack.plan import Migration, Plan
from infra.deploy.stack.recovery import advice, make_deployable
from infra.deploy.stage import HERE, Stage
from infra.migrate import is_known


class Outcome(enum.Enum):
    """How a deployment ended, other than by an error."""

    DEPLOYED = "deployed"
    UNCHANGED = "nothing to do"
    DECLINED = "not executed"


@dataclass(frozen=True)
class Request:
    """What is to be deployed where, and who decides.

    ``files`` are the release's files by their keys; empty when it was deployed before and the bucket has them.
    ``approve`` is asked once, after the plan was shown. ``reveal`` is given the first administrator's id and
    secret, and shows them; None where nobody would see them, or a log would keep them.
    """

    stage: Stage
    account: Account
    release: Release
    files: Mapping[str, Path]
    approve: Callable[[], bool]
    reveal: Callable[[str, str], None] | None = None
    may_be_lost: Collection[str] = ()


def deploy(request: Request, console: Console) -> Outcome:
    """Deploy a release. Raises CommandError, with what to do, when it does not get there."""
    stage, account, release = request.stage, request.account, request.release
    console.say(f"  release      {release.id}, {release.origin}")
    if not release.bytecode:
        console.warn("the zips hold no .pyc files: each cold start takes two to three times as long")
    secret, url = _look_at_database(request, console)
    bucket = _store(request, console)
    formation = account.client("cloudformation")
    creates = make_deployable(formation, stage, console)
    made = _plan(request, formation, secret, url, bucket, creates, console)
    if made.is_empty:
        console.say("  No changes: the stack is what this release makes of it.")
    elif not _agreed(request, formation, made, console):
        return Outcome.DECLINED
    else:
        _carry_out(request, formation, made, url, console)
        if creates and protection.comes_later(release.parameters):
            console.say("  The stack is there: its tables are protected from deletion now")
            protected = _plan(request, formation, secret, url, bucket, creates=False, console=console)
            _carry_out(request, formation, protected, None, console)
    change = "unchanged" if made.change_set is None else "created" if creates else "updated"
    _finish(request, formation, History(account, bucket, stage.stack), change, console)
    if request.files and url is not None:
        with console.step("words") as outcome:
            done = index_anew(url)
            outcome.append(
                f"{done} documents indexed anew" if done else "every document is indexed as it should be"
            )
    return Outcome.UNCHANGED if made.is_empty else Outcome.DEPLOYED


def check_account(stage: Stage, account: Account, console: Console) -> None:
    """Say where this goes. Raises DeploymentFailed when it is another account than the stage's."""
    if account.foreign_endpoint is not None:
        why = " (AWS_ENDPOINT_URL or the profile says so)" if account.endpoint_url is None else ""
        console.warn(f"NOT AWS: everything goes to {account.foreign_endpoint}{why}")
    with console.step("account") as outcome:
        outcome.append(f"{account.identity.account}, {account.region}, as {account.identity.arn}")
    if stage.account not in {None, account.identity.account}:
        raise DeploymentFailed(
            f"The credentials are of account {account.identity.account}, but the stage {stage.name} is in "
            f"{stage.account}. Nothing was touched."
        )


def _look_at_database(request: Request, console: Console) -> tuple[DatabaseSecret, str | None]:
    """The secret, and the URL as this machine uses it; None when migrations run elsewhere."""
    database = request.stage.database
    with console.step("database") as outcome:
        secret = find_secret(request.account, database)
        if secret.url is None:
            outcome.append("the secret is there; these credentials may not read it")
        else:
            outcome.append(check_url(secret.url, database))
    if secret.url is None or database.migrate != HERE:
        return secret, None
    return secret, url_from_here(secret.url, database.ca)


def _store(request: Request, console: Console) -> str:
    """Upload what is not there, and keep the record of the release. Gives the bucket."""
    account, release = request.account, request.release
    with console.step("artifacts") as outcome:
        bucket = artifacts.artifacts_bucket(account, request.stage.prefix)
        artifacts.protect_bucket(account, bucket)
        uploaded = artifacts.upload_artifacts(account, bucket, request.files)
        History(account, bucket, request.stage.stack).keep(release)
        what = f"{uploaded} of {len(request.files)} uploaded to" if request.files else "those of then, in"
        outcome.append(f"{what} {bucket}")
    return bucket


def _plan(
    request: Request,
    formation: Any,
    secret: DatabaseSecret,
    url: str | None,
    bucket: str,
    creates: bool,
    console: Console,
) -> Plan:
    """Make the change set and show what it would do."""
    name, release = request.stage.stack, request.release
    given = protection.of_a_creation(release.parameters) if creates else release.parameters
    after = {**given, "ArtifactsBucket": bucket, "DatabaseSecretArn": secret.arn}
    before: dict[str, str] = {}
    deployed = "Resources: {}"
    if not creates:
        before = stack_state.parameters(stack_state.find(formation, name) or {})
        deployed = stack_state.template_text(formation, name)
    with console.step("schema") as outcome:
        migration, wanted = _migration(request, url), release.schema
        outcome.append(
            f"not looked at from here; this release needs {migration.after}"
            if migration.elsewhere
            else f"{migration.before or 'none'}, {'becomes ' + wanted if migration.is_due else 'stays'}"
        )
    with console.step("change set") as outcome:
        made = change_set.create(
            formation,
            name,
            creates,
            artifacts.template_url(request.account, bucket, release.template.key),
            after,
            f"ArtStore release {release.id}, {release.origin}"[:1024],
            request.stage.execution_role,
        )
        counts = [each.action for each in made.changes] if made else []
        outcome.append(", ".join(f"{counts.count(each)} {each}" for each in sorted(set(counts))) or "no changes")
    return Plan(
        made,
        migration,
        before,
        plan.with_defaults(after, deployed),
        protection.precious_resources(deployed),
        request.may_be_lost,
    )


def _migration(request: Request, url: str | None) -> Migration:
    """What is to become of the schema: the newest, but never an older one. Migrations only go forward."""
    wanted = request.release.schema
    if url is None:
        return Migration(None, wanted, elsewhere=True) if request.files else Migration(None, None)
    found = schema_of(url)
    if not request.files or (found is not None and not is_known(found)):
        return Migration(found, found)
    return Migration(found, wanted)


def _agreed(request: Request, formation: Any, made: Plan, console: Console) -> bool:
    """Show the plan and ask; without agreement, however that ends, no change set stays.

    Raises DeploymentFailed, after showing it, when it would lose something precious.
    """
    agreed = False
    try:
        _show(request, made, console)
        agreed = request.approve()
    finally:
        if not agreed and made.change_set is not None:
            change_set.discard(formation, made.change_set)
    return agreed


def _show(request: Request, made: Plan, console: Console) -> None:
    console.say(f"What will happen to the stack {request.stage.stack}")
    for line in plan.lines(made):
        console.say(line)
    for line in plan.warnings(made):
        console.warn(line)
    if made.migration.elsewhere:
        console.warn(
            f"migrations run elsewhere: bring the schema to {made.migration.after} before going on, with\n"
            f"      .venv/bin/python -m infra.migrate --database-url-secret {request.stage.database.secret}\n"
            "    and once more after it, for what the version before has indexed meanwhile"
        )
    if made.losses:
        names = " ".join(made.losses)
        raise DeploymentFailed(
            f"This would replace or remove {names}, which hold data. Nothing was changed.\n"
            f'If that is meant, and a copy is where you want it: ALLOW_LOSS="{names}".'
        )


def _carry_out(request: Request, formation: Any, made: Plan, url: str | None, console: Console) -> None:
    """Migrate, execute, wait. Raises DeploymentFailed with the cause, the stack's state, and what to do."""
    name = request.stage.stack
    if made.migration.is_due and url is not None:
        with console.step("migrations") as outcome:
            before, after = migrate(url)
            outcome.append(f"index schema {before or 'none'} -> {after}")
    if made.change_set is None:
        return
    if not made.change_set.creates:
        _protect(request, formation, [each for each in made.precious if each not in made.allowed])
    mark = stack_state.last_event(formation, name)
    change_set.execute(formation, made.change_set)
    with console.step("stack") as outcome:
        status = _follow(formation, made.change_set, mark, console)
        outcome.append(str(status))
    if status != ("CREATE_COMPLETE" if made.change_set.creates else "UPDATE_COMPLETE"):
        raise DeploymentFailed(
            f"Stack {name} is {status or 'gone'}. The cause:\n"
            f"{stack_state.causes(formation, name, mark)}\n{advice(status)}".rstrip()
        )


def _follow(formation: Any, made: ChangeSet, mark: str | None, console: Console) -> str | None:
    """Wait for the end, with a line for each resource that got there or did not."""
    done = 0

    def tell(event: stack_state.Event) -> None:
        nonlocal done
        if not event.status.endswith("_IN_PROGRESS"):
            done += 1
            console.say(f"    {done:>4}  {event.status:<16} {event.logical_id} {event.reason}".rstrip())

    try:
        return stack_state.follow(formation, made.stack, mark, tell)
    except KeyboardInterrupt:
        console.warn("CloudFormation goes on without you; run the command again to see what came of it")
        raise


def _finish(request: Request, formation: Any, history: History, change: str, console: Console) -> None:
    """What follows once the stack is there; each step does nothing when it is done already."""
    account, name, release = request.account, request.stage.stack, request.release
    last = history.deployments(1)
    if change != "unchanged" or not last or last[0].release != release.id:
        history.add(release, change)
    with console.step("protection") as outcome:
        kept = protection.precious_resources(stack_state.template_text(formation, name))
        outcome.append(_protect(request, formation, kept))
    outputs = stack_state.outputs(formation, name)
    if guard := outputs.get("StorageGuardFunctionName"):  # releases before it have none
        with console.step("storage guard") as outcome:
            corrected = invoke(account, guard, {"task": "guard-storage"})["corrected"]
            outcome.append(
                f"put right: {', '.join(corrected)}" if corrected else "bucket policies are as they have to be"
            )
    administrator(request.account, outputs["BootstrapFunctionName"], request.reveal, console)
    url = health.api_url(account, outputs)
    with console.step("health") as outcome:
        outcome.append(health.await_ready(url))
    console.say(f"  {url}")


def _protect(request: Request, formation: Any, protected: Collection[str]) -> str:
    """Protect the stack. LocalStack answers InternalFailure to what it lacks, and it lacks stack policies."""
    try:
        protection.protect(formation, request.stage.stack, protected)
    except ClientError as error:
        if request.account.foreign_endpoint is None or error.response["Error"]["Code"] != "InternalFailure":
            raise
        return "this endpoint knows of none"
    return f"the stack cannot be deleted, nor {len(protected)} resources with data replaced"


def administrator(
    account: Account, function: str, reveal: Callable[[str, str], None] | None, console: Console
) -> None:
    """Create the first administrator, unless there is one, and show the secret, which nothing keeps."""
    if reveal is None:
        console.say("  first admin  not looked at: `make administrator` at a terminal creates and shows it, once")
        return
    with console.step("first admin") as outcome:
        answer = invoke(account, function, {"action": "create-first-administrator"})
        outcome.append(f"{'created' if answer['created'] else 'exists'}: {answer['client_id']}")
    if answer["created"]:
        reveal(answer["client_id"], answer["client_secret"])
