"""A client that renews its multipart upload, and the sweep that ends it, each at any moment of the other."""

from __future__ import annotations

from uuid import UUID

import pytest

from artstore.tables import UploadRecord
from functions.upload.uploads.models import Method
from tests.fakes.memory_index import MemoryIndex
from tests.support.flows.lives import PART, Lives, Transfer, announcement
from tests.support.killing import AFTER, BEFORE, Killed, Killer

BODY = bytes(range(PART)) * 2 + b"the end"
DAYS_MS = 86_400_000


class Meeting:
    """An upload of which some parts came, whose time is over."""

    def __init__(self) -> None:
        self.world = Lives(MemoryIndex(), knows_sha256=True)
        self.transfer = self.renew()
        self.world.send(self.transfer)
        self.first_id = str(self.record.upload_id)
        assert self.first_id in self.world.storage.under_way
        self.world.wait(3 * DAYS_MS)

    @property
    def record(self) -> UploadRecord:
        found: UploadRecord = self.world.records.kept[self.file_id]
        return found

    @property
    def file_id(self) -> UUID:
        return self.transfer.file_id

    def renew(self) -> Transfer:
        """Start the upload, or the same anew."""
        return self.world.start("key", BODY, announcement(BODY, Method.MULTIPART, None, None))

    def sweep(self) -> None:
        self.world.run_job(self.world.start_sweep("uploads"))

    def check(self) -> None:
        """What the record promises is there: the client sends what is missing, and has its document."""
        record = self.record
        assert record.status == "PENDING"
        assert record.upload_id is None or record.upload_id in self.world.storage.under_way
        self.world.send(self.renew())
        assert self.world.complete(self.file_id).document is not None
        assert self.record.status == "STORED"


def test_parts_of_an_upload_that_is_renewed_are_never_dropped_whenever_the_sweep_comes() -> None:
    kept = moments = 0
    for number in range(100):
        for when in (BEFORE, AFTER):
            meeting = Meeting()
            killer = meeting.world.killer = Killer()
            killer.do_at(number, when, lambda meeting=meeting: meeting.renew() and None)  # type: ignore[misc]
            meeting.sweep()
            if len(killer.calls) <= number:
                assert moments > 10
                assert 0 < kept < moments, "renewed before it was closed, and afterwards"
                return
            moments += 1
            kept += meeting.record.upload_id == meeting.first_id
            meeting.check()
    raise AssertionError("no end")


def test_an_upload_is_renewed_whole_or_anew_when_the_sweep_comes_in_between() -> None:
    for number in range(100):
        for when in (BEFORE, AFTER):
            meeting = Meeting()
            killer = meeting.world.killer = Killer()
            killer.do_at(number, when, meeting.sweep)
            meeting.renew()
            meeting.check()
        if len(killer.calls) <= number:
            assert number > 2
            return
    raise AssertionError("no end")


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_a_sweep_that_is_stopped_is_finished_by_the_next(when: str) -> None:
    """Also the end of the multipart upload, which comes after the record is closed."""
    for number in range(100):
        meeting = Meeting()
        killer = meeting.world.killer = Killer(number, when)
        try:
            meeting.sweep()
        except Killed:
            meeting.world.mend()
            meeting.sweep()
            meeting.world.mend()
        record = meeting.record
        assert record.status == "EXPIRED"
        assert record.awaited is None
        assert meeting.world.storage.under_way == {}
        if not killer.has_killed:
            assert number > 5
            return
    raise AssertionError("no end")
