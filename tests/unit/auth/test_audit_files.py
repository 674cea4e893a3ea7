"""Exported files of the audit log verify on any machine that has them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from artstore.audit import START, AuditEntry, AuditEvent, Link, next_entry, to_line
from infra.audit import exported_files, main, verify

AT = datetime(2026, 11, 21, tzinfo=UTC)


def chain(length: int) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    last = START
    for number in range(length):
        event = AuditEvent(
            action="a.b", actor="x", object="o/1", outcome="success", source_ip="", request_id=f"{number}"
        )
        entries.append(next_entry(event, last, AT))
        last = Link(entries[-1].seq, entries[-1].hash)
    return entries


def export(directory: Path, entries: list[AuditEntry], day: str = "2026/11/21", cut: int | None = None) -> Path:
    path = directory / day / f"{entries[0].seq:012d}-{entries[-1].seq:012d}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(to_line(entry) for entry in entries[:cut]))
    return path


def test_files_are_followed_in_their_order(tmp_path: Path) -> None:
    entries = chain(10)
    export(tmp_path, entries[:3], "2026/11/30")
    export(tmp_path, entries[3:9], "2026/12/01")
    export(tmp_path, entries[9:], "2027/01/01")
    found = verify(tmp_path)
    assert (found.checked, found.last, found.problem) == (10, Link(10, entries[9].hash), None)
    assert main(["verify", str(tmp_path)]) == 0


def test_what_two_runs_wrote_at_once_counts_once(tmp_path: Path) -> None:
    entries = chain(8)
    longest = export(tmp_path, entries[:5])
    export(tmp_path, entries[:4])
    following = export(tmp_path, entries[5:])
    (tmp_path / "notes.jsonl").write_text("of somebody else")
    assert exported_files(tmp_path) == [longest, following]
    assert verify(tmp_path).checked == 8


def test_a_lost_file_a_cut_one_and_a_changed_one_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = chain(9)
    export(tmp_path, entries[:3])
    export(tmp_path, entries[6:])
    assert main(["verify", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "missing at 4: missing: 4 to 6\n"
    middle = export(tmp_path, entries[3:6], cut=2)
    assert main(["verify", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("missing at 6: ")
    middle.write_bytes(b"".join(to_line(entry) for entry in entries[3:6]).replace(b'"x"', b'"y"', 1))
    assert main(["verify", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("changed at 4: ")


def test_a_part_of_the_log_verifies_from_where_it_is_said_to_begin(tmp_path: Path) -> None:
    entries = chain(9)
    export(tmp_path, entries[4:])
    assert main(["verify", str(tmp_path)]) == 1
    assert main(["verify", str(tmp_path), "--from-seq", "4"]) == 1
    assert main(["verify", str(tmp_path), "--from-seq", "5"]) == 0


def test_an_empty_directory_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path)])
    assert ended.value.code == 2
