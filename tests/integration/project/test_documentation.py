"""Every command that a page shows is run as it stands there, on a stack of its own.

What cannot be run here is in `NOT_RUN` with the reason; a new block is run unless it is put there. The stack is
started by the README's own commands. Blocks find what their page takes for granted in the environment: `API`,
`TOKEN`, `ISSUER`, `ID` (a temporary document), the names of the buckets, and what `make env` prints.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infra.local.commands import shell
from infra.local.settings import REPOSITORY
from infra.local.state import StackFile
from tests.support.documentation import Block, shell_blocks
from tests.support.terminal import paste

NOT_RUN = {
    ("README.md", "make deploy STAGE=production DRY_RUN=1"): "wants an account; rehearsed in test_dry_run.py",
    ("CONTRIBUTING.md", ".venv/bin/python -m infra.openapi --write"): "writes into the tree that is tested",
    ("docs/benchmarks.md", "make bench NAME=coldstart"): "takes minutes",
    ("docs/deploying.md", "PREFIX=artstore; STAGE=v1"): "wants an account",
    ("docs/deploying.md", "aws secretsmanager create-secret"): "the stack has a secret of that name already",
    ("docs/deploying.md", "aws ssm start-session"): "wants a database in an account",
    ("docs/exit.md", "python3 -m venv venv"): "wants buckets of an account; tried in integration/rescue",
    ("docs/exit.md", "jq -r 'select(.outcome"): "reads what the block above wrote",
    ("docs/exit.md", "jq -r 'select(.file_id"): "reads what an earlier step wrote",
    ("docs/exit.md", "aws s3 sync"): "wants a bag; tried in e2e/maintenance/test_export.py",
    ("docs/exit.md", "venv/bin/python -m infra.rescue verify"): "wants buckets of an account",
    ("docs/exit.md", 'ARTSTORE_DATABASE_URL="postgresql://'): "wants an empty database; tried in test_disaster.py",
    ("docs/localstack.md", "make up STACK=localstack"): "wants LocalStack: .ci/localstack",
    ("docs/seaweedfs.md", "make test-seaweedfs"): "installs a server: .ci/nightly",
}
"""Pages, how the block on them begins, and why it is not run."""
FIRST = ("docs/monitoring.md", "aws lambda invoke --function-name artstore-auth-scheduled")
"""The block that exports the audit log, which another one verifies."""
LAST = (
    ("docs/service-accounts.md", "aws lambda invoke --function-name artstore-auth-bootstrap"),
    ("docs/deploying.md", "aws cloudformation update-termination-protection"),
)
"""Blocks after which the stack is not what it was, in their order."""
MAY_BE_REFUSED = {"docs/keys.md": "rotation_too_soon", "docs/maintenance.md": "job_not_found"}
"""Problems that depend on the clock, or on there being something to do."""

WALK = next(block for block in shell_blocks() if block.page == "README.md" and block.text.startswith("make up\n"))
DEMO = next(block for block in shell_blocks() if block.page == "README.md" and block.text == "make demo\n")
SHELLS = {
    "bash": ["bash", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "sh": ["sh", "-i"],
}


def _is(block: Block, named: tuple[str, str]) -> bool:
    page, beginning = named
    return block.page == page and block.text.startswith(beginning)


def runnable() -> list[Block]:
    """The blocks to run; the one that others need comes first, those that break something last."""
    chosen = [
        block
        for block in shell_blocks()
        if block not in (WALK, DEMO) and not any(_is(block, named) for named in NOT_RUN)
    ]
    order = {FIRST: -1} | {named: number for number, named in enumerate(LAST, 1)}
    return sorted(chosen, key=lambda block: sum(place for named, place in order.items() if _is(block, named)))


@dataclasses.dataclass
class Checkout:
    """A tree like the repository's, with a stack of its own in `.local`."""

    root: Path
    environment: dict[str, str]

    def run(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a script as bash does, ending at the first command that fails."""
        return subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", script],
            cwd=self.root,
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )

    @property
    def stack(self) -> StackFile:
        return StackFile(**json.loads((self.root / ".local" / "stack.json").read_text("utf-8")))


def _checkout(root: Path) -> Checkout:
    """Lead every name of the repository's tree to it, but what a stack or a shell writes."""
    for path in REPOSITORY.iterdir():
        if path.name not in (".git", ".local"):
            (root / path.name).symlink_to(path)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ARGS", "ARTSTORE_", "AWS_", "MAKE", "PYTEST", "PYTHON"))
    }
    return Checkout(root, {**kept, "ARTSTORE_LOCAL_DIR": str(root / ".local"), "TERM": "xterm"})


@pytest.fixture(scope="module")
def checkout() -> Iterator[Checkout]:
    """A fresh checkout, whose stack is removed at the end."""
    root = Path(tempfile.mkdtemp(prefix="artstore-docs-"))
    made = _checkout(root)
    try:
        yield made
    finally:
        removed = made.run("make clean")
        shutil.rmtree(root, ignore_errors=True)
    assert removed.returncode == 0, removed.stdout


@pytest.fixture(scope="module")
def demonstrated(checkout: Checkout) -> str:
    """What the README's first command shows."""
    done = checkout.run(DEMO.text)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def running(checkout: Checkout, demonstrated: str) -> Checkout:
    """The checkout with its stack up, as after the first line of the walkthrough."""
    done = checkout.run("make up")
    assert done.returncode == 0, done.stdout
    return checkout


