"""What makes the tests quicker and changes nothing that they see."""

from __future__ import annotations

import functools
import gc
from typing import Any

from botocore.loaders import JSONFileLoader

_load: Any = JSONFileLoader.load_file


@functools.cache
def _load_once(path: str) -> Any:
    return _load(JSONFileLoader(), path)


def read_descriptions_once() -> None:
    """Let botocore read each description of a service once in a process.

    It keeps them by session, and each test has a session of its own: half the time of making a client is parsing
    the same JSON again.
    """
    loader: Any = JSONFileLoader
    loader.load_file = lambda self, file_path: _load_once(file_path)


def collect_garbage_less() -> None:
    """Leave what is there now out of every later search for garbage, and search less often.

    The modules, fixtures and descriptions of a whole run are hundreds of megabytes in small objects that stay, and
    going through them took a third of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
