"""The first token of a process: imports the built function, answers one event, writes the milliseconds to stderr.

``first_token.py '[PATH, EVENT]'``, run by issue_token.py in the environment of the deployed function, with nothing
importable but PATH.
"""

import importlib
import json
import sys
import time
from types import SimpleNamespace


def main() -> None:
    """Answer the event that the command line holds; exits with an error unless the answer is a token."""
    path, event = json.loads(sys.argv[1])
    sys.path[:0] = path
    handler = importlib.import_module("functions.auth.app").app
    began = time.perf_counter_ns()
    answer = handler(event, SimpleNamespace(aws_request_id="first"))
    taken = (time.perf_counter_ns() - began) / 1e6
    if answer["statusCode"] != 200:
        sys.exit(f"the function answered {answer['statusCode']}: {answer['body']}")
    print(taken, file=sys.stderr)


if __name__ == "__main__":
    main()
