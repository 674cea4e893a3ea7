"""What storage itself refuses in each element, whoever asks."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from artstore.elements import ElementStatus, Mode, StorageElement, StorageElements, Transition
from artstore.elements.registry import Definition, Rows
from artstore.errors import Unavailable
from functions.maintenance.guard import rules
from functions.maintenance.guard.keeping import StorageGuard

ARN = "arn:aws:s3:::b"
INGEST = "arn:aws:iam::1:role/ingest"
TEMPLATE_STATEMENT = {
    "Sid": "NoDeletion",
    "Effect": "Deny",
    "Principal": "*",
    "Action": ["s3:DeleteObject"],
    "Resource": f"{ARN}/*",
}
TEMPLATE_RULE = {"ID": "abort-stale-multiparts", "Status": "Enabled"}


def defined(prefix: str, mode: Mode = Mode.RW, phase: str | None = None, to: Mode = Mode.RO) -> Definition:
    transition = None
    if phase is not None:
        transition = Transition(to=to, phase=phase, since="t", job_id="j", requested_by="me")
    name = prefix.strip("/") or "root"
    return Definition(element_id=name, bucket="b", prefix=prefix, mode=mode, transition=transition)


def refuses(statements: list[dict[str, Any]], key: str, principal: str = "arn:aws:iam::1:role/upload") -> bool:
    """Decide as S3 does for a PutObject."""
    for one in statements:
        assert (one["Effect"], one["Principal"]) == ("Deny", "*")
        assert "s3:PutObject" in one["Action"]
        assert "s3:DeleteObjectVersion" in one["Action"]
        if "Resource" in one:
            matches = any(fnmatchcase(f"{ARN}/{key}", pattern) for pattern in one["Resource"])
        else:
            matches = not any(fnmatchcase(f"{ARN}/{key}", pattern) for pattern in one["NotResource"])
        excepted = one.get("Condition", {}).get("ArnNotEquals", {}).get("aws:PrincipalArn") == principal
        if matches and not excepted:
            return True
    return False


def test_rw_elements_are_left_to_roles_and_object_lock() -> None:
    assert rules.own_statements(ARN, [defined(""), defined("a/"), defined("b/", phase="draining")], INGEST) == []


@pytest.mark.parametrize("phase", ["closing", "settling"])
def test_while_an_element_is_closing_only_ingest_writes(phase: str) -> None:
    statements = rules.own_statements(ARN, [defined("a/", phase=phase), defined("b/")], INGEST)
    assert refuses(statements, "a/x")
    assert not refuses(statements, "a/x.attr.json", INGEST)
    assert not refuses(statements, "b/x")


@pytest.mark.parametrize(
    "definition", [defined("a/", phase="sealing"), defined("a/", Mode.RO), defined("a/", Mode.AR)]
)
def test_what_is_sealed_nobody_writes(definition: Definition) -> None:
    statements = rules.own_statements(ARN, [definition, defined("b/"), defined("")], INGEST)
    assert refuses(statements, "a/x")
    assert refuses(statements, "a/x.attr.json", INGEST)
    assert not refuses(statements, "b/x")
    assert not refuses(statements, "2026/x")


def test_sealing_the_element_that_has_the_whole_bucket_leaves_out_others_and_our_own_records() -> None:
    definitions = [defined("", Mode.RO), defined("open/"), defined("shut/", Mode.RO)]
    statements = rules.own_statements(ARN, definitions, INGEST)
    assert refuses(statements, "2026/01/02/03/x")
    assert refuses(statements, "shut/x")
    assert not refuses(statements, "open/x")
    assert not refuses(statements, ".artstore/audit/2026/1.jsonl")


def test_the_archive_takes_bytes_and_leaves_every_attr_json_readable() -> None:
    definitions = [defined("a/", Mode.AR), defined("b/", Mode.RO), defined("c/", Mode.RO, "sealing", Mode.AR)]
    found = rules.own_rules(definitions)
    assert [one["Filter"]["And"]["Prefix"] for one in found] == ["a/", "c/"]
    for one in found:
        assert one["Filter"]["And"]["ObjectSizeGreaterThan"] >= 64 * 1024, "an attr.json has 64 KiB at most"
        assert one["Transitions"] == [{"Days": 0, "StorageClass": "GLACIER"}]


def archives(found: list[dict[str, Any]], key: str, size: int = 10**6) -> bool:
    """Decide as S3 does for a lifecycle."""
    filters = [one["Filter"]["And"] for one in found]
    return any(key.startswith(one["Prefix"]) and size > one["ObjectSizeGreaterThan"] for one in filters)


def test_archiving_the_element_that_has_the_whole_bucket_takes_its_documents_and_nothing_else() -> None:
    definitions = [defined("", Mode.AR), defined("open/"), defined("shut/", Mode.RO), defined("old/", Mode.AR)]
    found = rules.own_rules(definitions)
    assert archives(found, "2026/11/25/17/a_me_20261125T170000_0.pdf")
    assert archives(found, "1999/01/01/00/a")
    assert archives(found, "old/2026/11/25/17/a")
    assert not archives(found, "2026/11/25/17/a_me_20261125T170000_0.pdf.attr.json", 64 * 1024)
    for other in (".artstore/audit/2026/1.jsonl", "open/2026/11/25/17/a", "shut/2026/11/25/17/a"):
        assert not archives(found, other), other
    assert len({one["ID"] for one in found}) == len(found), "S3 takes each name once"
    assert len(found) <= 1000, "S3 takes no more"


def test_an_element_of_the_template_may_lie_among_the_years() -> None:
    found = rules.own_rules([defined("", Mode.AR), defined("2024-import/"), defined("2025/")])
    assert archives(found, "2024/01/01/00/a")
    assert archives(found, "2026/01/01/00/a")
    assert not archives(found, "2024-import/a")
    assert not archives(found, "2025/01/01/00/a")


class Bucket:
    """The policy and lifecycle of one bucket, as S3 gives them back: lists of one member become that member."""

    def __init__(self) -> None:
        self.statements: list[dict[str, Any]] = [TEMPLATE_STATEMENT]
        self.rules: list[dict[str, Any]] = [TEMPLATE_RULE]
        self.puts: list[str] = []
        self.is_deaf = False

    def policy(self, bucket: str) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": [_short(one) for one in self.statements]}

    def put_policy(self, bucket: str, policy: dict[str, Any]) -> None:
        self.puts.append(f"policy of {bucket}")
        if not self.is_deaf:
            self.statements = policy["Statement"]

    def lifecycle(self, bucket: str) -> list[dict[str, Any]]:
        return self.rules

    def put_lifecycle(self, bucket: str, rules: list[dict[str, Any]]) -> None:
        self.puts.append(f"lifecycle of {bucket}")
        self.rules = rules


def _short(statement: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value
        for name, value in statement.items()
    }


class Table:
    def __init__(self, *definitions: Definition) -> None:
        self.rows = Rows(definitions={one.element_id: one for one in definitions})

    def read(self) -> Rows:
        return self.rows


def guard(bucket: Bucket, *definitions: Definition) -> StorageGuard:
    seeds = StorageElements(
        (StorageElement("edit-01", "edit-bucket", Mode.EDIT), StorageElement("root", "b", Mode.RW))
    )
    return StorageGuard(seeds=seeds, table=Table(*definitions), policies=bucket, ingest_role_arn=INGEST)


def test_a_bucket_is_told_once_and_keeps_what_the_template_says() -> None:
    bucket = Bucket()
    kept = guard(bucket, defined("a/", Mode.RO), defined("c/", Mode.AR)).apply()
    assert (kept.guards["a"], kept.guards["c"], kept.guards["root"]) == ("sealed", "sealed", "open")
    assert (kept.archived, kept.corrected) == (["c"], ["b"])
    assert bucket.statements[0]["Sid"] == TEMPLATE_STATEMENT["Sid"]
    assert TEMPLATE_RULE in bucket.rules
    assert len(bucket.puts) == 2
    again = guard(bucket, defined("a/", Mode.RO), defined("c/", Mode.AR)).apply()
    assert (again.corrected, len(bucket.puts)) == ([], 2)


def test_where_nothing_is_sealed_nothing_is_put() -> None:
    bucket = Bucket()
    assert guard(bucket).apply().corrected == []
    assert bucket.puts == []


def test_a_policy_that_a_deployment_put_back_is_corrected() -> None:
    bucket = Bucket()
    sealed = guard(bucket, defined("a/", Mode.RO))
    sealed.apply()
    bucket.statements = [TEMPLATE_STATEMENT]
    assert sealed.apply().corrected == ["b"]
    assert refuses([one for one in bucket.statements if one["Sid"].startswith("ArtStore")], "a/x")


def test_the_guard_tells_that_the_element_with_the_whole_bucket_is_archived() -> None:
    bucket = Bucket()
    kept = guard(bucket, defined("", Mode.RO, "sealing", Mode.AR), defined("open/")).apply()
    assert (kept.guards["root"], kept.archived) == ("sealed", ["root"])
    assert archives([one for one in bucket.rules if one != TEMPLATE_RULE], "2026/11/25/17/a")
    own = [one for one in bucket.statements if one["Sid"].startswith("ArtStore")]
    assert refuses(own, "2026/11/25/17/a.attr.json", INGEST)
    assert not refuses(own, ".artstore/audit/2026/1.jsonl")
    assert not refuses(own, "open/a")


def test_a_bucket_that_does_not_keep_what_was_put_is_not_taken_for_sealed() -> None:
    bucket = Bucket()
    bucket.is_deaf = True
    with pytest.raises(Unavailable):
        guard(bucket, defined("a/", Mode.RO)).apply()


def test_a_deleted_element_stays_as_sealed_as_it_was() -> None:
    deleted = Definition(
        element_id="a", bucket="b", prefix="a/", mode=Mode.RO, status=ElementStatus.DELETED, revision=3
    )
    assert guard(Bucket(), deleted).apply().guards["a"] == "sealed"


def test_edit_buckets_are_left_alone() -> None:
    assert "edit-01" not in guard(Bucket()).apply().guards


def test_a_run_that_knew_less_does_not_undo_what_another_has_put() -> None:
    """It read the registry before a mode changed, and writes after the run that the change led to."""
    bucket = Bucket()
    table = Table(defined("a/", Mode.RO))
    seeds = StorageElements((StorageElement("root", "b", Mode.RW),))
    late = StorageGuard(seeds=seeds, table=table, policies=bucket, ingest_role_arn=INGEST)
    late.apply()
    before = table.rows
    changed = [defined("a/", Mode.RO), defined("c/", Mode.RO)]
    guard(bucket, *changed).apply()
    after = Rows(definitions={one.element_id: one for one in changed})
    answers = iter([before, after, after])
    table.read = lambda: next(answers)  # type: ignore[method-assign]
    kept = late.apply()
    assert kept.guards["c"] == "sealed"
    own = [one for one in bucket.statements if one["Sid"].startswith("ArtStore")]
    assert refuses(own, "c/x")
