"""One environment points every tool at the stack: `make env` prints it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.settings import REPOSITORY
from infra.local.state import StackFile
from tests.e2e.operator import Operator

LIST_BUCKETS = """
import os
{session}
print(*sorted(bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]))
"""
SESSIONS = {
    "boto3": "import boto3.session; session = boto3.session.Session()",
    "localstack-client": """
import localstack_client.session
session = localstack_client.session.Session(
    aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"]
)
""",
}


@pytest.mark.parametrize("tool", SESSIONS)
def test_a_tool_finds_the_stack_by_what_make_env_prints(
    stack: StackFile, operator: Operator, tmp_path: Path, tool: str
) -> None:
    (tmp_path / "stack.json").write_text(json.dumps(dataclasses.asdict(stack)), encoding="utf-8")
    program = tmp_path / "tool.py"
    program.write_text(LIST_BUCKETS.format(session=SESSIONS[tool]), encoding="utf-8")
    lines = f'eval "$({sys.executable} -m infra.local env)" && cd {tmp_path} && {sys.executable} {program}'
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ARTSTORE_"))}
    done = subprocess.run(
        ["/bin/sh", "-ec", lines],
        cwd=REPOSITORY,
        env={
            **kept,
            "ARTSTORE_LOCAL_DIR": str(tmp_path),
            "AWS_PROFILE": "one that does not exist",
            "AWS_SESSION_TOKEN": "another session's",
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'layers/common/python'}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {operator.edit_bucket, operator.rw_bucket} <= set(done.stdout.split())
