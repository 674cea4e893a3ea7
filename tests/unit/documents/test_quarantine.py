"""Who sees what is kept from everybody, and how it is paged."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from artstore.attributes import Quarantine
from artstore.aws.secret_store import CURRENT
from artstore.cursors import CursorKeys, Cursors
from artstore.http import create_app
from artstore.http.app import ArtStoreApp
from artstore.index.kept_back import Damage
from artstore.security import Principal, Scope
from functions.query import app as query
from functions.query import dependencies
from functions.query.quarantine import Quarantined
from tests.fakes.documents import NOON, id_number, make_projection
from tests.fakes.memory_index import MemoryIndex
from tests.support.gateway import Answer, call

URL = "/api/v1/quarantine"
ADMIN = frozenset({str(Scope.ELEMENTS_ADMIN)})
READER = frozenset({str(Scope.FILES_READ)})
CALLERS: dict[str, tuple[frozenset[str], Mapping[str, frozenset[str]] | None]] = {
    "operator": (ADMIN, None),
    "of every space": (ADMIN, {"*": ADMIN}),
    "of press": (ADMIN, {"press": ADMIN}),
    "reads press": (ADMIN | READER, {"press": READER, "legal": ADMIN}),
    "reader": (READER, None),
}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ArtStoreApp:
    index = MemoryIndex()
    for number, (reason, space) in enumerate((("infected", None), ("checksum_mismatch", "press"), (None, None))):
        quarantine = None if reason is None else Quarantine(reason=reason, at=NOON)
        index.project(
            make_projection(key=f"{number}.pdf", file_id=id_number(number), quarantine=quarantine, space=space)
        )
    damage = Damage(code="attributes_not_json", detail="attr.json is not JSON", etag='"1"', since=NOON)
    index.remove("edit", "broken.pdf", None, damage)
    quarantined = Quarantined(index, Cursors(CursorKeys({CURRENT: "unit"}.get)))
    monkeypatch.setenv("ARTSTORE_PREFIX", "unit")
    monkeypatch.setattr(dependencies, "quarantined", lambda: quarantined)
    return create_app("unit-query", query.ENDPOINTS, lambda token: Principal("sa_1", "x", *CALLERS[token]))


def get(app: ArtStoreApp, asked: str = "", whose: str = "operator") -> Answer:
    return call(app, "GET", URL + asked, URL, token=whose)


def keys(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.json
    return [each["key"] for each in answer.json["items"]]


@pytest.mark.parametrize(
    ("whose", "shown"),
    [
        ("operator", ["0.pdf", "broken.pdf"]),
        ("of every space", ["0.pdf", "1.pdf", "broken.pdf"]),
        ("of press", ["1.pdf"]),
        ("reads press", []),
    ],
)
def test_who_runs_a_space_sees_its_documents_and_who_runs_all_sees_what_nobody_can_place(
    app: ArtStoreApp, whose: str, shown: list[str]
) -> None:
    assert keys(get(app, whose=whose)) == shown


def test_a_reader_sees_nothing_of_it(app: ArtStoreApp) -> None:
    answer = get(app, whose="reader")
    assert (answer.status, answer.json["code"]) == (403, "insufficient_scope")


def test_a_damaged_one_tells_what_is_wrong(app: ArtStoreApp) -> None:
    [found] = get(app, "?reason=damaged_attributes").json["items"]
    assert found == {
        "reason": "damaged_attributes",
        "since": "2026-03-01T12:00:00Z",
        "file_id": None,
        "bucket": "edit",
        "key": "broken.pdf",
        "space": None,
        "original_filename": None,
        "code": "attributes_not_json",
        "detail": "attr.json is not JSON",
    }


def test_the_list_is_narrowed_by_reason_and_space(app: ArtStoreApp) -> None:
    whose = "of every space"
    assert keys(get(app, "?reason=infected", whose)) == ["0.pdf"]
    assert keys(get(app, "?space=press", whose)) == ["1.pdf"]
    assert keys(get(app, "?space=press")) == []
    assert get(app, "?reason=%27").status == 400


def test_pages_follow_one_another_and_a_cursor_continues_its_own_list(app: ArtStoreApp) -> None:
    whose, seen, cursor = "of every space", [], ""
    while True:
        page = get(app, f"?limit=1{cursor}", whose)
        seen += keys(page)
        if page.json["next_cursor"] is None:
            break
        cursor = f"&cursor={page.json['next_cursor']}"
    assert seen == ["0.pdf", "1.pdf", "broken.pdf"]
    for asked, other in ((f"?limit=1&reason=infected{cursor}", whose), (f"?limit=1{cursor}", "operator")):
        refused = get(app, asked, other)
        assert (refused.status, refused.json["code"]) == (400, "invalid_cursor")


def test_the_longest_key_has_a_cursor_that_is_taken_back(
    app: ArtStoreApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = MemoryIndex()
    for key in ("\x01" * 1000 + "a", "\x01" * 1000 + "b"):
        index.remove("b" * 63, key, None, Damage(code="x", detail="x", etag=""))
    quarantined = Quarantined(index, Cursors(CursorKeys({CURRENT: "unit"}.get)))
    monkeypatch.setattr(dependencies, "quarantined", lambda: quarantined)
    cursor = get(app, "?limit=1").json["next_cursor"]
    assert len(keys(get(app, f"?limit=1&cursor={cursor}"))) == 1
