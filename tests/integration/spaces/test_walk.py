"""Every operation of the API, with a token of another space: what lies outside the caller's spaces is not there.

Each operation has a probe here. One without fails the test that says how to add it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from artstore.http import Endpoint
from artstore.index.postgres import PostgresIndex
from infra.openapi import ENDPOINTS_OF
from tests.support.walk import OTHER, OWN, SHA256, ById, Lists, NoDocument, Probe, Walker, walking

ACCOUNTS = NoDocument("service accounts belong to the deployment; tests/unit/auth/test_account_spaces.py")
KEYS = NoDocument("signing keys belong to the deployment")
ELEMENTS = NoDocument("storage elements belong to the deployment")
AUDIT = NoDocument("the audit log is the deployment's, read by those who oversee all of it (audit:read)")
PUBLIC = NoDocument("it is public")
WEBHOOK = NoDocument("it takes what storage tells, by a token of its own, and tells nothing")
TOKENS = NoDocument("it concerns tokens")
SCHEDULES = NoDocument("retention schedules belong to the deployment, and tell of no document")
ANY = {"If-Match": "*"}

UPLOAD: dict[str, Any] = {"filename": "a.txt", "size": 3, "sha256": "ab" * 32, "retention_policy": "temporary"}

PROBES: dict[str, Probe | list[Probe]] = {
    "list_documents": [
        Lists("document"),
        Lists("document", "?query=release"),
        Lists("document", f"?space={OWN}"),
    ],
    "show_document": ById("document"),
    "download_document": ById("document"),
    "restore_document": ById("document", lambda _: {}),
    "show_usage": [
        Lists("document", "?by=space", shows=lambda _: OWN),
        Lists("document", "?by=type", shows=lambda _: "text/x-press"),
        Lists("document", f"?by=account&space={OWN}", shows=lambda _: "sa_walker"),
    ],
    "start_upload": [
        ById("document", lambda thing: UPLOAD | {"supersedes": thing}),
        ById("space", lambda thing: UPLOAD | {"space": thing}),
        Lists("document", payload=UPLOAD | {"sha256": SHA256}, shows=lambda _: '"duplicate_of":"'),
        Lists(
            "document",
            payload=UPLOAD | {"sha256": SHA256, "on_duplicate": "reject"},
            shows=lambda _: "duplicate_content",
        ),
    ],
    "start_uploads": [
        ById("document", lambda thing: {"items": [UPLOAD | {"supersedes": thing}]}, refused=False),
        ById("space", lambda thing: {"items": [UPLOAD | {"space": thing}]}, refused=False),
    ],
    "show_upload": ById("upload"),
    "renew_upload": ById("upload"),
    "sign_parts": ById("upload", lambda _: {"parts": [{"part_number": 1, "size": 3, "sha256": "ab" * 32}]}),
    "complete_upload": ById("upload"),
    "abort_upload": ById("upload"),
    "list_uploads": Lists("upload"),
    "sign_request": ById("upload", lambda thing: {"method": "PUT", "key": thing}),
    "change_document": ById("document", lambda _: {"description": "x"}, headers=ANY),
    "delete_document": ById("document", headers=ANY),
    "undelete_document": ById("trashed"),
    "list_trash": Lists("trashed"),
    "list_quarantine": Lists("quarantined"),
    "list_versions": ById("document"),
    "show_history": [ById("document"), ById("document", query="?format=premis"), ById("trashed")],
    "create_retention_schedule": SCHEDULES,
    "list_retention_schedules": SCHEDULES,
    "show_retention_schedule": SCHEDULES,
    "change_retention_schedule": SCHEDULES,
    "delete_retention_schedule": SCHEDULES,
    "list_due_documents": [Lists("document"), Lists("document", f"?space={OWN}&state=not_computable")],
    "start_retention_decision": NoDocument("its answer is a job, which decides within the reach of who asked"),
    "show_retention_decision": NoDocument(
        "shown to who decided, with the ids that it gave, or who sees every space"
    ),
    "set_legal_hold": ById("document", lambda _: {"hold": True, "reason": "x"}, headers=ANY),
    "release_document": ById("document", lambda _: {"reason": "x"}),
    "start_bulk": NoDocument("its answer is a job, which finds documents within the reach of who asked"),
    "show_bulk": NoDocument("a bulk is shown to the account that began it, with the ids that it gave"),
    "start_fixity": NoDocument("it goes through the whole archive, and its answer is a job"),
    "start_export": NoDocument("its answer is a job, which finds documents within the reach of who asked"),
    "start_scan": NoDocument("a scan goes through the whole archive, and its answer is a job"),
    "start_sweep": NoDocument("a sweep goes through the whole archive, and its answer is a job"),
    "list_dead_letters": NoDocument(
        "events of the whole deployment, for those who look after it (elements:admin)"
    ),
    "redrive_dead_letters": NoDocument("its answer is a job, and nothing is told of the events"),
    "finalize_document": ById("document"),
    "finalize_documents": ById("document", lambda thing: {"file_ids": [thing]}, refused=False),
    "list_finalizations": Lists("job"),
    "show_finalization": ById("job"),
    "list_jobs": Lists("job", "?kind=finalize"),
    "show_job": ById("job"),
    "retry_job": ById("job"),
    "start_reindex": NoDocument("it rebuilds the whole index, and its answer is a job"),
    "start_migration": NoDocument("it goes through the whole archive, and its answer is a job"),
    "cancel_job": ById("job"),
    "start_reconciliation": NoDocument("it compares the whole archive, and its answer is a job"),
    "list_spaces": Lists("space"),
    "show_space": ById("space"),
    "change_space": ById("space", lambda _: {"description": "x"}, headers=ANY),
    "delete_space": ById("space", headers=ANY),
    "create_space": NoDocument("who is kept to spaces creates none, and learns of none"),
    "list_storage_elements": ELEMENTS,
    "show_storage_element": ELEMENTS,
    "create_storage_element": ELEMENTS,
    "change_storage_element": ELEMENTS,
    "delete_storage_element": ELEMENTS,
    "change_storage_element_mode": ELEMENTS,
    "list_service_accounts": ACCOUNTS,
    "show_service_account": ACCOUNTS,
    "create_service_account": ACCOUNTS,
    "change_service_account": ACCOUNTS,
    "delete_service_account": ACCOUNTS,
    "restore_service_account": ACCOUNTS,
    "rotate_service_account_secret": ACCOUNTS,
    "list_signing_keys": KEYS,
    "rotate_signing_keys": KEYS,
    "list_audit_entries": AUDIT,
    "verify_audit_log": AUDIT,
    "take_minio_event": WEBHOOK,
    "probe_minio_webhook": WEBHOOK,
    "take_seaweedfs_event": WEBHOOK,
    "probe_seaweedfs_webhook": WEBHOOK,
    "issue_token": TOKENS,
    "introspect_token": TOKENS,
    "revoke_token": TOKENS,
    "show_jwks": PUBLIC,
    "show_server_metadata": PUBLIC,
    "show_openapi": PUBLIC,
    "show_liveness": PUBLIC,
    "show_readiness": PUBLIC,
}

OPERATIONS = {each.operation_id: each for endpoints in ENDPOINTS_OF.values() for each in endpoints}


def probes(kind: type[Probe]) -> list[Any]:
    """Give the operations that have a probe of this kind, each with the probe."""
    given = []
    for name, told in PROBES.items():
        for number, probe in enumerate(told if isinstance(told, list) else [told]):
            if isinstance(probe, kind) and name in OPERATIONS:
                given.append(pytest.param(OPERATIONS[name], probe, id=f"{name}-{number}"))
    return given


@pytest.fixture
def walker(
    aws: None, postgres_index: PostgresIndex, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Walker]:
    with walking(postgres_index, database_url, monkeypatch) as walker:
        yield walker


HOW = """say in PROBES of this file how a token of another space asks for what is not its own.
  ById('document' | 'upload' | 'job' | 'space', payload=lambda thing: {...}) for what names one thing: the answer
    has to be that of an unknown one
  Lists('document', '?query=...') for what lists, counts or finds: nothing of it may be in the answer
  NoDocument('why') for what tells nothing of documents, uploads or jobs, whoever asks"""


def test_every_operation_has_a_probe() -> None:
    missing = sorted(set(OPERATIONS) - set(PROBES))
    assert not missing, f"{', '.join(missing)}: {HOW}"
    assert not sorted(set(PROBES) - set(OPERATIONS)), "operations that are gone"


@pytest.mark.parametrize(("operation", "probe"), probes(ById))
def test_what_is_of_another_space_is_answered_like_what_does_not_exist(
    walker: Walker, operation: Endpoint, probe: ById
) -> None:
    thing, unknown = walker.make(probe.of), walker.unknown(probe.of)
    there = walker.ask(operation, probe, thing, OTHER)
    nowhere = walker.ask(operation, probe, unknown, OTHER)
    assert there.text.replace(thing, "ID") == nowhere.text.replace(unknown, "ID")
    assert there.status == nowhere.status
    assert (there.status == 404) == probe.refused
    own = walker.ask(operation, probe, thing, OWN)
    assert own.status != 404, own.text
    assert own.text.replace(thing, "ID") != there.text.replace(thing, "ID")


@pytest.mark.parametrize(("operation", "probe"), probes(Lists))
def test_what_lists_or_counts_tells_nothing_of_another_space(
    walker: Walker, operation: Endpoint, probe: Lists
) -> None:
    thing = walker.make(probe.of)
    answer = walker.ask(operation, probe, thing, OTHER)
    assert answer.status < 300, answer.text
    assert probe.shows(thing) not in answer.text
    assert probe.shows(thing) in walker.ask(operation, probe, thing, OWN).text
