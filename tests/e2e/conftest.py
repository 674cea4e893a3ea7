"""The stack that the end-to-end tests talk to: one that runs already, or one of their own.

ARTSTORE_STACK names the stack.json of a running stack. Without it a whole stack is started in a temporary
directory and removed afterwards, however the tests end; all workers of the run share it
(tests/support/runs/shared.py).
What a test does must not disturb the others: one that changes what is there once for all of them, or counts it, is
marked ``@pytest.mark.alone``.

What an emulator cannot do is marked on the test that needs it: ``@pytest.mark.lacking("localstack", REASON)``.
There the test has to fail, or the mark is out of date; with ``harmful=True`` it is not run, since it would break
the stack for the others. tests/unit/local/test_lacking.py keeps the list in docs/localstack.md equal to the marks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.state import StackFile
from tests.e2e import node_packages
from tests.e2e.archive import Archive
from tests.e2e.operator import Operator
from tests.e2e.service_accounts import ServiceAccounts
from tests.support.runs.shared import NotStarted, Run

MINISTACK = "ministack"


def _read(path: Path) -> StackFile:
    return StackFile(**json.loads(path.read_text("utf-8")))


def _running() -> StackFile | None:
    """The stack that ARTSTORE_STACK names. Ends the run when there is none, or it is on another emulator."""
    named = os.environ.get("ARTSTORE_STACK")
    if not named:
        return None
    if not Path(named).is_file():
        pytest.exit(f"{named} does not exist: `make up` starts a stack", returncode=3)
    found = _read(Path(named))
    wanted = os.environ.get("ARTSTORE_LOCAL_EMULATOR")
    if wanted and wanted != found.emulator:
        pytest.exit(f"The stack of {named} runs on {found.emulator}, not on {wanted}", returncode=3)
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """End a run that cannot begin, before there are workers."""
    _running()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect the failure of what the emulator under test lacks."""
    running = _running()
    emulator = MINISTACK if running is None else running.emulator
    for item in items:
        for mark in item.iter_markers("lacking"):
            name, reason = mark.args
            if name == emulator:
                run = not mark.kwargs.get("harmful", False)
                item.add_marker(
                    pytest.mark.xfail(reason=f"{name}: {reason}", raises=AssertionError, run=run, strict=True)
                )


@pytest.fixture(scope="session")
def stack(run: Run) -> StackFile:
    """The stack under test."""
    running = _running()
    if running is not None:
        return running
    try:
        return StackFile(**run.stack())
    except NotStarted as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def archive(stack: StackFile) -> Archive:
    """The archive, as its first administrator."""
    if stack.api_url.startswith("http://127.0.0.1:"):
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback has no TLS, and oauthlib insists on it
    return Archive(stack.api_url, stack.client_id, stack.client_secret)


@pytest.fixture(scope="session")
def operator(stack: StackFile) -> Operator:
    """The owner of the stack."""
    return Operator(stack)


@pytest.fixture(scope="session")
def delay(operator: Operator) -> int:
    """How long a token that has ended may still pass on this stack, in seconds."""
    return int(operator.setting("query", "ARTSTORE_REVOCATION_DELAY_SECONDS"))


@pytest.fixture(scope="session")
def accounts(archive: Archive) -> Iterator[ServiceAccounts]:
    """Service accounts of the tests' own."""
    made = ServiceAccounts(archive)
    yield made
    made.clear()


@pytest.fixture(scope="session")
def issuer(archive: Archive) -> str:
    """The issuer, as the metadata of the authorization server names it (RFC 8414 §2)."""
    answer = archive.anonymous("GET", "/.well-known/oauth-authorization-server")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["issuer"])


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The packages of tests/e2e/node; without Node its tests are skipped."""
    if reason := node_packages.missing():
        pytest.skip(reason)
    return node_packages.install()


@pytest.fixture
def failures_forgotten(operator: Operator) -> Iterator[None]:
    """Count no failure of these tests against the address that all others come from as well."""
    table = f"{operator.prefix}-attempts"

    def forget() -> None:
        for page in operator.dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                operator.dynamodb.delete_item(TableName=table, Key={"attempt_id": item["attempt_id"]})

    forget()
    yield
    forget()
