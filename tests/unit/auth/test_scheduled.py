"""A task that came to its end is counted under its name; one that failed is not, and is told to EventBridge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.auth import dependencies, scheduled


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {"PREFIX": "unit", "ISSUER": "x", "SIGNING_KEY_SECRET_ID": "x"}.items():
        monkeypatch.setenv(f"ARTSTORE_{name}", value)
    dependencies.settings.cache_clear()
    yield
    dependencies.settings.cache_clear()


def metric_lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().out.splitlines() if "_aws" in line]


def test_a_finished_task_is_counted_under_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(scheduled.TASKS, "nap", lambda: {"minutes": 20})
    assert scheduled.handler({"task": "nap"}, None) == {"task": "nap", "minutes": 20}
    (line,) = metric_lines(capsys)
    assert (line["TasksFinished"], line["task"], line["deployment"]) == ([1], "nap", "unit")


def test_a_task_that_fails_is_not_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> dict[str, Any]:
        raise RuntimeError("no bed")

    monkeypatch.setitem(scheduled.TASKS, "nap", fail)
    with pytest.raises(RuntimeError, match="no bed"):
        scheduled.handler({"task": "nap"}, None)
    assert metric_lines(capsys) == []
