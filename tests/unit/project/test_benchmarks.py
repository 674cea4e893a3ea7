"""The benchmarks' own arithmetic, and the file they leave behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.calls import Call, exactly_one, read_request, summary
from benchmarks.measure import Row, interleave, percentile
from benchmarks.report import Result, publish, table


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([5.0, 1.0, 3.0], 50) == 3.0
    assert percentile(list(map(float, range(1, 101))), 95) == 95.0
    assert percentile([7.0], 95) == 7.0


def test_a_row_compares_medians() -> None:
    row = Row.of("case", [2.0, 4.0, 100.0], [1.0, 2.0, 3.0])
    assert (row.p50_ms, row.p95_ms, row.floor_p50_ms, row.ratio, row.n) == (4.0, 100.0, 2.0, 2.0, 3)
    assert row.per_second == pytest.approx(28.3)


def test_steps_take_turns_and_warm_up_is_not_counted() -> None:
    order: list[str] = []
    times = interleave({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=2, warm_up=1)
    assert order == ["a", "b"] * 3
    assert {name: len(values) for name, values in times.items()} == {"a": 2, "b": 2}


def test_a_result_is_printed_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = Row.of("POST /api/v1/files", [1.0], [1.0])
    path = publish(Result("upload", [row], remarks=["one call"]), tmp_path)
    assert path == tmp_path / "bench" / "upload.json"
    kept = json.loads(path.read_text())
    assert kept["name"] == "upload"
    assert list(kept["rows"][0]) == ["case", "p50_ms", "p95_ms", "floor_p50_ms", "ratio", "per_second", "n"]
    printed = capsys.readouterr().out
    assert table([row]) in printed
    assert "one call" in printed


def test_a_call_is_known_by_what_it_is_signed_for() -> None:
    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-central-1/dynamodb/aws4_request, S=1",
        "x-amz-target": "DynamoDB_20120810.PutItem",
    }
    call = read_request("POST", "https://dynamodb.example", headers, b'{"TableName": "t"}')
    assert call == Call("dynamodb", "PutItem", {"TableName": "t"})


def test_anything_but_the_one_call_is_told() -> None:
    put = Call("dynamodb", "PutItem", {})
    assert exactly_one([put], "dynamodb") == []
    for calls in ([], [put, put], [Call("s3", "HEAD /b/k", {})], [put, Call("s3", "HEAD /b/k", {})]):
        (told,) = exactly_one(calls, "dynamodb")
        assert summary(calls) in told
