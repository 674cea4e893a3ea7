"""A stage deployed without an account, by the command that deploys to AWS."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from infra.local import processes
from infra.local.settings import REPOSITORY


def test_a_stage_is_deployed_twice_to_an_emulator_that_leaves_nothing(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ARTSTORE_", "AWS_"))}
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "layers/common/python")])
    done = subprocess.run(
        [sys.executable, "-m", "infra.deploy", "deploy", "production", "--dry-run"],
        cwd=REPOSITORY,
        env={**environment, "PYTHONPATH": path, "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    template = (REPOSITORY / "infra" / "template.yaml").read_bytes()
    assert f"what CloudFormation has is the package's, all {len(template):,} bytes of it" in done.stdout
    assert (REPOSITORY / ".build/package/production/template.yaml").read_bytes() == template
    assert done.stdout.count("dynamodb ok, s3 ok, postgresql ok") == 2
    assert re.search(r"No changes: the stack is what this release makes of it", done.stdout)
    assert "here only: RequireTls is false" in done.stdout
    assert "client_secret" not in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert processes.working_below(tmp_path) == []
