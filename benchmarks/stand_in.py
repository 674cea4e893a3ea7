"""A stand-in for the table of revoked tokens that answers at once, so that the reader alone is measured.

``python -m benchmarks.stand_in NUMBER EXPIRES`` serves an index of NUMBER tokens that end EXPIRES seconds from
now, in pages of at most 1 MB as DynamoDB's Query does, and writes its port to stdout. It ends with its standard
input.
"""

from __future__ import annotations

import bisect
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_PAGE_BYTES = 1024 * 1024


class Index:
    """Entries in the order of their expiry."""

    def __init__(self, number: int, expires_in: int) -> None:
        """Make ``number`` entries that end within a minute from ``expires_in`` seconds from now."""
        first, written = int(time.time()) + expires_in, int(time.time() * 1000) - 600_000
        self._expiries = [first + 60 * place // max(1, number) for place in range(number)]
        self._items = [
            {
                "id": {"S": f"{written + place // 100:013d}#jti#{uuid.uuid4()}"},
                "expires_at_epoch": {"N": str(expiry)},
            }
            for place, expiry in enumerate(self._expiries)
        ]
        size = len(json.dumps(self._items[0])) if self._items else 1
        self._per_page = _PAGE_BYTES // size
        self._pages: dict[int, bytes] = {}

    def answer(self, asked: dict[str, Any]) -> bytes:
        """Answer a Query on the index; one on the table finds that nothing was written just now."""
        if "IndexName" not in asked:
            return b'{"Items": [], "Count": 0, "ScannedCount": 0}'
        later_than = next(int(value["N"]) for value in asked["ExpressionAttributeValues"].values() if "N" in value)
        start = bisect.bisect_right(self._expiries, later_than)
        if "ExclusiveStartKey" in asked:
            start = int(asked["ExclusiveStartKey"]["id"]["S"])
        if start not in self._pages:
            items = self._items[start : start + self._per_page]
            page: dict[str, Any] = {"Items": items, "Count": len(items), "ScannedCount": len(items)}
            if start + len(items) < len(self._items):
                here = {"partition": {"S": "revoked"}, "id": {"S": str(start + len(items))}}
                page["LastEvaluatedKey"] = here | {"expires_at_epoch": {"N": "0"}}
            self._pages[start] = json.dumps(page).encode()
        return self._pages[start]


def _handler(index: Index) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece: two would wait for each other's acknowledgement

        def do_POST(self) -> None:
            body = index.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("x-amz-crc32", str(zlib.crc32(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def serving(number: int, expires_in: int) -> Iterator[str]:
    """Serve such an index in a process of its own, and give its address."""
    command = [sys.executable, "-m", "benchmarks.stand_in", str(number), str(expires_in)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        command, cwd=root, env=dict(os.environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


def main() -> None:
    """Serve until standard input ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(Index(int(sys.argv[1]), int(sys.argv[2]))))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
