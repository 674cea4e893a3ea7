"""What is told of a document's life: from its attributes and the audit log, to whom it is told, and as PREMIS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from xml.etree import ElementTree as ET

import pytest

from artstore.attributes import Retention, Scan
from artstore.audit import START, AuditEntry, AuditEvent, AuditPage, AuditQuery, Link, next_entry
from artstore.aws.audit_table import moment_of
from artstore.cursors import CursorKeys, Cursors
from artstore.errors import Invalid, NotFound
from artstore.fixity import Fixity, FixityOutcome
from artstore.index.claims import Place
from artstore.security import Principal, Scope
from functions.query.history import premis
from functions.query.history.models import HistoryQuery
from functions.query.history.reading import Histories
from tests.fakes.documents import NOON, make_projection
from tests.fakes.memory_index import MemoryIndex

READER = Principal("sa_reader", "reader", frozenset({Scope.FILES_READ}))
ADMIN = Principal("sa_admin", "admin", frozenset(Scope))


def kept_to(space: str, *scopes: Scope) -> Principal:
    names = frozenset(map(str, scopes))
    return Principal("sa_kept", "kept", names, {space: names})


class MemoryLog:
    """The audit log as a list; see artstore.aws.audit_table."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.most = 1000

    def add(self, action: str, file_id: UUID, at: datetime, **told: Any) -> None:
        """Append an entry about a document."""
        last = self.entries[-1] if self.entries else None
        told = {"actor": "sa_anna", "outcome": "success"} | told
        event = AuditEvent(
            action=action, object=f"file/{file_id}", source_ip="192.0.2.7", request_id="req-1", **told
        )
        self.entries.append(next_entry(event, Link(last.seq, last.hash) if last else START, at))

    def search(self, query: AuditQuery) -> AuditPage:
        """See AuditTable; a page may be short."""
        found = sorted((each for each in self.entries if each.object == query.object), key=moment_of, reverse=True)
        found = [each for each in found if query.before is None or moment_of(each) < query.before]
        page = found[: min(query.limit, self.most)]
        return AuditPage(page, moment_of(page[-1]) if len(found) > len(page) else None)


class World:
    """One document, and what is known of it."""

    def __init__(self, **said: Any) -> None:
        self.index, self.log = MemoryIndex(), MemoryLog()
        self.file_id = uuid4()
        self.fixity: Fixity | None = None
        self.histories = Histories(
            index=self.index,
            checks=self,
            log=self.log,
            cursors=Cursors(CursorKeys(lambda _stage: "key of the cursors")),
        )
        if said.pop("there", True):
            self.index.project(make_projection(file_id=self.file_id, **said))

    def last(self, place: Place, file_id: UUID, checksum: str) -> Fixity | None:
        """See FixityChecks."""
        return self.fixity

    def types(self, caller: Principal = READER, **asked: Any) -> list[str]:
        """Give the types of a page's events."""
        return [each.type for each in self.histories.read(self.file_id, HistoryQuery(**asked), caller)[0].items]

    def xml(self, caller: Principal = READER) -> ET.Element:
        """Give a page as PREMIS."""
        return ET.fromstring(premis.write(*self.histories.read(self.file_id, HistoryQuery(), caller)))  # noqa: S314


def eventful() -> World:
    scan = Scan(status="clean", at=NOON + timedelta(minutes=1), engine="ClamAV 1.4")
    world = World(scan=scan, revision=4, updated_at=NOON + timedelta(days=3))
    world.log.add("finalization.completed", world.file_id, NOON + timedelta(days=1), after={"element": "rw-01"})
    world.log.add(
        "fixity.failed", world.file_id, NOON + timedelta(days=2), outcome="refused", reason="sha256_differs"
    )
    world.log.add("legal_hold.placed", world.file_id, NOON + timedelta(days=4), reason="case 7")
    world.log.add("document.deleted", uuid4(), NOON + timedelta(days=4))
    return world


def test_a_life_is_told_newest_first_in_the_words_of_premis() -> None:
    world = eventful()
    history, _ = world.histories.read(world.file_id, HistoryQuery(), READER)
    assert [(each.type, each.outcome, each.agent, each.reason) for each in history.items] == [
        ("policy assignment", "success", "sa_anna", "case 7"),
        ("metadata modification", "success", None, None),
        ("fixity check", "failure", "sa_anna", "sha256_differs"),
        ("migration", "success", "sa_anna", None),
        ("virus check", "clean", "ClamAV 1.4", None),
        ("ingestion", "success", "sa_anna", None),
    ]
    assert history.items[3].detail == "element: rw-01"
    assert "192.0.2.7" not in repr(history), "where somebody called from is the audit log's alone"


