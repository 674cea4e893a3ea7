"""The command line of a deployment: whom it asks, what it prints where, and its exit status."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infra.deploy import __main__ as command
from infra.deploy.deployment import Outcome, Request
from infra.deploy.errors import DeploymentFailed
from infra.deploy.release.package import Package
from tests.fakes.cloudformation import AccountFake
from tests.unit.deployment.test_deploy_package import RELEASE

STAGE = """
region = "eu-central-1"
prefix = "artstore"
[database]
secret = "artstore/database"
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "test.toml"
    path.write_text(STAGE)
    monkeypatch.setattr(command, "make_package", lambda *_: Package(tmp_path, RELEASE))
    monkeypatch.setattr(command, "Account", lambda _: AccountFake())
    return str(path)


def _at_terminal(monkeypatch: pytest.MonkeyPatch, answer: str | None) -> None:
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: answer is not None, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)


def _ask(request: Request, _: object) -> Outcome:
    return Outcome.DEPLOYED if request.approve() else Outcome.DECLINED


@pytest.mark.parametrize(
    ("answer", "options", "status"),
    [
        ("yes", [], 0),
        (" yes ", [], 0),
        ("y", [], 2),
        ("", [], 2),
        (None, [], 2),
        (None, ["--yes"], 0),
    ],
)
def test_only_yes_executes(
    stage: str, monkeypatch: pytest.MonkeyPatch, answer: str | None, options: list[str], status: int
) -> None:
    _at_terminal(monkeypatch, answer)
    monkeypatch.setattr(command, "deploy", _ask)
    assert command.main(["deploy", stage, *options]) == status


def test_the_administrators_secret_is_shown_at_a_terminal_alone(
    stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reveal(request: Request, _: object) -> Outcome:
        if request.reveal is not None:
            request.reveal("sa_1", "s3cr3t")
        return Outcome.DEPLOYED

    monkeypatch.setattr(command, "deploy", reveal)
    _at_terminal(monkeypatch, None)
    command.main(["deploy", stage, "--yes"])
    assert "s3cr3t" not in capsys.readouterr().out
    assert command.main(["administrator", stage]) == 1
    _at_terminal(monkeypatch, "yes")
    command.main(["deploy", stage])
    assert "s3cr3t" in capsys.readouterr().out


@pytest.mark.parametrize(("error", "status"), [(DeploymentFailed("it is taken"), 1), (KeyboardInterrupt(), 130)])
def test_a_failure_is_told_without_a_traceback(
    stage: str, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int
) -> None:
    def fail(*_: object) -> Outcome:
        raise error

    monkeypatch.setattr(command, "deploy", fail)
    assert command.main(["deploy", stage, "--yes"]) == status


def test_a_stage_that_cannot_be_used_stops_before_anything(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["deploy", "no-such-stage", "--yes"]) == 1
    assert "There is no stage" in capsys.readouterr().err


def test_a_dry_run_of_an_earlier_release_is_refused(stage: str) -> None:
    with pytest.raises(SystemExit):
        command.main(["deploy", stage, "--dry-run", "--release", "0a1b2c"])
