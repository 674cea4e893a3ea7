"""Reads an archive out of its buckets, with nothing but S3.

    python -m infra.rescue list   s3://BUCKET[/PREFIX] ...
    python -m infra.rescue verify s3://BUCKET[/PREFIX] ... [--state FILE]
    python -m infra.rescue export s3://BUCKET[/PREFIX] ... --to FOLDER [--bag]

Credentials, region and endpoint are boto3's (AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL, ...).
One line of JSON for each place goes to standard output, or to --report; what all of it comes to, to standard
error.

Exit codes: 0 everything is whole; 1 something is not (missing, damaged, other bytes), see the report; 2 wrong
arguments; 3 something could not be read or written, run it again; 130 interrupted. export goes on where it
stopped, verify does with --state.
"""

from __future__ import annotations

import argparse
import contextlib
import pathlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from infra.rescue import exporting
from infra.rescue.documents import know, unread, verify, without_attributes
from infra.rescue.exporting import Exporting, Folder
from infra.rescue.memory import Done, Memory
from infra.rescue.places import Described, Undescribed, places
from infra.rescue.report import EXIT_UNFINISHED, Line, Report
from infra.rescue.running import side_by_side
from infra.rescue.storage import Storage, Unreadable, read_customer_key

EXIT_USAGE, EXIT_INTERRUPTED = 2, 130
_SAID_EVERY_SECONDS = 10.0
_AT_ONCE = 16

Place = Described | Undescribed
Work = Callable[[Place], Line]


def main(arguments: list[str] | None = None, make_client: Callable[[int], Any] | None = None) -> int:
    """Run from the command line; the exit code is told above."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        buckets = [_address(each) for each in chosen.address]
        key = read_customer_key(chosen.sse_customer_key) if chosen.sse_customer_key else None
    except (ValueError, OSError) as error:
        parser.error(str(error))
    storage = Storage((make_client or _client)(chosen.at_once), key)
    with contextlib.ExitStack() as stack:
        report = Report(stack.enter_context(_report_file(chosen.report)))
        try:
            return _run(chosen, storage, report, _found(storage, buckets))
        except FileExistsError as error:
            parser.error(str(error))
        except KeyboardInterrupt:
            _say(f"interrupted: {report.summary()}")
            return EXIT_INTERRUPTED
        except (BotoCoreError, ClientError, OSError) as error:
            _say(f"{error}; {report.summary()}")
            return EXIT_UNFINISHED
    return EXIT_UNFINISHED


def _run(chosen: argparse.Namespace, storage: Storage, report: Report, found: Iterable[Place]) -> int:
    if chosen.command == "list":
        _tell(report, found, _listing(storage), chosen.at_once)
    elif chosen.command == "verify":
        with contextlib.ExitStack() as stack:
            memory = None
            if chosen.state is not None:
                memory = stack.enter_context(contextlib.closing(Memory(chosen.state)))
            _tell(report, found, _verifying(storage, memory), chosen.at_once)
    else:
        folder = Folder(chosen.to, exporting.BAG if chosen.bag else exporting.DOCUMENTS)
        with contextlib.closing(folder.memory):
            _tell(report, found, Exporting(storage, folder, with_all=chosen.all).export, chosen.at_once)
            if chosen.bag:
                exporting.close_bag(folder, {"External-Description": f"Documents of {', '.join(chosen.address)}"})
    _say(report.summary())
    return report.exit_code


def _tell(report: Report, found: Iterable[Place], work: Work, at_once: int) -> None:
    said_at = time.monotonic()
    for line in side_by_side(work, found, at_once):
        report.tell(line)
        if time.monotonic() - said_at > _SAID_EVERY_SECONDS:
            said_at = time.monotonic()
            _say(report.summary())


def _listing(storage: Storage) -> Work:
    def tell(place: Place) -> Line:
        if isinstance(place, Undescribed):
            return without_attributes(place)
        try:
            known = know(storage, place)
        except Unreadable as error:
            return unread(place, error)
        return known.line("listed" if known.attributes is not None else "damaged_attributes")

    return tell


def _verifying(storage: Storage, memory: Memory | None) -> Work:
    def check(place: Place) -> Line:
        if isinstance(place, Undescribed):
            return without_attributes(place)
        done = memory.find(place.bucket, place.key) if memory is not None else None
        if done is not None and done.etag == place.etag:
            return Line(outcome="already", bucket=place.bucket, key=place.key, size=done.size, sha256=done.sha256)
        try:
            known = know(storage, place)
        except Unreadable as error:
            return unread(place, error)
        try:
            line = verify(storage, known)
        except Unreadable as error:
            return known.line(error.outcome, detail=error.detail)
        if memory is not None and line.outcome == "verified":
            done = Done(None, place.etag, line.outcome, line.size or 0, line.sha256 or "")
            memory.keep(place.bucket, place.key, done)
        return line

    return check


def _found(storage: Storage, buckets: list[tuple[str, str]]) -> Iterator[Place]:
    for bucket, prefix in buckets:
        yield from places(bucket, storage.listing(bucket, prefix))


def _address(text: str) -> tuple[str, str]:
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if not text.startswith("s3://") or not bucket:
        raise ValueError(f"{text!r} is not s3://BUCKET or s3://BUCKET/PREFIX")
    return bucket, prefix


def _client(at_once: int) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 6},
        max_pool_connections=at_once,
        response_checksum_validation="when_required",
    )
    return boto3.client("s3", config=config)


@contextlib.contextmanager
def _report_file(path: pathlib.Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        return
    with path.open("ab") as file:
        yield file


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _at_once(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 256:
        raise ValueError
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.rescue", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("list", "tell what the attr.json files say, without reading a document"),
        ("verify", "read every document through and compare it with its attr.json"),
        ("export", "write every document into a folder, checked"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("address", nargs="+", metavar="s3://BUCKET[/PREFIX]")
        command.add_argument("--report", type=pathlib.Path, metavar="FILE", help="append the lines to this file")
        command.add_argument(
            "--at-once", type=_at_once, default=_AT_ONCE, metavar="N", help="documents side by side"
        )
        command.add_argument(
            "--sse-customer-key",
            type=pathlib.Path,
            metavar="FILE",
            help="a key of 256 bits for objects that are encrypted with one of your own (SSE-C)",
        )
        if name == "verify":
            command.add_argument(
                "--state", type=pathlib.Path, metavar="FILE", help="remember here what is verified"
            )
        if name == "export":
            command.add_argument("--to", type=pathlib.Path, required=True, metavar="FOLDER")
            command.add_argument("--bag", action="store_true", help="make the folder a bag (BagIt, RFC 8493)")
            command.add_argument("--all", action="store_true", help="what is in the trash or in quarantine too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
