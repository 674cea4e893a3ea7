"""Who may do what: the page in docs/ says what the code does, and the code denies by default."""

from __future__ import annotations

import re

import pytest

from artstore.http import Endpoint
from artstore.security import ROLE_SCOPES, Role, Scope
from artstore.tables import ServiceAccount
from functions.auth.permissions import permitted_scopes
from infra import openapi, roles

ENDPOINTS: list[Endpoint] = [each for endpoints in openapi.ENDPOINTS_OF.values() for each in endpoints]


def account(role: str, scopes: list[str] | None = None) -> ServiceAccount:
    return ServiceAccount("sa", username="sa", role=role, scopes=scopes, created_at="")


def test_the_page_is_what_the_code_says() -> None:
    assert roles.PATH.read_text(encoding="utf-8") == roles.page(), "run python -m infra.roles --write"


def test_the_page_names_each_operation_once_under_its_scope() -> None:
    rows = re.findall(r"^\| (\w+) `([^`]+)` \| ([\w-]+) \|(?: `([^`]+)` \|)?", roles.page(), re.MULTILINE)
    assert sorted((method, path, scope) for method, path, _, scope in rows) == sorted(
        (each.method, each.path, str(each.scope or "")) for each in ENDPOINTS
    )


def test_each_role_has_the_scopes_of_the_design() -> None:
    assert {role: sorted(scopes) for role, scopes in ROLE_SCOPES.items()} == {
        Role.ADMIN: sorted(Scope),
        Role.OPERATOR: ["audit:read", "elements:admin", "files:read", "keys:admin"],
        Role.USER: ["files:delete", "files:read", "files:write"],
        Role.AUDITOR: ["audit:read", "files:read"],
        Role.READONLY: ["files:read"],
    }


def test_only_an_administrator_administers_accounts() -> None:
    assert [role for role in Role if Scope.ACCOUNTS_ADMIN in ROLE_SCOPES[role]] == [Role.ADMIN]


@pytest.mark.parametrize("role", ["", "admin", "ROOT", "ADMIN ", "*"])
def test_an_unknown_role_permits_nothing(role: str) -> None:
    assert permitted_scopes(account(role)) == frozenset()


def test_scopes_of_an_account_narrow_its_role_and_never_widen_it() -> None:
    assert permitted_scopes(account("USER")) == {"files:read", "files:write", "files:delete"}
    assert permitted_scopes(account("USER", ["files:read", "accounts:admin", "files:fly"])) == {"files:read"}
    assert permitted_scopes(account("USER", [])) == frozenset()
