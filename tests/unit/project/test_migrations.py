"""Migrations are one chain: each has a number of its own, and follows one other."""

from __future__ import annotations

import re
from pathlib import Path

VERSIONS = Path(__file__).resolve().parents[3] / "infra" / "migrations" / "versions"
_NAMED = re.compile(r'^(revision|down_revision) = "?(\w+)"?$', re.MULTILINE)


def test_each_migration_follows_another_and_none_follows_two() -> None:
    chain = [dict(_NAMED.findall(each.read_text())) for each in sorted(VERSIONS.glob("*.py"))]
    revisions = [each["revision"] for each in chain]
    assert len(set(revisions)) == len(revisions)
    assert [each["down_revision"] for each in chain] == ["None", *revisions[:-1]]
    assert [each.name[:4] for each in sorted(VERSIONS.glob("*.py"))] == revisions
