"""What arrives is scanned by a real clamd before its attr.json is written, and what is found is kept back."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from artstore.attributes import Quarantine, Scan
from artstore.audit import AuditEvent
from artstore.errors import Unavailable
from artstore.objects import ObjectStore
from artstore.scanning import ObjectScanning
from artstore.scanning.clamd import ClamdScanner
from artstore.spaces import EVERYWHERE, Reach
from functions.storage_events.outcomes import Outcome
from functions.storage_events.scanning import ArrivalScanning
from tests.support import clamd
from tests.support.clamd import EICAR, SIGNATURE, Clamd
from tests.support.ingesting.archive import NOW, PDF, Archive

USER = Reach(frozenset({"default"}))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    """A clamd that takes 2 MiB at most."""
    if clamd.installed() is None:
        pytest.skip(clamd.MISSING)
    with clamd.running(tmp_path_factory.mktemp("clamd"), StreamMaxLength="2M") as started:
        yield started


@pytest.fixture
def events() -> list[AuditEvent]:
    return []


@pytest.fixture
def scanned(archive: Archive, daemon: Clamd, events: list[AuditEvent]) -> Archive:
    """The archive with the scanner."""
    archive.ingest = with_scanner(archive, str(daemon.socket), events)
    return archive


def with_scanner(
    archive: Archive, address: str, events: list[AuditEvent], *, required: bool = False, most: int = 10**7
) -> Any:
    scanning = ObjectScanning(ClamdScanner(address, 10), ObjectStore(archive.s3), most)
    return archive.build(
        scanning=ArrivalScanning(scanning, events.append, is_required=required, clock=lambda: NOW)
    )


def test_without_a_scanner_attr_json_says_nothing_of_one(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    assert archive.attributes(record.key).scan is None


def test_a_clean_document_is_told_to_be_clean(scanned: Archive, events: list[AuditEvent]) -> None:
    record = scanned.uploaded()
    assert scanned.created(record.key).scanned == "clean"
    told = scanned.attributes(record.key)
    assert told.scan is not None
    assert (told.scan.status, told.scan.at, told.quarantine) == ("clean", NOW, None)
    assert told.scan.engine is not None
    assert told.scan.engine.startswith("ClamAV ")
    assert scanned.finds("figures")
    assert events == []


def test_an_infected_document_is_kept_and_withheld_and_told_to_the_audit_log(
    scanned: Archive, events: list[AuditEvent]
) -> None:
    record = scanned.uploaded(EICAR, original_filename="invoice.txt", content_type="text/plain")
    result = scanned.created(record.key)
    assert (result.outcome, result.scanned) == (Outcome.STORED, "infected")
    told = scanned.attributes(record.key)
    assert told.quarantine == Quarantine(reason="infected", at=NOW)
    assert told.scan is not None
    assert (told.scan.status, told.scan.signature) == ("infected", SIGNATURE)
    assert scanned.index.find(UUID(record.file_id), USER) is None
    assert scanned.index.find(UUID(record.file_id), EVERYWHERE) is not None
    settled = scanned.records.find(UUID(record.file_id))
    assert settled is not None
    assert (settled.status, settled.notice) == ("STORED", "infected")
    [event] = events
    assert (event.action, event.object) == ("document.quarantined", f"file/{record.file_id}")
    assert event.after is not None
    assert event.after["found"] == SIGNATURE


@pytest.mark.parametrize("arrives", ["in an archive", "by another tool", "compressed", "in brotli", "among much"])
def test_what_is_hidden_is_found_too(scanned: Archive, arrives: str) -> None:
    key = "archive/2026/thing.bin"
    encoding: dict[str, Any] = {}
    body = EICAR
    if arrives == "in an archive":
        body = gzip.compress(EICAR)
    elif arrives == "compressed":
        body, encoding = gzip.compress(EICAR), {"ContentEncoding": "gzip"}
    elif arrives == "in brotli":
        import brotli

        body, encoding = brotli.compress(EICAR), {"ContentEncoding": "br"}
    elif arrives == "among much":
        body = bytes(1_500_000) + EICAR
    scanned.put(key, body, "application/octet-stream", **encoding)
    assert scanned.created(key).scanned == "infected"


def test_bytes_put_over_a_document_are_scanned_anew(scanned: Archive, events: list[AuditEvent]) -> None:
    record = scanned.uploaded()
    scanned.created(record.key)
    scanned.put(record.key, EICAR, "text/plain")
    assert scanned.created(record.key).scanned == "infected"
    assert scanned.index.find(UUID(record.file_id), USER) is None
    scanned.put(record.key, PDF)
    assert scanned.created(record.key).scanned == "clean"
    told = scanned.attributes(record.key)
    assert told.quarantine is None
    assert told.scan is not None
    assert (told.scan.status, told.scan.signature, told.revision) == ("clean", None, 3)
    assert scanned.index.find(UUID(record.file_id), USER) is not None
    assert len(events) == 1


def test_the_same_event_again_scans_nothing_again(scanned: Archive, events: list[AuditEvent]) -> None:
    record = scanned.uploaded(EICAR, content_type="text/plain")
    scanned.created(record.key)
    before = scanned.raw(record.key)
    assert scanned.created(record.key).scanned is None
    assert scanned.raw(record.key) == before
    assert len(events) == 1


def test_a_document_that_is_too_large_is_stored_and_told_to_be_unscanned(archive: Archive, daemon: Clamd) -> None:
    archive.ingest = with_scanner(archive, str(daemon.socket), [], most=len(PDF) - 1)
    record = archive.uploaded()
    archive.created(record.key)
    assert archive.attributes(record.key).scan == Scan(status="skipped", at=NOW, reason="too_large")


def test_a_document_that_clamd_takes_no_more_of_is_told_to_be_unscanned(scanned: Archive) -> None:
    record = scanned.uploaded(bytes(5 * 1024**2), content_type="application/octet-stream")
    scanned.created(record.key)
    assert scanned.attributes(record.key).scan == Scan(status="skipped", at=NOW, reason="scanner_limit")


@pytest.mark.parametrize("required", [False, True])
def test_a_scanner_that_is_away_loses_no_document(archive: Archive, tmp_path: Path, required: bool) -> None:
    archive.ingest = with_scanner(archive, str(tmp_path / "nobody"), [], required=required)
    record = archive.uploaded()
    assert archive.created(record.key).scanned == "failed"
    told = archive.attributes(record.key)
    assert told.scan == Scan(status="failed", at=NOW, reason="unreachable")
    assert told.quarantine == (Quarantine(reason="not_scanned", at=NOW) if required else None)
    assert archive.state(record) == ("STORED", None)
    assert archive.index.find(UUID(record.file_id), USER) is not None


def test_a_scanner_that_starts_again_is_asked_again(archive: Archive, tmp_path: Path) -> None:
    if clamd.installed() is None:
        pytest.skip(clamd.MISSING)
    now = [0.0]
    with clamd.running(tmp_path) as daemon:
        scanner = ClamdScanner(str(daemon.socket), 10, clock=lambda: now[0])
        scanning = ObjectScanning(scanner, ObjectStore(archive.s3), 10**7)
        archive.ingest = archive.build(scanning=ArrivalScanning(scanning, lambda _event: None, is_required=False))
        outcomes = []
        for number, act in enumerate((lambda: None, daemon.stop, lambda: None, daemon.start)):
            act()
            key = f"archive/{number}.txt"
            archive.put(key, b"some text", "text/plain")
            outcomes.append(archive.created(key).scanned)
            if number == 2:
                now[0] += 60
        reasons = [archive.attributes(f"archive/{number}.txt").scan for number in range(4)]
    assert outcomes == ["clean", "failed", "failed", "clean"]
    assert [each and each.reason for each in reasons] == [None, "unreachable", "paused", None]


def test_nothing_is_written_of_a_finding_that_the_audit_log_cannot_be_told(
    archive: Archive, daemon: Clamd
) -> None:
    def away(_event: AuditEvent) -> None:
        raise Unavailable("the tables do not answer")

    scanning = ObjectScanning(ClamdScanner(str(daemon.socket), 10), ObjectStore(archive.s3), 10**7)
    archive.ingest = archive.build(scanning=ArrivalScanning(scanning, away, is_required=False))
    record = archive.uploaded(EICAR, content_type="text/plain")
    with pytest.raises(Unavailable):
        archive.created(record.key)
    written = archive.keys()
    assert record.key + ".attr.json" not in written
