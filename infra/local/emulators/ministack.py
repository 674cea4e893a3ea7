"""MiniStack, the local AWS: its own virtual environment, its process, its state.

It runs in an environment made from nothing, because the functions' workers inherit what it has: no credential,
proxy or setting of the developer's shell may reach them. It listens on the loopback interface alone, checks
signatures and policies (AUTH), and keeps its state: objects at once, everything else when it is stopped
cleanly. A `checkpoint` is such a stop and a start, so that a kill later loses no more than what came after it.
"""

from __future__ import annotations

import enum
import hashlib
import http.client
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from infra.errors import CommandError
from infra.local import processes
from infra.local.settings import REPOSITORY
from infra.local.state import LocalDirectory, exclusive
from infra.pip import pip

REGION = "us-east-1"
# The key and the secret of the account's root user, as MiniStack has them built in.
ROOT = "test"
REQUIREMENTS = Path(__file__).with_name("requirements-ministack.txt")
CORRECTED = Path(__file__).with_name("corrections.py")
"""What starts it, with its faults put right."""
ENVIRONMENT = REPOSITORY / ".build" / "ministack"
LOG_LIMIT_BYTES = 20_000_000


@dataclass(frozen=True)
class Emulator:
    """A running emulator.

    `started` is False when it was running before. `fresh` tells that it began with nothing. `crashed` tells that
    this start found one that had not been stopped cleanly: all but its objects is as it was at the last clean
    stop. `trusted` is False from then on, and before the first checkpoint, until `trust` is called.
    """

    url: str
    port: int
    started: bool
    fresh: bool
    crashed: bool
    trusted: bool


def install() -> bool:
    """Make the emulator's virtual environment unless it is there. Returns whether it was made now.

    Raises PipFailed when the packages cannot be installed.
    """
    stamp = ENVIRONMENT / "installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    with exclusive(ENVIRONMENT.with_suffix(".lock")) as lock:
        if stamp.is_file() and stamp.read_text("ascii") == wanted:
            return False
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        venv.create(ENVIRONMENT, with_pip=True)
        # When this program is killed, pip goes on: the lock is free only after it.
        pip(str(_python()), ["install", "-r", str(REQUIREMENTS)], pass_fds=[lock])
        stamp.write_text(wanted, "ascii")
        return True


def start(directory: LocalDirectory, given_port: int | None = None) -> Emulator:
    """Start the emulator with the state it had; nothing happens when it runs already.

    Raises CommandError when it does not get ready.
    """
    process = processes.recorded(directory.emulator_record)
    remembered = processes.read_port(directory.emulator_port)
    if process is not None and remembered is not None and _answers(directory, process, remembered):
        return Emulator(
            _url(remembered), remembered, started=False, fresh=False, crashed=False, trusted=_is_trusted(directory)
        )
    crashed = process is not None
    if crashed:
        _trust_file(directory).unlink(missing_ok=True)
    _end_strays(directory)
    if not _has_checkpoint(directory):
        # Objects without the stack that held them would only be in the way of the next stack.
        for name in ("state", "s3"):
            shutil.rmtree(directory.emulator / name, ignore_errors=True)
    fresh = not (directory.emulator / "state").is_dir()
    shutil.rmtree(directory.emulator / "tmp", ignore_errors=True)
    for name in ("state", "s3", "tmp", "home"):
        (directory.emulator / name).mkdir(parents=True, exist_ok=True)
    port = processes.choose_port(given_port, remembered)
    _move_state(directory, port)
    process = _spawn(directory, port)
    _wait_until_ready(directory, process, port)
    return Emulator(_url(port), port, started=True, fresh=fresh, crashed=crashed, trusted=_is_trusted(directory))


def trust(directory: LocalDirectory) -> None:
    """Call the emulator's state good, once it has been seen to be."""
    _trust_file(directory).touch()


def is_running(directory: LocalDirectory) -> bool:
    process = processes.recorded(directory.emulator_record)
    return process is not None and processes.is_running(process)


class Stopped(enum.Enum):
    """How a stop went; the values are for the person at the terminal."""

    NOT_RUNNING = "did not run"
    CLEANLY = "stopped, state saved"
    KILLED = "killed, because it did not stop in time: its state is that of the last clean stop"


def stop(directory: LocalDirectory) -> Stopped:
    """Stop the emulator, which writes its state, and every worker it started."""
    process = processes.recorded(directory.emulator_record)
    outcome = Stopped.NOT_RUNNING
    if process is not None and processes.is_running(process):
        outcome = Stopped.CLEANLY if processes.stop(process, grace_seconds=30) else Stopped.KILLED
    _end_strays(directory)
    if outcome is Stopped.CLEANLY:
        directory.emulator_record.unlink(missing_ok=True)
    return outcome


