"""The read side answers from the index alone."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from uuid import UUID, uuid4

import msgspec
import pytest
from openapi_spec_validator import validate

from artstore import config, telemetry
from artstore.attributes import Quarantine
from artstore.aws.secret_store import CURRENT, PREVIOUS
from artstore.cursors import CursorKeys
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.errors import Invalid, Misconfigured, PreconditionFailed, Unavailable
from artstore.fixity import Compared, FixityOutcome
from artstore.http import create_app
from artstore.http.app import ArtStoreApp
from artstore.http.preconditions import IfMatch
from artstore.index import Position
from artstore.index.claims import Place
from artstore.presign.signer import UrlSigner
from artstore.security import Principal, Scope
from functions.query import api_document, dependencies
from functions.query import app as query
from functions.query.archived import ArchivedBytes
from functions.query.cursors import Cursors
from functions.query.documents import Documents
from functions.query.health import Check, ReadinessProbe
from tests.fakes.documents import make_projection, make_version
from tests.fakes.memory_fixity import MemoryFixity
from tests.fakes.memory_index import MemoryIndex
from tests.support.gateway import Answer, call

NOW = datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)
FILES = "/api/v1/files"
SHOWN = "/api/v1/files/{file_id}"
FIELDS_OF_SCHEMA_2 = {
    "schema_version",
    "file_id",
    "original_filename",
    "storage_filename",
    "file_size",
    "content_type",
    "created_at",
    "updated_at",
    "created_by_id",
    "created_by_username",
    "created_by_fullname",
    "description",
    "version",
    "storage_path",
    "checksum",
    "metadata",
    "custom_attributes",
}
ENVIRONMENT = {"AWS_REGION": "eu-north-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


EDIT_ONLY = StorageElements((StorageElement("edit-01", "edit-b", Mode.EDIT),))


@pytest.fixture
def index() -> MemoryIndex:
    return MemoryIndex()


@pytest.fixture
def fixity(index: MemoryIndex) -> MemoryFixity:
    return MemoryFixity(index)


@pytest.fixture
def app(index: MemoryIndex, fixity: MemoryFixity, monkeypatch: pytest.MonkeyPatch) -> ArtStoreApp:
    documents = Documents(
        index=index,
        signer=UrlSigner(lambda: ENVIRONMENT, None, lambda: NOW),
        archived=ArchivedBytes(lambda: EDIT_ONLY, pytest.fail, index),
        checks=fixity,
        cursors=Cursors(CursorKeys({CURRENT: "unit"}.get)),
        download_expiry_seconds=300,
    )
    monkeypatch.setenv("ARTSTORE_PREFIX", "unit")
    monkeypatch.setattr(dependencies, "documents", lambda: documents)
    return create_app("unit-query", query.ENDPOINTS, reader, elsewhere=api_document.methods)


def reader(token: str) -> Principal:
    """Give a reader of the spaces that the token names, parted by commas; of the default one for ``t``."""
    scopes = frozenset({str(Scope.FILES_READ)})
    return Principal("sa_1", "robot", scopes, None if token == "t" else dict.fromkeys(token.split(","), scopes))


def add(
    index: MemoryIndex,
    number: int,
    filename: str = "report.pdf",
    version: str | None = None,
    space: str | None = None,
) -> UUID:
    at = NOW + timedelta(minutes=number)
    projection = make_projection(
        key=f"2026/{number}.pdf",
        bucket="rw-b",
        original_filename=filename,
        created_at=at,
        updated_at=at,
        storage_version_id=version,
        space=space,
    )
    index.project(projection)
    return projection.attributes.file_id


def get(app: ArtStoreApp, url: str, resource: str | None = None, whose: str = "t") -> Answer:
    return call(app, "GET", url, resource, token=whose)


def one(app: ArtStoreApp, file_id: UUID, suffix: str = "", **headers: str) -> Answer:
    resource = f"{FILES}/{{file_id}}{suffix}"
    return call(app, "GET", f"{FILES}/{file_id}{suffix}", resource, token="t", headers=headers)


def test_a_document_is_its_attributes_and_its_status(app: ArtStoreApp, index: MemoryIndex) -> None:
    file_id = add(index, 1)
    answer = one(app, file_id)
    assert (answer.status, answer.headers["ETag"]) == (200, '"1"')
    assert answer.json["file_id"] == str(file_id)
    assert (answer.json["status"], answer.json["file_size"]) == ("STORED", 1024)
    assert answer.json["created_at"] == "2026-11-21T07:06:09Z"


def test_an_unknown_document_is_404(app: ArtStoreApp) -> None:
    for suffix in ("", "/download"):
        answer = one(app, uuid4(), suffix)
        assert (answer.status, answer.json["code"]) == (404, "document_not_found")


def test_a_list_is_newest_first_and_paged_without_gap_or_repetition(app: ArtStoreApp, index: MemoryIndex) -> None:
    added = [str(add(index, number)) for number in range(5)]
    seen, url = [], f"{FILES}?limit=2"
    while url:
        page = get(app, url).json
        assert page["total"] == {"value": 5, "relation": "eq"}
        seen += [item["file_id"] for item in page["items"]]
        url = f"{FILES}?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert seen == added[::-1]


def test_a_query_finds_by_name(app: ArtStoreApp, index: MemoryIndex) -> None:
    add(index, 1, filename="report_alpha.pdf")
    found = add(index, 2, filename="договор_бета.pdf")
    page = get(app, f"{FILES}?query={quote('договор')}").json
    assert [item["file_id"] for item in page["items"]] == [str(found)]


def test_a_cursor_continues_only_the_search_it_came_from(app: ArtStoreApp, index: MemoryIndex) -> None:
    for number in range(3):
        add(index, number)
    cursor = get(app, f"{FILES}?limit=1&query=report").json["next_cursor"]
    assert get(app, f"{FILES}?limit=1&query=report&cursor={cursor}").status == 200
    for forged in (f"query=other&cursor={cursor}", f"cursor={cursor}", f"query=report&cursor={cursor[:-2]}AA"):
        answer = get(app, f"{FILES}?{forged}")
        assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")


def test_a_cursor_outlives_one_replacement_of_its_key_in_every_process() -> None:
    stages, now = {CURRENT: "first"}, [0.0]
    here, there = (Cursors(CursorKeys(stages.get, lambda: now[0])) for _ in range(2))
    position = Position(created_at=NOW, file_id=UUID(int=1))
    old = here.seal(position, "report")
    assert there.open(old, "report") == position
    stages |= {CURRENT: "second", PREVIOUS: "first"}
    now[0] += 60
    assert there.open(here.seal(position, "report"), "report") == position, "a process may seal with the old one"
    fresh = Cursors(CursorKeys(stages.get, lambda: now[0]))
    assert here.open(fresh.seal(position, "report"), "report") == position, "and learns of the new one"
    assert fresh.open(old, "report") == position
    stages |= {CURRENT: "third", PREVIOUS: "second"}
    now[0] += 60
    with pytest.raises(Invalid):
        Cursors(CursorKeys(stages.get, lambda: now[0])).open(old, "report")


def test_made_up_cursors_do_not_make_a_process_read_the_key_each_time() -> None:
    asked: list[str] = []

    def read(stage: str) -> str | None:
        asked.append(stage)
        return "unit" if stage == CURRENT else None

    cursors = Cursors(CursorKeys(read, lambda: 0.0))
    for _ in range(20):
        with pytest.raises(Invalid):
            cursors.open("AAAA", None)
    assert asked == [CURRENT, PREVIOUS]


def test_a_deployment_without_a_key_for_cursors_is_misconfigured() -> None:
    with pytest.raises(Misconfigured, match="ARTSTORE_CURSOR_KEY_SECRET_ID"):
        Cursors(CursorKeys(lambda _stage: None)).open("AAAA", None)


@pytest.mark.parametrize("cursor", ["x", "%00", "%F0%9F%98%80", "AAAA", "e30", "A" * 200])
def test_a_made_up_cursor_is_refused(app: ArtStoreApp, cursor: str) -> None:
    answer = get(app, f"{FILES}?cursor={cursor}")
    assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("parameters", ["limit=0", "limit=101", "limit=x", "query=a%00b", "colour=red"])
def test_wrong_parameters_are_400(app: ArtStoreApp, parameters: str) -> None:
    answer = get(app, f"{FILES}?{parameters}")
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")


def test_a_download_is_a_redirect_to_an_attachment(app: ArtStoreApp, index: MemoryIndex) -> None:
    file_id = add(index, 1, filename="Отчёт.pdf", version="v1")
    answer = one(app, file_id, "/download")
    assert answer.status == 307
    target = urlsplit(answer.headers["Location"])
    assert (target.netloc, target.path) == ("rw-b.s3.eu-north-1.amazonaws.com", "/2026/1.pdf")
    asked = parse_qs(target.query)
    assert asked["X-Amz-Expires"] == ["300"]
    assert asked["versionId"] == ["v1"]
    assert asked["response-content-disposition"][0].startswith("attachment;")
    assert quote("Отчёт.pdf") in asked["response-content-disposition"][0]


def test_a_document_without_its_bytes_is_shown_as_missing_and_cannot_be_downloaded(
    app: ArtStoreApp, index: MemoryIndex
) -> None:
    projection = make_projection(missing=True)
    index.project(projection)
    file_id = projection.attributes.file_id
    assert one(app, file_id).json["status"] == "MISSING"
    assert [item["status"] for item in get(app, FILES).json["items"]] == ["MISSING"]
    answer = one(app, file_id, "/download")
    assert (answer.status, answer.json["code"]) == (410, "document_missing")
    index.project(msgspec.structs.replace(projection, missing=False, object=make_version()))
    assert one(app, file_id).json["status"] == "STORED"
    assert one(app, file_id, "/download").status == 307


def test_a_document_in_quarantine_is_found_and_shown_with_the_reason_and_not_given_out(
    app: ArtStoreApp, index: MemoryIndex
) -> None:
    quarantine = Quarantine(reason="checksum_mismatch", at=NOW)
    projection = make_projection(quarantine=quarantine, checksum_verified=False)
    index.project(projection)
    file_id = projection.attributes.file_id
    shown = one(app, file_id).json
    assert shown["status"] == "QUARANTINED"
    assert shown["quarantine"] == {"reason": "checksum_mismatch", "at": "2026-11-21T07:05:09Z"}
    assert shown["checksum_verified"] is False
    assert [item["status"] for item in get(app, FILES).json["items"]] == ["QUARANTINED"]
    answer = one(app, file_id, "/download")
    assert (answer.status, answer.json["code"]) == (409, "document_quarantined")
    assert "checksum_mismatch" in answer.json["detail"]


def test_no_cache_goes_on_showing_a_document_as_stored_when_its_bytes_are_missing(
    app: ArtStoreApp, index: MemoryIndex
) -> None:
    stored = make_projection(object=make_version())
    file_id = stored.attributes.file_id
    index.project(stored)
    known = {"If-None-Match": one(app, file_id).headers["ETag"]}
    assert one(app, file_id, **known).status == 304
    index.project(msgspec.structs.replace(stored, missing=True, object=None))
    answer = one(app, file_id, **known)
    assert (answer.status, answer.json["status"]) == (200, "MISSING")


@pytest.mark.parametrize(
    "accept", ["application/json", "application/problem+json, application/json", "*/*;q=0.5, application/json"]
)
def test_the_link_is_given_as_json_when_asked_for(app: ArtStoreApp, index: MemoryIndex, accept: str) -> None:
    answer = one(app, add(index, 1), "/download", Accept=accept)
    assert answer.status == 200
    assert answer.json["url"].startswith("https://rw-b.s3.")
    assert answer.json["expires_at"] == "2026-11-21T07:10:09Z"


def test_the_last_check_of_a_document_is_shown_and_changes_its_etag(
    app: ArtStoreApp, index: MemoryIndex, fixity: MemoryFixity
) -> None:
    file_id = add(index, 1)
    assert one(app, file_id).json["fixity"] is None
    before = one(app, file_id).headers["ETag"]
    found = Compared(file_id=file_id, checksum="ab" * 32, sha256="cd" * 32)
    fixity.note(Place("rw-b", "2026/1.pdf"), NOW, FixityOutcome.MISMATCH, found)
    answer = one(app, file_id, **{"If-None-Match": before})
    assert answer.status == 200, "no cache goes on showing what was found before"
    assert answer.json["fixity"] == {"checked_at": "2026-11-21T07:05:09Z", "outcome": "mismatch"}
    assert one(app, file_id, **{"If-None-Match": answer.headers["ETag"]}).status == 304
    IfMatch(answer.headers["ETag"]).check(before)  # a change is on condition of the attributes alone
    with pytest.raises(PreconditionFailed):
        IfMatch(answer.headers["ETag"]).check('"2"')
    others = Compared(file_id=file_id, checksum="ee" * 32, sha256=None)
    fixity.note(Place("rw-b", "2026/1.pdf"), NOW, FixityOutcome.MISMATCH, others)
    assert one(app, file_id).json["fixity"] is None, "it was of bytes that the document no longer has"
    assert get(app, FILES).json["items"][0]["fixity"] is None


def test_liveness_asks_nothing(app: ArtStoreApp) -> None:
    assert call(app, "GET", "/health/live").json == {"status": "alive"}


def test_readiness_names_each_dependency_and_no_cause(app: ArtStoreApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise Unavailable("10.0.0.9 refused")

    def probe(**changed: Check) -> None:
        made = ReadinessProbe(checks | changed, telemetry.get_logger("unit"))
        monkeypatch.setattr(dependencies, "readiness", lambda: made)

    checks: dict[str, Check] = {"dynamodb": lambda: None, "s3": lambda: None, "postgresql": lambda: None}
    probe()
    answer = call(app, "GET", "/health/ready")
    assert answer.status == 200
    assert answer.json == {"status": "ready", "dependencies": dict.fromkeys(checks, "ok")}
    for name in checks:
        probe(**{name: refuse})
        answer = call(app, "GET", "/health/ready")
        assert answer.status == 503
        assert {each for each, state in answer.json["dependencies"].items() if state != "ok"} == {name}
        assert "10.0.0.9" not in answer.text


@pytest.mark.parametrize(
    ("issuer", "public_url", "server", "token_url"),
    [
        ("https://a.example/v1", None, "https://a.example/v1", "https://a.example/v1/api/v1/auth/token"),
        ("https://a.example/v1", "http://b:1/", "http://b:1", "http://b:1/api/v1/auth/token"),
        ("urn:archive", None, ".", "/api/v1/auth/token"),
    ],
)
def test_the_openapi_document_says_where_the_api_answers(
    app: ArtStoreApp,
    monkeypatch: pytest.MonkeyPatch,
    issuer: str,
    public_url: str | None,
    server: str,
    token_url: str,
) -> None:
    settings = config.QuerySettings(
        prefix="p",
        issuer=issuer,
        public_url=public_url,
        elements=StorageElements((StorageElement("edit-01", "edit-b", Mode.EDIT),)),
        database_url="postgresql://unit",
        cursor_key_secret_id="cursors",
    )
    monkeypatch.setattr(dependencies, "settings", lambda: settings)
    answer = call(app, "GET", "/openapi.json")
    document = answer.json
    validate(document)
    assert document["servers"] == [{"url": server}]
    [flow] = document["components"]["securitySchemes"]["oauth2"]["flows"].values()
    assert flow["tokenUrl"] == token_url
    assert "/api/v1/files/{file_id}/download" in document["paths"]
    known = {"If-None-Match": answer.headers["ETag"]}
    assert call(app, "GET", "/openapi.json", headers=known).status == 304


def test_what_other_functions_serve_is_known_to_be_there(app: ArtStoreApp) -> None:
    answer = call(app, "PUT", FILES)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert call(app, "OPTIONS", "/api/v1/auth/token").headers["Allow"] == "OPTIONS, POST"
    assert call(app, "GET", "/api/v1/nothing", "/{proxy+}").status == 404


def test_a_document_shows_every_field_of_its_schema_empty_ones_too(app: ArtStoreApp, index: MemoryIndex) -> None:
    shown = one(app, add(index, 1)).json
    assert set(shown) >= FIELDS_OF_SCHEMA_2 | {"status"}
    empty: dict[str, object] = {
        "created_by_fullname": None,
        "description": None,
        "version": None,
        "metadata": {},
        "tags": [],
    }
    assert {name: shown[name] for name in empty} == empty


def test_a_document_of_another_space_is_404_like_one_that_does_not_exist(
    app: ArtStoreApp, index: MemoryIndex
) -> None:
    file_id = add(index, 1, space="press")
    for suffix in ("", "/download"):
        resource = f"{FILES}/{{file_id}}{suffix}"
        there, nowhere = (get(app, f"{FILES}/{each}{suffix}", resource) for each in (file_id, uuid4()))
        assert (there.status, there.json["code"]) == (404, "document_not_found")
        assert there.json == nowhere.json
        assert get(app, f"{FILES}/{file_id}{suffix}", resource, whose="press").status in (200, 307)
    assert one(app, file_id).status == 404


def test_a_list_holds_the_documents_of_the_callers_spaces(app: ArtStoreApp, index: MemoryIndex) -> None:
    press = str(add(index, 1, space="press"))
    legal = str(add(index, 2, space="legal"))
    default = str(add(index, 3))

    def listed(token: str, asked: str = "") -> list[str]:
        answer = get(app, f"{FILES}{asked}", whose=token)
        assert answer.status == 200
        assert answer.json["total"]["value"] == len(answer.json["items"])
        return [item["file_id"] for item in answer.json["items"]]

    assert listed("t") == [default]
    assert listed("press,legal") == [legal, press]
    assert listed("*") == [default, legal, press]
    assert listed("press,legal", "?space=press") == listed("*", "?space=press") == [press]
    assert listed("press", "?space=legal") == listed("press", "?space=unknown") == []
    assert listed("*", "?space=default") == [default]


def test_a_cursor_is_of_no_use_to_who_reaches_other_spaces(app: ArtStoreApp, index: MemoryIndex) -> None:
    for number in range(4):
        add(index, number, space=("press", None)[number % 2])
    cursor = get(app, f"{FILES}?limit=1", whose="*").json["next_cursor"]
    assert get(app, f"{FILES}?limit=1&cursor={cursor}", whose="*").status == 200
    for token, asked in (("t", ""), ("press", ""), ("press,default", ""), ("*", "&space=press")):
        answer = get(app, f"{FILES}?limit=1&cursor={cursor}{asked}", whose=token)
        assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")


def test_a_space_that_can_be_none_is_a_mistake(app: ArtStoreApp) -> None:
    answer = get(app, f"{FILES}?space=No+Name")
    assert (answer.status, answer.json["field"]) == (400, "space")


def test_a_list_may_be_of_one_checksum_or_of_one_folder(app: ArtStoreApp, index: MemoryIndex) -> None:
    for name, changes in (("a", {"checksum": "cd" * 32}), ("b", {"folder": "/x"}), ("c", {"folder": "/x/y"})):
        index.project(make_projection(original_filename=name, **changes))

    def listed(**asked: str) -> list[str]:
        page = get(app, f"{FILES}?{urlencode(asked)}").json
        return sorted(item["original_filename"] for item in page["items"])

    assert listed(sha256="CD" * 32) == ["a"]
    assert listed(folder="/x") == ["b", "c"]
    assert listed(folder="/x/y") == ["c"]
    assert listed(folder="/x", query="b") == ["b"]


def test_a_cursor_continues_the_folder_that_it_came_from(app: ArtStoreApp, index: MemoryIndex) -> None:
    for folder in ("/x", "/x", "/y"):
        index.project(make_projection(folder=folder))
    cursor = get(app, f"{FILES}?folder=/x&limit=1").json["next_cursor"]
    assert len(get(app, f"{FILES}?folder=/x&limit=1&cursor={cursor}").json["items"]) == 1
    for other in ("folder=/y", f"folder=/x&sha256={'ab' * 32}", ""):
        assert get(app, f"{FILES}?{other}&limit=1&cursor={cursor}").json["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    ("asked", "code"),
    [("folder=x", "invalid_folder"), ("folder=/x/", "invalid_folder"), ("sha256=ab", "invalid_parameter")],
)
def test_what_is_no_folder_or_checksum_is_refused(app: ArtStoreApp, asked: str, code: str) -> None:
    answer = get(app, f"{FILES}?{asked}")
    assert (answer.status, answer.json["code"]) == (400, code)
    assert answer.json["field"] == asked.partition("=")[0]


def test_a_document_is_shown_as_v1_had_it_to_who_asks_for_that(app: ArtStoreApp, index: MemoryIndex) -> None:
    projection = make_projection(custom_attributes={"contract": 17}, tags=("x",))
    index.project(projection)
    url = f"{FILES}/{projection.attributes.file_id}"
    plain, v1 = get(app, url, SHOWN), get(app, f"{url}?schema=1.0", SHOWN)
    assert (plain.status, v1.status) == (200, 200)
    assert get(app, f"{url}?schema=2.0", SHOWN).json == plain.json
    assert set(v1.json) == FIELDS_OF_SCHEMA_2 - {"schema_version", "custom_attributes"} | {"dropped"}
    assert v1.json["dropped"] == ["custom_attributes", "revision", "tags"]
    assert v1.json["created_at"] == "2026-03-01T12:00:00+00:00"


def test_each_form_has_an_etag_of_its_own(app: ArtStoreApp, index: MemoryIndex) -> None:
    projection = make_projection()
    index.project(projection)
    url = f"{FILES}/{projection.attributes.file_id}"
    etags = {schema: get(app, f"{url}?schema={schema}", SHOWN).headers["ETag"] for schema in ("1.0", "2.0")}
    assert etags["1.0"] != etags["2.0"]
    for asked, etag in itertools.product(etags, etags.values()):
        answer = call(app, "GET", f"{url}?schema={asked}", SHOWN, token="t", headers={"If-None-Match": etag})
        assert answer.status == (304 if etags[asked] == etag else 200)
        assert answer.headers["ETag"] == etags[asked]


@pytest.mark.parametrize(
    ("asked", "status", "code"), [("1.0", 409, "not_v1_compatible"), ("1.1", 400, "invalid_parameter")]
)
def test_a_form_that_there_is_not_is_refused(
    app: ArtStoreApp, index: MemoryIndex, asked: str, status: int, code: str
) -> None:
    projection = make_projection(file_size=0)
    index.project(projection)
    answer = get(app, f"{FILES}/{projection.attributes.file_id}?schema={asked}", SHOWN)
    assert (answer.status, answer.json["code"]) == (status, code)