@pytest.mark.parametrize("most", [1000, 1])
@pytest.mark.parametrize("limit", [1, 2, 3, 6])
def test_pages_hold_every_event_once_and_in_order(limit: int, most: int) -> None:
    world = eventful()
    world.log.most = most
    for number in range(5):  # five in the same millisecond
        world.log.add("retention.extended", world.file_id, NOON + timedelta(days=3), reason=str(number))
    whole = [
        each.event_id for each in world.histories.read(world.file_id, HistoryQuery(limit=100), READER)[0].items
    ]
    assert len(whole) == 11
    found: list[str] = []
    cursor = None
    while True:
        asked = HistoryQuery(limit=limit, cursor=cursor)
        history, _ = world.histories.read(world.file_id, asked, READER)
        assert len(history.items) <= limit
        found += [each.event_id for each in history.items]
        cursor = history.next_cursor
        if cursor is None:
            break
    assert found == whole


@pytest.mark.parametrize(("outcome", "told"), [(FixityOutcome.OK, "success"), (FixityOutcome.MISMATCH, "failure")])
def test_the_last_check_of_the_bytes_is_told(outcome: FixityOutcome, told: str) -> None:
    world = World()
    world.fixity = Fixity(NOON + timedelta(days=5), outcome)
    history, _ = world.histories.read(world.file_id, HistoryQuery(), READER)
    newest = history.items[0]
    assert (newest.type, newest.outcome, newest.agent) == ("fixity check", told, "system")


def test_a_cursor_of_another_document_is_refused() -> None:
    world, other = eventful(), eventful()
    history, _ = world.histories.read(world.file_id, HistoryQuery(limit=1), READER)
    with pytest.raises(Invalid):
        other.histories.read(other.file_id, HistoryQuery(cursor=history.next_cursor), READER)


def test_out_of_reach_it_is_as_if_there_were_none() -> None:
    world = World(space="press")
    world.log.add("legal_hold.placed", world.file_id, NOON, before={"space": "legal"})
    for caller in (READER, kept_to("legal", *Scope)):
        with pytest.raises(NotFound) as refused:
            world.types(caller)
        assert refused.value.code == "document_not_found"
    assert world.types(kept_to("press", Scope.FILES_READ)) == ["ingestion", "policy assignment"]


def test_of_what_lies_in_the_trash_only_those_are_told_who_could_bring_it_back() -> None:
    world = World(deleted_at=NOON + timedelta(days=1))
    world.log.add("document.deleted", world.file_id, NOON + timedelta(days=1))
    with pytest.raises(NotFound):
        world.types(READER)
    for scope in (Scope.FILES_DELETE, Scope.ELEMENTS_ADMIN):
        assert world.types(Principal("sa_x", "x", frozenset({Scope.FILES_READ, scope}))) == [
            "deaccession",
            "ingestion",
        ]


def purged(before: dict[str, Any]) -> World:
    world = World(there=False)
    at = datetime(2036, 3, 2, tzinfo=UTC)
    world.log.add("legal_hold.released", world.file_id, at - timedelta(days=900))
    world.log.add(
        "retention.disposed", world.file_id, at, before=before, after={"how": "removed"}, reason="list 12"
    )
    return world


def test_the_history_of_what_is_gone_is_told_to_who_administers_its_space() -> None:
    world = purged({"space": "press", "original_filename": "a.pdf", "checksum": "ab" * 32, "file_size": 7})
    assert world.types(ADMIN) == ["deletion", "policy assignment"]
    assert world.types(kept_to("press", *Scope)) == ["deletion", "policy assignment"]
    for caller in (READER, kept_to("legal", *Scope), kept_to("press", Scope.FILES_READ, Scope.FILES_DELETE)):
        with pytest.raises(NotFound):
            world.types(caller)


def test_where_the_log_names_no_space_only_who_sees_all_of_them_is_told() -> None:
    world = purged({"checksum": "ab" * 32})
    assert world.types(ADMIN) == ["deletion", "policy assignment"]
    with pytest.raises(NotFound):
        world.types(kept_to("default", *Scope))


