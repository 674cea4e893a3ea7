"""A real clamd of a test's own, which knows nothing but the EICAR test file (eicar.org)."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SIGNATURE = "Eicar-Test-Signature.UNOFFICIAL"
"""What clamd calls it: names out of signatures that nobody signed end so."""
MISSING = "clamd is not installed (Debian: clamav-daemon)"
_START_SECONDS = 60


def installed() -> str | None:
    """Give the path of clamd, if it is here; distributions put it where only root looks."""
    return shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/usr/local/sbin")


class Clamd:
    """A daemon at a Unix socket; it may be stopped and started again."""

    def __init__(self, directory: Path, **options: str) -> None:
        """Take an empty directory, and options of clamd.conf(5)."""
        self.socket = directory / "clamd.sock"
        self._log = directory / "log"
        self._config = directory / "clamd.conf"
        self._process: subprocess.Popen[bytes] | None = None
        signatures = directory / "signatures"
        signatures.mkdir()
        (signatures / "eicar.ndb").write_text(f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n", "ascii")
        settings = {
            "DatabaseDirectory": str(signatures),
            "LocalSocket": str(self.socket),
            "TemporaryDirectory": str(directory),
            "Foreground": "yes",
            **options,
        }
        self._config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()), "utf-8")

    def start(self) -> None:
        """Start it, and wait until it listens."""
        program = installed()
        assert program is not None, MISSING
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "--config-file", str(self._config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        ends = time.monotonic() + _START_SECONDS
        while not self.socket.exists():
            if self._process.poll() is not None or time.monotonic() > ends:
                self.stop()
                raise RuntimeError(f"clamd did not start: {self._log.read_text('utf-8', 'replace')}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()
        self._process = None
        self.socket.unlink(missing_ok=True)


@contextlib.contextmanager
def running(directory: Path, **options: str) -> Iterator[Clamd]:
    """Run one."""
    daemon = Clamd(directory, **options)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()