def checkpoint(directory: LocalDirectory) -> Emulator:
    """Write the state of the running emulator, by stopping it and starting it on the same port.

    Raises CommandError when it does not stop.
    """
    port = processes.read_port(directory.emulator_port)
    if (outcome := stop(directory)) is not Stopped.CLEANLY:
        raise CommandError(f"MiniStack at its checkpoint: {outcome.value}")
    (directory.emulator / "checkpoint").touch()
    return start(directory, port)


def forget(directory: LocalDirectory) -> bool:
    """Kill the emulator, whose state is not wanted any more, and delete all it knows, objects included.

    Returns whether it ran.
    """
    process = processes.recorded(directory.emulator_record)
    running = process is not None and processes.is_running(process)
    if process is not None:
        processes.stop(process, grace_seconds=0)
    _end_strays(directory, grace_seconds=0)
    shutil.rmtree(directory.emulator, ignore_errors=True)
    directory.emulator_record.unlink(missing_ok=True)
    return running


def clean_environment(directory: LocalDirectory, port: int) -> dict[str, str]:
    """All that the emulator, and with it every function, finds in its environment."""
    home = directory.emulator
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home / "home"),
        "TMPDIR": str(home / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        "PERSIST_STATE": "1",
        **dict([_marker(directory).split("=", 1)]),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home / "s3"),
        "LAMBDA_EXECUTOR": "local",
        "DOCKER_HOST": f"unix://{home / 'no-docker.sock'}",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def _move_state(directory: LocalDirectory, port: int) -> None:
    """Write down the port, after making the state say it too: queue URLs hold it, and the emulator finds a queue
    by its URL. A crash in between is made good by the next start, which finds the old port written down.
    """
    before = processes.read_port(directory.emulator_port)
    if before is not None and before != port:
        for path in (directory.emulator / "state").glob("*.json"):
            text = path.read_text("utf-8")
            moved = re.sub(rf"127\.0\.0\.1:{before}\b", f"127.0.0.1:{port}", text)
            if moved != text:
                fresh = path.with_suffix(".moved")
                fresh.write_text(moved, "utf-8")
                fresh.replace(path)
    directory.emulator_port.write_text(str(port), "ascii")


def _has_checkpoint(directory: LocalDirectory) -> bool:
    return (directory.emulator / "checkpoint").exists()


def _trust_file(directory: LocalDirectory) -> Path:
    return directory.emulator / "trusted"


def _is_trusted(directory: LocalDirectory) -> bool:
    return _trust_file(directory).exists()


def _spawn(directory: LocalDirectory, port: int) -> processes.ProcessRecord:
    """Start the process in a session of its own, so that Ctrl-C at the terminal does not reach it."""
    if directory.emulator_log.exists() and directory.emulator_log.stat().st_size > LOG_LIMIT_BYTES:
        directory.emulator_log.replace(directory.emulator_log.with_suffix(".log.1"))
    with directory.emulator_log.open("ab") as log:
        child = subprocess.Popen(
            [_python(), "-P", CORRECTED],
            cwd=directory.emulator / "home",
            env=clean_environment(directory, port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return processes.record(directory.emulator_record, child.pid)
    except ProcessLookupError:
        raise _not_ready(directory) from None


def _answers(directory: LocalDirectory, process: processes.ProcessRecord, port: int) -> bool:
    """Whether a recorded process runs and is, or gets, ready. False also when it was on its way out.

    Raises CommandError when it runs and does not answer.
    """
    if not processes.is_running(process):
        return False
    try:
        _wait_until_ready(directory, process, port)
    except CommandError:
        if processes.is_running(process):
            raise
        return False
    return True


def _wait_until_ready(directory: LocalDirectory, process: processes.ProcessRecord, port: int) -> None:
    def settled() -> bool:
        return _healthy(port) or not processes.is_running(process)

    if not processes.wait_until(settled, 60) or not processes.is_running(process):
        raise _not_ready(directory)


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _not_ready(directory: LocalDirectory) -> CommandError:
    tail = "\n".join(directory.emulator_log.read_text("utf-8", "replace").splitlines()[-8:])
    return CommandError(f"MiniStack did not get ready; the end of {directory.emulator_log}:\n{tail}")


def _end_strays(directory: LocalDirectory, grace_seconds: float = 5) -> None:
    """End what this stack started and nobody wrote down: workers, or an emulator whose starter was killed."""
    for stray in processes.with_environment(_marker(directory)):
        processes.stop(stray, grace_seconds=grace_seconds)


def _marker(directory: LocalDirectory) -> str:
    """The one environment entry that this stack's emulator and workers have and nobody else."""
    return f"STATE_DIR={directory.emulator / 'state'}"


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _python() -> Path:
    return ENVIRONMENT / "bin" / "python"
