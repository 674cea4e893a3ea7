"""What is read out of documents, and that a bad one is an outcome: never an exception, never without an end."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from artstore import deadline
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable
from functions.storage_events.extraction import Document, Extraction, Kind, Reading
from functions.storage_events.extraction.process import helper as helper_module
from functions.storage_events.extraction.process import messages
from functions.storage_events.extraction.process.confinement import Ending, Limits
from functions.storage_events.extraction.process.helper import Helper, Task
from functions.storage_events.extraction.registry import BY_NAME, FORMATS, Format
from tests.support.ingesting.reading import outcome, read

PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)


def kind(reader: str) -> Kind:
    name = reader.rpartition(".")[2]
    return Kind(format=Format(name=name, title=name, reader=reader, types=(), endings=(), facts="", text=""))


def read_with(name: str, limits: Limits | None = None, body: bytes = b"x") -> Reading:
    return Extraction(limits).read(Document(body=body), kind(f"tests.fakes.readers.{name}"))


@pytest.mark.parametrize("reader", ["slow", "stuck"])
def test_what_was_read_before_the_time_was_up_is_kept(reader: str) -> None:
    reading = read_with(reader, Limits(wall_seconds=0.6))
    assert (reading.extracted.status, reading.extracted.reason) == ("partial", "time_limit")
    assert (reading.extracted.title, reading.extracted.pages) == ("known early", 9)
    assert reading.text.startswith("page ")


def test_a_reader_may_stop_with_a_reason() -> None:
    extracted = read_with("refusing").extracted
    assert (extracted.status, extracted.reason) == ("failed", "because")


@pytest.mark.parametrize("content_type", ["image/x-icon", "application/x-msdownload", "application/octet-stream"])
def test_types_without_a_reader_are_unsupported(content_type: str) -> None:
    assert outcome(b"\x00\x01anything", content_type) == ("unsupported", None)


def test_the_beginning_of_a_text_is_partial_and_may_end_inside_a_character() -> None:
    reading = read("отчёт".encode()[:-1], "text/csv", complete=False)
    assert reading.text == "отчё"
    assert (reading.extracted.status, reading.extracted.reason) == ("partial", "too_large")


def test_more_text_than_is_kept_is_partial() -> None:
    reading = read(b"word " * 100_000, "text/plain")
    assert (reading.extracted.status, reading.extracted.reason) == ("partial", "text_limit")
    assert len(reading.text) == reading.extracted.characters == messages.MAX_TEXT


def test_every_format_has_a_reader_and_a_type_of_its_own() -> None:
    assert len(BY_NAME) == len(FORMATS)
    kinds = [each for format_ in FORMATS for each in format_.types]
    assert len(set(kinds)) == len(kinds)
    for format_ in FORMATS:
        assert callable(helper_module.load_reader(format_.reader, None, b"").read)


TASK = Task(
    reader=BY_NAME["text"].reader, guesses="body", complete=True, charset=None, limits=Limits(wall_seconds=2.0)
)


def test_a_helper_that_is_gone_is_replaced() -> None:
    helper = Helper()
    first = helper.run(TASK, b"text")
    assert helper._process is not None
    os.kill(helper._process.pid, signal.SIGKILL)
    helper._process.wait()
    assert helper.run(TASK, b"text") == first
    assert first[1] is Ending.FINISHED
    helper.stop()


def test_a_helper_that_is_stuck_costs_one_document_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper_module, "_GRACE_SECONDS", -1.5)
    helper = Helper()
    helper.start()
    assert helper._process is not None
    os.kill(helper._process.pid, signal.SIGSTOP)
    assert helper.run(TASK, b"text") == ([], Ending.TIME)
    monkeypatch.undo()
    assert helper.run(TASK, b"text")[1] is Ending.FINISHED
    helper.stop()


def test_a_document_that_might_outlast_the_request_is_not_begun() -> None:
    with deadline.within(1.9), pytest.raises(DeadlineExceeded):
        Helper().run(TASK, b"text")


def test_a_document_waits_for_others_no_longer_than_leaves_it_its_time() -> None:
    helper = Helper()
    with helper._lock, deadline.within(2.1), pytest.raises(DeadlineExceeded):
        helper.run(TASK, b"text")


def test_no_process_at_all_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    with pytest.raises(Unavailable):
        Helper().run(TASK, b"text")


def test_a_helper_ends_with_the_one_who_asks() -> None:
    helper = Helper()
    helper.start()
    process, connection = helper._process, helper._connection
    assert process is not None
    assert connection is not None
    connection.close()
    assert process.wait(timeout=10) == 0


def test_whoever_takes_over_a_reader_reaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader ``prying`` does whatever it likes, as one would that a document has taken over."""
    secret = "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nonexistent")
    told = read_with("prying", body=b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").text.splitlines()
    environment, memory, *reached = told
    assert "AWS" not in environment
    assert memory == "secret in memory: False"
    assert reached == []
