"""Tells which modules readers load only while they read: a confined child could not.

Run in a fresh interpreter, with a JSON object of {reader: [document in base64]} on standard input; it writes the
names.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.machinery
import json
import os
import sys
import time
from collections.abc import Sequence
from types import ModuleType

from functions.storage_events.extraction.contract import Document
from functions.storage_events.extraction.process.helper import load_library, load_reader
from functions.storage_events.extraction.process.messages import SendingReport


class _Recorder:
    """Stands before the finders of modules and notes what is found by them."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        for finder in sys.meta_path[1:]:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self.found.append(name)
                return spec
        return None


def main() -> None:
    load_library()
    for reader, bodies in json.load(sys.stdin).items():
        child = os.fork()
        if child == 0:
            for body in map(base64.b64decode, bodies):
                module = load_reader(reader, "parts", body)
                recorder = _Recorder()
                sys.meta_path.insert(0, recorder)
                with contextlib.suppress(Exception):
                    module.read(Document(body=body), SendingReport(lambda _: None, time.monotonic() + 60))
                del sys.meta_path[0]
                if recorder.found:
                    os.write(1, f"{reader}: {recorder.found}\n".encode())
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
