"""What a person sees in a document is found. Every example of docs/search.md is tried on the index itself."""

from __future__ import annotations

import json
import uuid

from infra.local.sample_pdf import make_pdf
from tests.e2e.archive import Archive, eventually


def test_what_is_typed_finds_what_is_read(archive: Archive) -> None:
    mark = uuid.uuid4().hex[:8]
    words = " ".join(f"w{number}" for number in range(20_000))
    text = (
        f"\x1b[31mMüller{mark}\x1b[0m oﬃ\u00adce INV-OR-{mark} 祝你们新年快乐 {words} golden bridges {mark} treaty"
    )
    file_id = archive.store(text.encode(), "найдено.txt", content_type="text/plain; charset=utf-8")
    decoy = archive.store(f"{mark} OR INV; 快车很乐, bridge, golden {mark}".encode(), "мимо.txt")

    def is_found(query: str) -> bool:
        return archive.search(query) == [file_id]

    eventually(lambda: (file_id in archive.search(mark) and decoy in archive.search(mark)) or None)
    assert is_found(f"muller{mark} office")
    assert is_found(f"muller{mark[:4]}*")
    assert is_found(f"inv/or/{mark}")
    assert is_found(f"{mark} 新年快乐")
    assert is_found(f"«golden bridge {mark} treaty»")
    assert is_found(f'{mark} -"bridge, golden"')
    assert archive.search(f"muller{mark} -office") == []


def test_title_author_and_values_of_attributes_are_found(archive: Archive) -> None:
    mark = uuid.uuid4().hex[:8]
    pdf = make_pdf(title=f"Title{mark}", author=f"Author{mark}", lines=["nothing"])
    attributes = {"party": {"inn": f"77-{mark}", "sums": [1234.5]}}
    file_id = archive.store(pdf, "scan.pdf", content_type="application/pdf", custom_attributes=attributes)
    eventually(lambda: archive.search(f"title{mark}") or None)
    for query in (f"author{mark}", f"77-{mark}", f"author{mark} 1234.5"):
        assert archive.search(query) == [file_id]
    assert archive.search(f"author{mark} inn") == []


def test_no_query_is_too_odd(archive: Archive) -> None:
    for query in (
        '"' * 1000,
        "a-b " * 250,
        " or ".join(["x1"] * 160),
        "-",
        "\ufeff",
        "' OR 1=1 --",
        "快" * 1000,
        "🎉",
    ):
        answer = archive.request("GET", "/api/v1/files", params={"query": query[:1000], "limit": 1})
        assert answer.status_code == 200, json.dumps(query)
    for query in ("a" * 1001, "nul\0nul"):
        answer = archive.request("GET", "/api/v1/files", params={"query": query})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert archive.anonymous("GET", "/api/v1/files?query=%ED%A0%80%FF").status_code == 401
    assert archive.request("GET", "/api/v1/files?query=%ED%A0%80%FF").status_code in (200, 400)
