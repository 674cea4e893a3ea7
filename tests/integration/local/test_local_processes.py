"""Files, locks and processes of a local stack, on a real system."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.errors import CommandError
from infra.local import processes, state, strays
from infra.local.state import Decisions, LocalDirectory, StackFile


@pytest.fixture
def directory(tmp_path: Path) -> LocalDirectory:
    return LocalDirectory(tmp_path / "stack")


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits, with a mark in its environment, in a directory of its own."""
    program = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    process = subprocess.Popen(program, env={"MARK": str(tmp_path)}, cwd=tmp_path, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def _stack() -> StackFile:
    texts = {item.name: item.name for item in dataclasses.fields(StackFile) if item.name != "functions"}
    return StackFile(**texts, functions={"auth": "artstore-auth"})


def test_secrets_are_written_for_their_owner_alone(directory: LocalDirectory) -> None:
    assert state.write_stack(directory, _stack())
    assert stat.S_IMODE(directory.stack.stat().st_mode) == 0o600
    assert list(directory.root.iterdir()) == [directory.stack]


def test_what_is_written_is_read(directory: LocalDirectory) -> None:
    state.write_stack(directory, _stack())
    assert state.read_stack(directory) == _stack()
    decisions = Decisions(client_id="admin", client_secret="s")
    state.write_decisions(directory, decisions)
    assert state.read_decisions(directory) == decisions


def test_writing_the_same_again_changes_nothing(directory: LocalDirectory) -> None:
    state.write_stack(directory, _stack())
    before = directory.stack.stat()
    assert not state.write_stack(directory, _stack())
    assert directory.stack.stat().st_mtime_ns == before.st_mtime_ns


def test_files_of_another_version_are_not_misread(directory: LocalDirectory) -> None:
    state.write_json(directory.stack, {"api_url": "http://127.0.0.1:1"})
    state.write_json(directory.decisions, {"client_id": "admin", "unheard_of": 1})
    assert state.read_stack(directory) is None
    assert state.read_decisions(directory) == Decisions(client_id="admin")


def test_a_damaged_file_counts_as_none(directory: LocalDirectory) -> None:
    directory.root.mkdir()
    directory.stack.write_text('{"api_url": "http', "ascii")
    assert state.read_stack(directory) is None


def _hold(lock: Path, seconds: float, held: multiprocessing.synchronize.Event) -> None:
    with state.exclusive(lock):
        held.set()
        processes.wait_until(lambda: False, seconds)


def test_a_lock_keeps_the_second_waiting_and_dies_with_its_holder(directory: LocalDirectory) -> None:
    context = multiprocessing.get_context("fork")
    held = context.Event()
    holder = context.Process(target=_hold, args=(directory.lock, 60, held))
    holder.start()
    assert held.wait(10)
    told: list[str] = []
    with (
        pytest.raises(CommandError, match="too long"),
        state.exclusive(directory.lock, lambda: told.append("waiting"), timeout_seconds=0.3),
    ):
        pass
    assert told == ["waiting"]
    holder.kill()
    holder.join()
    with state.exclusive(directory.lock, timeout_seconds=5):
        pass


def test_a_recorded_process_is_recognised(tmp_path: Path, child: subprocess.Popen[bytes]) -> None:
    record = processes.record(tmp_path / "pid", child.pid)
    assert processes.recorded(tmp_path / "pid") == record
    assert processes.is_running(record)


def test_a_recycled_process_id_is_left_alone(child: subprocess.Popen[bytes]) -> None:
    earlier = processes.ProcessRecord(child.pid, "another boot:1")
    assert not processes.is_running(earlier)
    assert processes.stop(earlier, grace_seconds=0)
    assert child.poll() is None


def test_a_process_that_ended_is_not_recorded(tmp_path: Path, child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    with pytest.raises(ProcessLookupError):
        processes.record(tmp_path / "pid", child.pid)


def test_a_zombie_counts_as_ended(tmp_path: Path, child: subprocess.Popen[bytes]) -> None:
    record = processes.record(tmp_path / "pid", child.pid)
    os.kill(child.pid, signal.SIGKILL)
    assert processes.wait_until(lambda: not processes.is_running(record), 10)


def test_a_process_is_asked_to_end_before_it_is_made_to(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        record = processes.record(tmp_path / "pid", process.pid)
        assert not processes.stop(record, grace_seconds=0.2)
        assert process.wait() == -signal.SIGKILL


@pytest.mark.skipif(not processes.PROC.is_dir(), reason="this system shows no environments")
def test_strays_are_found_by_their_mark_and_by_their_place(tmp_path: Path, child: subprocess.Popen[bytes]) -> None:
    assert [found.pid for found in processes.with_environment(f"MARK={tmp_path}")] == [child.pid]
    assert processes.with_environment(f"MARK={tmp_path}x") == []
    assert [found.pid for found in processes.working_below(tmp_path)] == [child.pid]


def test_what_runs_out_of_a_directory_is_ended_and_nothing_else(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    elsewhere, inside = tmp_path / "elsewhere", tmp_path / "inside"
    for directory in (elsewhere, inside):
        directory.mkdir()
        (directory / "program").symlink_to("/bin/sleep")
    by_command = subprocess.Popen([inside / "program", "60"], cwd="/")
    other = subprocess.Popen([elsewhere / "program", "60"], cwd="/")
    try:
        assert strays.end_all(inside) == [by_command.pid]
        assert strays.end_all(inside) == []
        assert other.poll() is None
        assert child.poll() is None
        assert sorted(strays.end_all(tmp_path)) == sorted([child.pid, other.pid])
    finally:
        for process in (by_command, other):
            process.kill()
            process.wait()


def test_a_taken_port_is_not_chosen() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken = server.getsockname()[1]
        assert not processes.is_free(taken)
        assert processes.choose_port(None, taken) != taken
        with pytest.raises(CommandError, match=str(taken)):
            processes.choose_port(taken, None)


def test_the_remembered_port_is_kept() -> None:
    port = processes.free_port()
    assert processes.choose_port(None, port) == port
