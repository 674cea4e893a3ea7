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
from dataclasses import dataclass

import psycopg
import requests

from infra import deploy
from infra.build import Manifest, build
from infra.console import Console
from infra.errors import CommandError
from infra.local import gaps, ministack, postgres, postgres_home, state
from infra.local.settings import REPOSITORY, Settings
from infra.local.state import Decisions, LocalDirectory, StackFile
from infra.migrate import upgrade

PREFIX = "artstore"
FUNCTIONS = ("auth", "auth-bootstrap", "auth-scheduled", "upload", "query", "storage-events")
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

    emulator: ministack.Emulator
    database_url: str
    manifest: Manifest


def up(settings: Settings, console: Console) -> StackFile:
    """Start what does not run, deploy what differs, and write stack.json.

    Raises CommandError with a text for the person at the terminal.
    """
    directory = LocalDirectory(settings.directory)
    waiting = functools.partial(console.say, "  another command is at work on this stack; waiting for it")
    with state.exclusive(directory.lock, waiting):
        decisions = _decide(directory, settings)
        parts = _start_parts(directory, settings, console)
        with console.step("migrations") as outcome:
            upgrade(parts.database_url)
            outcome.append("index schema is current")
        try:
            stack = _deploy(directory, decisions, parts, console)
        except CommandError as error:
            if parts.emulator.fresh or parts.emulator.trusted:
                raise
            console.warn(f"{error}\n  ! an unfinished start or a crash left this: starting over, empty")
            stack = _deploy(directory, decisions, _start_over(directory, settings, parts, console), console)
        ministack.trust(directory)
        if state.write_stack(directory, stack):
            console.say(f"  wrote {directory.stack}")
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
        postgres_home=str(home.path),
        client_id=before.client_id or settings.admin_client_id or f"admin-{secrets.token_hex(4)}",
        client_secret=before.client_secret or settings.admin_client_secret or secrets.token_urlsafe(32),
    )
    if after != before:
        state.write_decisions(directory, after)
    return after


def _start_parts(directory: LocalDirectory, settings: Settings, console: Console) -> Parts:
    """Start the database and the emulator and build the functions, side by side."""
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        database = pool.submit(_start_database, directory, settings, console)
        emulator = pool.submit(_start_emulator, directory, settings, console)
        manifest = pool.submit(_build, console)
        return Parts(emulator.result(), database.result(), manifest.result())


def _start_over(directory: LocalDirectory, settings: Settings, parts: Parts, console: Console) -> Parts:
    """Empty the emulator, and the index with it: its documents are gone."""
    ministack.forget(directory)
    if settings.database_url is None:
        postgres.remove(postgres_home.home_of(directory.root))
    else:
        console.warn("the index in your database still lists the documents that are gone")
    database_url = _start_database(directory, settings, console)
    upgrade(database_url)
    emulator = _start_emulator(directory, settings, console)
    return dataclasses.replace(parts, emulator=emulator, database_url=database_url)


def _start_database(directory: LocalDirectory, settings: Settings, console: Console) -> str:
    with console.step("PostgreSQL") as outcome:
        if settings.database_url is not None:
            with psycopg.connect(settings.database_url, connect_timeout=5) as connection:
                outcome.append(f"yours, at {connection.info.host}:{connection.info.port}")
            return settings.database_url
        server = postgres.start(postgres_home.home_of(directory.root), settings.database_port)
        outcome.append(f"{'started' if server.started else 'runs'} on 127.0.0.1:{server.port}")
        return server.url


def _start_emulator(directory: LocalDirectory, settings: Settings, console: Console) -> ministack.Emulator:
    with console.step("MiniStack") as outcome:
        if ministack.install():
            outcome.append("installed,")
        emulator = ministack.start(directory, settings.port)
        outcome.append(f"{'started' if emulator.started else 'runs'} on {emulator.url}")
    if emulator.crashed:
        console.warn("the emulator was killed: what it knew since its last clean stop is lost, but its objects")
    return emulator


def _build(console: Console) -> Manifest:
    with console.step("build") as outcome, state.exclusive(REPOSITORY / ".build" / "build.lock"):
        manifest = build("local", report=lambda line: console.say(f"    {line}"))
        total = sum(artifact.zip_bytes for artifact in manifest.artifacts.values())
        outcome.append(f"{len(manifest.artifacts)} zips for Python {manifest.python}, {total / 1e6:.1f} MB")
        return manifest


def _deploy(directory: LocalDirectory, decisions: Decisions, parts: Parts, console: Console) -> StackFile:
    """Deploy to the emulator and see that the API answers."""
    emulator = parts.emulator
    account = deploy.Account(ministack.REGION, emulator.url, ministack.ROOT, ministack.ROOT)
    with console.step("artifacts") as outcome:
        bucket = deploy.artifacts_bucket(account, PREFIX)
        zips = {artifact.key: artifact.path for artifact in parts.manifest.artifacts.values()}
        outcome.append(f"{deploy.upload_artifacts(account, bucket, zips)} of {len(zips)} uploaded")
        secret_arn, changed = deploy.put_secret(account, f"{PREFIX}/database", parts.database_url)
    with console.step("stack") as outcome:
        parameters = {
            "Prefix": PREFIX,
            "ArtifactsBucket": bucket,
            "DatabaseSecretArn": secret_arn,
            "RequireTls": "false",
            **parts.manifest.template_parameters(),
        }
        deployed = deploy.deploy_stack(account, PREFIX, TEMPLATE, bucket, parameters, console.warn)
        outcome.append(f"{deployed.change} from {TEMPLATE.name}")
    outputs = deployed.outputs
    gaps.put_default_retention(account, outputs["RwBucket"], TEMPLATE)
    bootstrap = functools.partial(_create_administrator, account, outputs["BootstrapFunctionName"], decisions)
    if deployed.change == "created":
        with console.step("first admin") as outcome:
            outcome.append(bootstrap())
    if changed or deployed.change != "unchanged":
        # Also because running functions have read the database's address already.
        with console.step("checkpoint") as outcome:
            deploy.await_idle_queue(account, outputs["EventsQueueUrl"])
            ministack.checkpoint(directory)
            outcome.append("the emulator's state is on the disk")
    stack = StackFile(
        api_url=f"{emulator.url}/_aws/execute-api/{outputs['ApiId']}/{outputs['StageName']}",
        s3_endpoint=emulator.url,
        aws_endpoint=emulator.url,
        region=ministack.REGION,
        client_id=str(decisions.client_id),
        client_secret=str(decisions.client_secret),
        database_url=parts.database_url,
        aws_access_key_id=ministack.ROOT,
        aws_secret_access_key=ministack.ROOT,
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
            outcome.append(bootstrap())
        with console.step("check") as outcome:
            outcome.append(_check(stack, account))
    return stack


def _create_administrator(account: deploy.Account, function: str, decisions: Decisions) -> str:
    """Create the first administrator with the credentials decided on, unless there is one.

    Raises CommandError when there is another one, whose secret nobody wrote down here.
    """
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
        return requests.get(f"{stack.api_url}/health/ready", timeout=60)

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