def test_nobody_knows_of_what_never_was() -> None:
    world = World(there=False)
    with pytest.raises(NotFound):
        world.types(ADMIN)


# What premis-v3-0.xsd of the Library of Congress asks for, in its order: (name, least, most, inner).
Rule = tuple[str, int, float, "list[Rule] | None"]
ANY = float("inf")


def _identifier(of: str) -> list[Rule]:
    return [(f"{of}Type", 1, 1, None), (f"{of}Value", 1, 1, None)]


_CHARACTERISTICS: list[Rule] = [
    ("compositionLevel", 0, 1, None),
    ("fixity", 0, ANY, [("messageDigestAlgorithm", 1, 1, None), ("messageDigest", 1, 1, None)]),
    ("size", 0, 1, None),
    ("format", 1, ANY, [("formatDesignation", 1, 1, [("formatName", 1, 1, None)])]),
]
_PREMIS: list[Rule] = [
    (
        "object",
        1,
        ANY,
        [
            ("objectIdentifier", 1, ANY, _identifier("objectIdentifier")),
            ("objectCharacteristics", 1, ANY, _CHARACTERISTICS),
            ("originalName", 0, 1, None),
        ],
    ),
    (
        "event",
        0,
        ANY,
        [
            ("eventIdentifier", 1, 1, _identifier("eventIdentifier")),
            ("eventType", 1, 1, None),
            ("eventDateTime", 1, 1, None),
            ("eventDetailInformation", 0, ANY, [("eventDetail", 0, 1, None)]),
            (
                "eventOutcomeInformation",
                0,
                ANY,
                [
                    ("eventOutcome", 0, 1, None),
                    ("eventOutcomeDetail", 0, ANY, [("eventOutcomeDetailNote", 0, 1, None)]),
                ],
            ),
            ("linkingAgentIdentifier", 0, ANY, _identifier("linkingAgentIdentifier")),
            ("linkingObjectIdentifier", 0, ANY, _identifier("linkingObjectIdentifier")),
        ],
    ),
    (
        "agent",
        0,
        ANY,
        [
            ("agentIdentifier", 1, ANY, _identifier("agentIdentifier")),
            ("agentName", 0, ANY, None),
            ("agentType", 0, 1, None),
        ],
    ),
]


def check_structure(element: ET.Element, rules: list[Rule] | None) -> None:
    """Check what is in an element: namespaces, names, order, and how often each is there."""
    children = list(element)
    if rules is None:
        assert not children
        assert element.text
        return
    for name, least, most, inner in rules:
        mine = []
        while children and children[0].tag == f"{{{premis.NAMESPACE}}}{name}":
            mine.append(children.pop(0))
        assert least <= len(mine) <= most, f"{element.tag}: {name} {len(mine)} times"
        for each in mine:
            check_structure(each, inner)
    assert not children, f"{element.tag}: {children[0].tag} is not to be there"


@pytest.mark.parametrize(
    "make",
    [
        eventful,
        lambda: World(original_filename="bad\x01name<&>.txt", retention=Retention(policy="permanent")),
        lambda: purged({"space": "press"}),
        lambda: purged({"original_filename": "a.pdf", "checksum": "ab" * 32, "file_size": 7}),
    ],
)
def test_premis_has_the_structure_that_its_schema_asks_for(make: Callable[[], World]) -> None:
    root = make().xml(ADMIN)
    assert root.tag == f"{{{premis.NAMESPACE}}}premis"
    assert root.get("version") == "3.0"
    check_structure(root, _PREMIS)
    instance = "{http://www.w3.org/2001/XMLSchema-instance}"
    assert root[0].get(f"{instance}type") == "premis:file"


def test_premis_tells_the_same_as_json() -> None:
    world = eventful()
    root, name = world.xml(), f"{{{premis.NAMESPACE}}}"
    assert [each.findtext(f"{name}eventType") for each in root.iter(f"{name}event")] == world.types()
    agents = {each.findtext(f"{name}agentName") for each in root.iter(f"{name}agent")}
    assert agents == {"sa_anna", "ClamAV 1.4"}
    linked = {each.text for each in root.iter(f"{name}linkingObjectIdentifierValue")}
    assert linked == {str(world.file_id)}
    assert root.findtext(f".//{name}messageDigest") == "ab" * 32