@pytest.fixture(scope="module")
def context(running: Checkout) -> dict[str, str]:
    """What the blocks take for granted."""
    stack = running.stack
    answer = requests.post(
        f"{stack.api_url}/api/v1/auth/token",
        data={"grant_type": "client_credentials"},
        auth=(stack.client_id, stack.client_secret),
        timeout=60,
    )
    return {
        "API": stack.api_url,
        "ISSUER": stack.api_url,
        "TOKEN": answer.json()["access_token"],
        "JOB_ID": str(uuid.uuid4()),
        "ID": _temporary(stack.api_url, answer.json()["access_token"]),
        "EDIT_BUCKET": stack.edit_bucket,
        "RW_BUCKET": stack.rw_bucket,
        **shell.variables(stack),
    }


def _temporary(api: str, token: str) -> str:
    """Store a document that may be changed and finalized; give its file_id."""
    content = b"a document that pages may name"
    headers = {"Authorization": f"Bearer {token}"}
    announced = {
        "filename": "named.txt",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "retention_policy": "temporary",
    }
    started = requests.post(f"{api}/api/v1/files", json=announced, headers=headers, timeout=60).json()
    permitted = started["upload"]
    sent = requests.put(permitted["url"], data=content, headers=permitted["headers"], timeout=60)
    assert sent.status_code == 200, sent.text
    path = f"{api}/api/v1/files/{started['file_id']}/upload/complete"
    completed = requests.post(path, headers=headers, timeout=60)
    assert completed.status_code == 200, completed.text
    return str(started["file_id"])


def test_the_demonstration_leaves_nothing_running(checkout: Checkout, demonstrated: str) -> None:
    assert "Everything held" in demonstrated
    shown = checkout.run("make status").stdout
    assert re.search(r"^  MiniStack +does not run$", shown, re.MULTILINE), shown
    assert re.search(r"^  PostgreSQL +does not run$", shown, re.MULTILINE), shown


@pytest.mark.parametrize("name", SHELLS)
def test_the_walkthrough_can_be_pasted_in_one_piece(running: Checkout, tmp_path: Path, name: str) -> None:
    """The stack stays up meanwhile: starting and stopping it are tried by the fixtures."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not here")
    make = tmp_path / "make"
    make.write_text(
        f'#!/bin/sh\ncase "$*" in up | down) exit;; esac\nexec {shutil.which("make")} "$@"\n', encoding="utf-8"
    )
    make.chmod(0o755)
    made = tmp_path / "made"
    made.mkdir()
    before = set(running.root.iterdir())
    environment = running.environment | {
        "PATH": f"{tmp_path}{os.pathsep}{running.environment['PATH']}",
        "TMPDIR": str(made),
    }
    shown = paste(SHELLS[name], WALK.text.rstrip("\n"), running.root, environment, 120)
    lines = [line.strip() for line in shown.splitlines()]
    for expected in ("SENT", "STORED", "minutes.txt", "SAME", '"format": "text",', '"code": "invalid_body",'):
        assert any(line.endswith(expected) and "echo" not in line for line in lines), (expected, shown)
    assert "rror:" not in shown
    assert "not found" not in shown
    assert set(running.root.iterdir()) == before
    assert not list(made.iterdir())


def test_the_demonstration_leaves_a_stack_running_that_ran_before(running: Checkout) -> None:
    before = running.stack
    done = running.run(DEMO.text)
    assert done.returncode == 0, done.stdout
    assert "stack        unchanged from template.yaml" in done.stdout
    assert running.stack == before
    assert "API         ready" in running.run("make status").stdout


def _aws_shim(directory: Path) -> None:
    """The pages use version 2 of the `aws` command. Version 1, if that is here, is told what it lacks of it."""
    aws = shutil.which("aws")
    if aws is None:
        pytest.skip("there is no aws command here")
    version = subprocess.run([aws, "--version"], capture_output=True, text=True, check=True).stdout
    if version.startswith("aws-cli/1."):
        program = directory / "aws"
        program.write_text(
            "#!/bin/bash\n"
            "arguments=(); for each; do\n"
            '  case $each in --cli-binary-format | raw-in-base64-out) ;; *) arguments+=("$each");; esac\n'
            "done\n"
            f'exec {aws} --endpoint-url "$AWS_ENDPOINT_URL" "${{arguments[@]}}"\n',
            encoding="utf-8",
        )
        program.chmod(0o755)


@pytest.mark.parametrize("block", runnable(), ids=lambda block: f"{block.page}:{block.line}")
def test_a_command_that_a_page_shows_does_what_it_says(
    running: Checkout, context: dict[str, str], tmp_path: Path, block: Block
) -> None:
    if "aws " in block.text:
        _aws_shim(tmp_path)
    (tmp_path / ".curlrc").write_text("fail-with-body\n", encoding="ascii")
    path = os.pathsep.join([str(tmp_path), running.environment["PATH"]])
    done = running.run(block.text, **context | {"PATH": path, "CURL_HOME": str(tmp_path)})
    refusal = MAY_BE_REFUSED.get(block.page)
    assert done.returncode == 0 or (refusal is not None and f'"code":"{refusal}"' in done.stdout), done.stdout


@pytest.mark.parametrize("named", [*NOT_RUN, FIRST, *LAST], ids=" ".join)
def test_what_is_set_apart_is_on_a_page(named: tuple[str, str]) -> None:
    assert [block for block in shell_blocks() if _is(block, named)]
