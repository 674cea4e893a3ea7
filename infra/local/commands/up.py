"""Brings a local stack to the state that the working tree describes, whatever state it is in.

Every step looks before it acts, so a second run changes nothing, and a run after a crash does the rest.

What is lost when the emulator is killed rather than stopped: it writes its buckets' objects at once, and all else
(accounts, upload records, queued events, functions) only when it is stopped cleanly, which `up` does after every
change to the stack. After a kill it has the objects as they are and the rest as it was at the last clean stop.
So documents stay, with their attr.json in the bucket and their row in the index, which PostgreSQL kept; accounts
made since are gone, and uploads whose event was in the queue have to be sent again. Only when what a kill left
cannot be deployed to any more, `up` starts over: buckets and index are emptied, the credentials stay the same.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
import requests

from infra import deploy
from infra.build import Manifest, build
from infra.console import Console
from infra.errors import CommandError
from infra.local import address, emulators, postgres, state
from infra.local.emulators import Database, Emulator, Running
from infra.local.postgres import home as postgres_home
from infra.local.settings import REPOSITORY, Settings
from infra.local.state import PREFIX, Decisions, LocalDirectory, StackFile
from infra.migrate import upgrade
from infra.rewording import reword

FUNCTIONS = (
    "auth",
    "auth-bootstrap",
    "auth-scheduled",
    "upload",
    "documents",
    "query",
    "storage-events",
    "storage-webhook",
    "maintenance",
    "maintenance-worker",
    "storage-guard",
)
USERS_OF_THE_DATABASE = ("upload", "documents", "query", "storage-events", "maintenance-worker")
_READY_SECONDS = 30
TEMPLATE = REPOSITORY / "infra" / "template.yaml"


# What S3 sends to a queue when a notification is set up: it says nothing of any object.
_S3_TEST_EVENT = {
    "Records": [
        {
            "messageId": "check",
            "receiptHandle": "check",
            "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": "1"},
            "body": '{"Service": "Amazon S3", "Event": "s3:TestEvent"}',
        }
    ]
}


@dataclass(frozen=True)
class Parts:
    """What a deployment is made from, started or built already."""

    running: Running
    database: Database
    manifest: Manifest


def up(settings: Settings, console: Console, *, to_stay: bool = True) -> StackFile:
    """Start what does not run, deploy what differs, and write stack.json.

    `to_stay` is False for a caller that stops it again, unless somebody else has asked for it meanwhile.
    Raises CommandError with a text for the person at the terminal.
    """
    directory = LocalDirectory(settings.directory)
    waiting = functools.partial(console.say, "  another command is at work on this stack; waiting for it")
    with state.exclusive(directory.lock, waiting):
        emulator = emulators.emulator_of(directory, settings)
        decisions = _decide(directory, settings)
        parts = _start_parts(directory, settings, emulator, console)
        _migrate(settings, parts.database, console, empty=parts.running.forgot)
        try:
            stack = _deploy(settings, decisions, emulator, parts, console)
        except CommandError as error:
            if not parts.running.doubtful:
                raise
            console.warn(f"{error}\n  ! an unfinished start or a crash left this: starting over, empty")
            parts = _start_over(directory, settings, emulator, parts, console)
            stack = _deploy(settings, decisions, emulator, parts, console)
        emulator.trust()
        if state.write_stack(directory, stack):
            console.say(f"  wrote {directory.stack}")
        if to_stay:
            directory.asked_for.touch()
    return stack


class StackDoesNotAnswer(CommandError):
    """The stack is deployed, but its API does not do the least it should."""


class CredentialsRefused(StackDoesNotAnswer):
    """The API answers, but does not know the first administrator, or another secret of his."""


def _decide(directory: LocalDirectory, settings: Settings) -> Decisions:
    """Make and write down, before anything starts, the choices that a repeated run has to find again."""
    before = state.read_decisions(directory)
    home = postgres_home.home_of(directory.root)
    if before.postgres_home is None:
        # What lies there belongs to a stack whose directory was deleted by hand.
        postgres.remove(home)
    after = dataclasses.replace(
        before,
        emulator=emulators.choose(directory, settings),
        postgres_home=str(home.path),
        client_id=before.client_id or settings.admin_client_id or f"admin-{secrets.token_hex(4)}",
        client_secret=before.client_secret or settings.admin_client_secret or secrets.token_urlsafe(32),
    )
    if after != before:
        state.write_decisions(directory, after)
    return after


def _start_parts(directory: LocalDirectory, settings: Settings, emulator: Emulator, console: Console) -> Parts:
    """Start the database and the emulator and build the functions, side by side as far as they do not depend."""
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        manifest = pool.submit(_build, emulator.build_target, console)
        started = pool.submit(_start_emulator, emulator, console)
        if emulator.may_bring_database:
            concurrent.futures.wait([started])
        database = pool.submit(_start_database, directory, settings, emulator, console)
        return Parts(started.result(), database.result(), manifest.result())


def _start_over(
    directory: LocalDirectory, settings: Settings, emulator: Emulator, parts: Parts, console: Console
) -> Parts:
    """Empty the emulator, and the index with it: its documents are gone."""
    emulator.forget()
    database = _start_database(directory, settings, emulator, console)
    _migrate(settings, database, console, empty=True)
    return dataclasses.replace(parts, running=_start_emulator(emulator, console), database=database)


def _start_emulator(emulator: Emulator, console: Console) -> Running:
    with console.step(emulator.name) as outcome:
        running = emulator.start()
        outcome.append(running.said)
    if running.warning is not None:
        console.warn(running.warning)
    return running


def _start_database(
    directory: LocalDirectory, settings: Settings, emulator: Emulator, console: Console
) -> Database:
    """The database that is given, the one that the emulator brings, or the embedded one."""
    with console.step("PostgreSQL") as outcome:
        if settings.database_url is not None:
            url = settings.database_url
            with psycopg.connect(url, connect_timeout=5) as connection:
                outcome.append(f"yours, at {connection.info.host}:{connection.info.port}")
        elif (brought := emulator.database()) is not None:
            outcome.append(f"in its container, on {urlsplit(brought.url).port}")
            return brought
        else:
            server = postgres.start(postgres_home.home_of(directory.root), settings.database_port)
            outcome.append(f"{'started' if server.started else 'runs'} on 127.0.0.1:{server.port}")
            url = server.url
    return Database(url, settings.function_database_url or url)


def _migrate(settings: Settings, database: Database, console: Console, *, empty: bool) -> None:
    """Bring the index's schema up to date; with `empty`, delete what it lists, if it is the stack's own."""
    with console.step("migrations") as outcome:
        upgrade(database.url)
        outcome.append("index schema is current")
        reworded = reword(database.url)
        if reworded:
            outcome.append(f"{reworded} documents indexed anew")
        if empty and settings.database_url is None:
            with psycopg.connect(database.url) as connection:
                connection.execute("TRUNCATE documents")
    if empty and settings.database_url is not None:
        console.warn("the index in your database may still list documents that are gone")


def _build(target: str, console: Console) -> Manifest:
    with console.step("build") as outcome, state.exclusive(REPOSITORY / ".build" / "build.lock"):
        manifest = build(target, report=lambda line: console.say(f"    {line}"))
        total = sum(artifact.zip_bytes for artifact in manifest.artifacts.values())
        outcome.append(f"{len(manifest.artifacts)} zips for Python {manifest.python}, {total / 1e6:.1f} MB")
        return manifest


def _deploy(
    settings: Settings, decisions: Decisions, emulator: Emulator, parts: Parts, console: Console
) -> StackFile:
    """Deploy to the emulator and see that the API answers."""
    account = emulator.account(parts.running)
    with console.step("artifacts") as outcome:
        bucket = deploy.artifacts_bucket(account, PREFIX)
        zips = {artifact.key: artifact.path for artifact in parts.manifest.artifacts.values()}
        outcome.append(f"{deploy.upload_artifacts(account, bucket, zips)} of {len(zips)} uploaded")
        secret_arn, changed = deploy.put_secret(account, f"{PREFIX}/database", parts.database.url_in_functions)
    with console.step("stack") as outcome:
        parameters = {
            "Prefix": PREFIX,
            "ArtifactsBucket": bucket,
            "DatabaseSecretArn": secret_arn,
            **emulator.parameters(parts.running),
            **parts.manifest.template_parameters(),
            **settings.parameters,
        }
        deployed = address.deploy_stack(
            account, PREFIX, TEMPLATE, bucket, parameters, parts.running.url, console.warn
        )
        outcome.append(f"{deployed.change} from {TEMPLATE.name}")
    outputs = deployed.outputs
    emulator.complete(account, outputs, TEMPLATE)
    prepare = functools.partial(_prepare, account, outputs["BootstrapFunctionName"], decisions)
    if deployed.change == "created":
        with console.step("first admin") as outcome:
            outcome.append(prepare())
    if changed:
        # Functions that run have read the database's address already.
        emulator.restart_functions(account, tuple(f"{PREFIX}-{name}" for name in USERS_OF_THE_DATABASE))
    if changed or deployed.change != "unchanged":
        with console.step("checkpoint") as outcome:
            deploy.await_idle_queue(account, outputs["EventsQueueUrl"])
            outcome.append(emulator.save() or "none: the emulator keeps nothing when it ends")
    stack = StackFile(
        emulator=str(decisions.emulator),
        api_url=address.api_url(parts.running.url, outputs),
        s3_endpoint=parts.running.url,
        aws_endpoint=parts.running.url,
        region=account.region,
        client_id=str(decisions.client_id),
        client_secret=str(decisions.client_secret),
        database_url=parts.database.url,
        aws_access_key_id=str(account.access_key_id),
        aws_secret_access_key=str(account.secret_access_key),
        prefix=PREFIX,
        edit_bucket=outputs["EditBucket"],
        rw_bucket=outputs["RwBucket"],
        events_queue_url=outputs["EventsQueueUrl"],
        dead_letter_queue_url=outputs["DeadLetterQueueUrl"],
        functions={name: f"{PREFIX}-{name}" for name in FUNCTIONS},
    )
    try:
        with console.step("check") as outcome:
            outcome.append(_check(stack, account))
    except CredentialsRefused:
        # A start was killed between the stack and its first administrator.
        with console.step("first admin") as outcome:
            outcome.append(prepare())
        with console.step("check") as outcome:
            outcome.append(_check(stack, account))
    return stack


def _prepare(account: deploy.Account, function: str, decisions: Decisions) -> str:
    """Create the first administrator with the credentials decided on, unless there is one, and the signing key.

    The key is there already where CloudFormation has custom resources. Raises CommandError when there is another
    administrator, whose secret nobody wrote down here.
    """
    deploy.invoke(account, function, {"action": "ensure-signing-key"})
    answer = deploy.invoke(
        account,
        function,
        {
            "action": "create-first-administrator",
            "client_id": decisions.client_id,
            "client_secret": decisions.client_secret,
        },
    )
    if answer["client_id"] != decisions.client_id:
        raise CommandError(
            f"The first administrator of this stack is {answer['client_id']}, whose secret is not known here.\n"
            "`make clean` starts over; or give ARTSTORE_ADMIN_CLIENT_ID and ARTSTORE_ADMIN_CLIENT_SECRET."
        )
    return f"{'created' if answer['created'] else 'exists'}: {decisions.client_id}"


def _check(stack: StackFile, account: deploy.Account) -> str:
    """Ask every function for the least it does, which also starts those a first caller would wait for.

    Raises CredentialsRefused or StackDoesNotAnswer.
    """

    def token() -> requests.Response:
        return requests.post(
            f"{stack.api_url}/api/v1/auth/token",
            data={"grant_type": "client_credentials"},
            auth=(stack.client_id, stack.client_secret),
            timeout=60,
        )

    def ready() -> requests.Response:
        # It waits for two seconds only, and on a busy machine functions and database may just be starting.
        give_up_at = time.monotonic() + _READY_SECONDS
        while True:
            answer = requests.get(f"{stack.api_url}/health/ready", timeout=60)
            if answer.ok or time.monotonic() > give_up_at:
                return answer
            time.sleep(0.5)

    def upload() -> requests.Response:
        return requests.post(f"{stack.api_url}/api/v1/files", json={}, timeout=60)

    questions = (
        ("token", token, requests.codes.ok),
        ("readiness", ready, requests.codes.ok),
        ("an upload without a token", upload, requests.codes.unauthorized),
    )
    with concurrent.futures.ThreadPoolExecutor(len(questions) + 1) as pool:
        probe = pool.submit(deploy.invoke, account, stack.functions["storage-events"], _S3_TEST_EVENT)
        asked = [(what, expected, pool.submit(ask)) for what, ask, expected in questions]
        for what, expected, future in asked:
            try:
                answer = future.result()
            except requests.RequestException as error:
                raise StackDoesNotAnswer(f"{what}: {error}") from error
            if what == "token" and answer.status_code == requests.codes.unauthorized:
                raise CredentialsRefused(f"{stack.client_id} gets no token: {answer.text[:1000]}")
            if answer.status_code != expected:
                # A token's answer may hold a token; that of a failure holds the reason only.
                raise StackDoesNotAnswer(f"{what}: HTTP {answer.status_code} {answer.text[:1000]}")
        if probe.result()["batchItemFailures"]:
            raise StackDoesNotAnswer("storage-events does not take S3's test event")
    return "every function answers, every dependency is ready"
