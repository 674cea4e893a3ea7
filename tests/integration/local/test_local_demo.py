"""The demonstration stops the stack that it started, and no other."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from infra.console import Console
from infra.local.commands import demo
from infra.local.settings import Settings
from infra.local.state import LocalDirectory

STOPPED, RUNS_ON = "MiniStack", "somebody else asked for it meanwhile: it runs on"


def shown_by_demo(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the demonstration prints at its end; nothing is really started."""
    settings.directory.mkdir(exist_ok=True)
    monkeypatch.setattr(demo, "up", Mock())
    demo.demo(settings, Console())
    return capsys.readouterr().out.partition("The stack stops")[2]


def test_it_stops_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "_Walk", Mock())
    LocalDirectory(tmp_path).asked_for.touch()
    assert STOPPED in shown_by_demo(Settings(tmp_path), monkeypatch, capsys)


def test_it_leaves_a_stack_that_somebody_asked_for_while_it_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def go() -> None:
        LocalDirectory(tmp_path).asked_for.touch()

    monkeypatch.setattr(demo, "_Walk", Mock(return_value=Mock(go=go)))
    shown = shown_by_demo(Settings(tmp_path), monkeypatch, capsys)
    assert RUNS_ON in shown
    assert STOPPED not in shown
