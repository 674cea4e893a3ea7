"""An account is given spaces by who has them, its tokens carry them, and what it loses ends them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jwt
import pytest

from artstore.security import ROLE_SCOPES, SPACES_CLAIM, Role, Scope, TokenVerifier
from artstore.spaces import DEFAULT, EVERYWHERE, MAX_NAMED, Reach
from artstore.tables import ServiceAccount
from functions.auth.permissions import permitted_scopes
from functions.auth.signing_key import SigningKey
from functions.auth.tokens.issuing import TokenIssuer
from functions.auth.tokens.oauth_errors import OAuthError
from tests.support.authorization.account_world import READER, ROOT, World

READ, WRITE, DELETE = "files:read", "files:write", "files:delete"
ISSUER = "https://archive.example/v1"


class Keys:
    def __init__(self, key: SigningKey) -> None:
        self._key = key

    def jwks(self) -> list[dict[str, str]]:
        return [self._key.public_jwk()]


class NothingRevoked:
    def is_revoked(self, jti: str, client_id: str, issued_at: float, revision: int | None = None) -> bool:
        return False


def account(role: str = "USER", spaces: Any = None, scopes: list[str] | None = None) -> ServiceAccount:
    return ServiceAccount("sa", username="sa", role=role, spaces=spaces, scopes=scopes, created_at="")


def issue(key: SigningKey, holder: ServiceAccount, *asked: str) -> str:
    issuer = TokenIssuer(issuer=ISSUER, lifetime_seconds=600, signing_key=lambda: key)
    return issuer.issue(holder, frozenset(asked) or None).access_token


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_an_account_without_spaces_gets_the_tokens_it_always_got(signing_key: SigningKey) -> None:
    for role in Role:
        said = claims(issue(signing_key, account(role)))
        assert SPACES_CLAIM not in said
        assert said["scope"] == " ".join(sorted(ROLE_SCOPES[role]))
    assert SPACES_CLAIM not in claims(issue(signing_key, account("USER", {DEFAULT: None})))


def test_a_token_carries_the_spaces_with_the_scopes_in_each(signing_key: SigningKey) -> None:
    said = claims(issue(signing_key, account("USER", {"press": None, "legal": [READ], "*": [READ]})))
    assert said[SPACES_CLAIM] == {"*": READ, "legal": READ, "press": f"{DELETE} {READ} {WRITE}"}
    assert said["scope"] == f"{DELETE} {READ} {WRITE}"


def test_asking_for_less_narrows_every_space_and_leaves_out_the_emptied(signing_key: SigningKey) -> None:
    said = claims(issue(signing_key, account("USER", {"press": None, "legal": [READ]}), WRITE))
    assert (said["scope"], said[SPACES_CLAIM]) == (WRITE, {"press": WRITE})


def test_scopes_of_files_are_held_where_there_is_a_space_for_them_and_others_everywhere(
    signing_key: SigningKey,
) -> None:
    holder = account("ADMIN", {"press": [READ]})
    assert permitted_scopes(holder) == set(Scope) - {WRITE, DELETE}
    with pytest.raises(OAuthError):
        issue(signing_key, holder, WRITE)
    assert permitted_scopes(account("ADMIN", {})) == set(Scope) - {READ, WRITE, DELETE}


def test_who_runs_the_archive_and_has_no_space_holds_no_document(signing_key: SigningKey) -> None:
    """Without the claim, the token would be for the default space."""
    token = issue(signing_key, account("ADMIN", {"press": [READ]}), "elements:admin")
    caller = TokenVerifier(ISSUER, Keys(signing_key), NothingRevoked()).verify(token)
    assert caller.reach(Scope.ELEMENTS_ADMIN) == Reach(frozenset())
    caller.require(Scope.ELEMENTS_ADMIN)


def test_what_is_issued_is_what_is_reached(signing_key: SigningKey) -> None:
    verifier = TokenVerifier(ISSUER, Keys(signing_key), NothingRevoked())
    caller = verifier.verify(issue(signing_key, account("USER", {"press": None, "*": [READ]})))
    assert caller.reach(Scope.FILES_READ) == Reach(None)
    assert caller.reach(Scope.FILES_WRITE) == Reach(frozenset({"press"}))
    narrowed = verifier.verify(issue(signing_key, account("USER", {"press": None, "legal": None}), READ))
    assert narrowed.reach(Scope.FILES_READ) == Reach(frozenset({"press", "legal"}))
    assert narrowed.reach(Scope.FILES_WRITE) == Reach(frozenset())


def test_the_largest_token_still_fits_into_a_header(signing_key: SigningKey) -> None:
    spaces = {f"{number:02}" + "x" * 61: None for number in range(MAX_NAMED)}
    holder = ServiceAccount("s" * 200, username="я" * 100, role="ADMIN", spaces=spaces, created_at="")
    token = issue(signing_key, holder)
    assert len(token) < 8192
    caller = TokenVerifier(ISSUER, Keys(signing_key), NothingRevoked()).verify(token)
    assert len(caller.reach(Scope.FILES_READ).names or ()) == MAX_NAMED


def test_spaces_are_given_and_shown_and_recorded(world: World) -> None:
    created = world.create(spaces={"press": None, "legal": ["files:read", "files:read"]})
    assert created["spaces"] == {"legal": [READ], "press": None}
    client_id = created["client_id"]
    assert world.patch(client_id, spaces={"press": [READ]}).json["spaces"] == {"press": [READ]}
    assert world.patch(client_id, spaces=None).json["spaces"] is None
    entries = world.audit.entries
    assert entries[0].after is not None
    assert entries[0].after["spaces"] == [{"space": "legal", "scopes": [READ]}, {"space": "press", "scopes": None}]
    assert entries[2].before is not None
    assert entries[2].before["spaces"] == [{"space": "press", "scopes": [READ]}]


def test_a_space_of_any_name_can_be_recorded(world: World) -> None:
    """The audit log refuses members that are named like secrets."""
    world.spaces.add("secret")
    assert world.create(spaces={"secret": None})["spaces"] == {"secret": None}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"spaces": {"unknown": None}}, "unknown_space"),
        ({"spaces": {"press": ["audit:read"]}}, "scope_not_of_documents"),
        ({"spaces": {"press": ["files:write"]}, "role": "READONLY"}, "scope_outside_role"),
        ({"spaces": {"Press": None}}, "unknown_space"),
        ({"spaces": {"": None}}, "unknown_space"),
        ({"spaces": {"press": []}}, "invalid_request"),
        ({"spaces": {f"space-{number}": None for number in range(MAX_NAMED + 1)}}, "invalid_request"),
    ],
)
def test_what_cannot_be_given_is_refused(world: World, fields: dict[str, Any], code: str) -> None:
    answer = world.send("POST", payload={"name": "robot", "role": "USER"} | fields)
    assert answer.status == 400
    assert answer.json["code"] in (code, "invalid_body", "invalid_request")
    assert (answer.json["field"] or "").startswith("spaces")


def test_nobody_gives_a_space_or_a_scope_there_that_it_lacks_itself(world: World) -> None:
    world.add("sa_chief", role="ADMIN", spaces={"press": None, "legal": [READ]})
    world.add("sa_lawyer", role="USER", spaces={"legal": None})
    world.add("sa_reader_of_press", role="READONLY", spaces={"press": None})
    new = {"name": "x", "role": "USER"}
    for answer in (
        world.send("POST", payload=new, by="sa_chief"),
        world.send("POST", payload=new | {"spaces": {"*": None}}, by="sa_chief"),
        world.send("POST", payload=new | {"spaces": {"legal": [WRITE]}}, by="sa_chief"),
        world.patch("sa_reader_of_press", by="sa_chief", spaces={"press": None, "default": None}),
        world.patch("sa_chief", by="sa_chief", spaces={"legal": None}),
        world.rotate("sa_lawyer", by="sa_chief"),
        world.rotate(ROOT, by="sa_chief"),
    ):
        assert (answer.status, answer.json["code"]) == (403, "exceeds_own_spaces")
    assert {entry[1:] for entry in world.audit.said()} == {("refused", "exceeds_own_spaces")}
    assert world.send("POST", payload=new | {"spaces": {"press": None}}, by="sa_chief").status == 201
    assert world.rotate("sa_reader_of_press", by="sa_chief").status == 200


def test_who_runs_the_archive_and_is_kept_to_no_spaces_gives_any(world: World) -> None:
    assert world.create(role="USER", spaces={"*": None, "press": [READ]})["spaces"] == {"*": None, "press": [READ]}
    world.add("sa_clerk", role="ADMIN", scopes=["accounts:admin", READ])  # makes no spaces
    answer = world.send(
        "POST", payload={"name": "x", "role": "READONLY", "spaces": {"press": None}}, by="sa_clerk"
    )
    assert (answer.status, answer.json["code"]) == (403, "exceeds_own_spaces")


def test_the_system_account_keeps_the_default_space(world: World) -> None:
    answer = world.patch(ROOT, spaces={"press": None})
    assert (answer.status, answer.json["code"]) == (409, "system_account")
    assert world.patch(ROOT, spaces={"default": None, "press": [READ]}).status == 200


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        (None, {"default": None, "press": None}, False),
        (None, {"*": None}, False),
        (None, {"press": None}, True),
        ({"press": None}, {"press": [READ]}, True),
        ({"press": [READ]}, {"*": [READ]}, False),
        ({"press": [WRITE]}, {"*": [READ]}, True),
        ({"*": [READ]}, {"press": None, "legal": None}, True),
    ],
)
def test_what_an_account_loses_ends_its_tokens(world: World, before: Any, after: Any, ends: bool) -> None:
    client_id = world.create(spaces=before)["client_id"]
    assert world.patch(client_id, spaces=after).status == 200
    assert (client_id in world.revocations.clients) == ends


def test_accounts_are_found_by_their_space(world: World) -> None:
    press = world.create(spaces={"press": None, "default": [READ]})["client_id"]

    def found(space: str) -> set[str]:
        return {each["client_id"] for each in world.send("GET", f"?space={space}").json["items"]}

    assert found("press") == {press}
    assert found("default") == {press, ROOT, READER}
    assert found("legal") == set()


def test_an_account_that_was_asked_for_before_there_were_spaces_is_still_the_same_request(world: World) -> None:
    body = {"name": "robot", "role": "USER"}
    first = world.send("POST", payload=body, Idempotency_Key="k")
    stored = world.accounts.find(first.json["client_id"])
    assert stored is not None
    old = {
        "description": None,
        "jwks": None,
        "name": "robot",
        "rate_limit_per_minute": None,
        "role": "USER",
        "scopes": None,
    }

    assert stored.request_hash == hashlib.sha256(json.dumps(old, separators=(",", ":")).encode()).hexdigest()


def test_what_is_withheld_is_seen_where_the_token_has_elements_admin(signing_key: SigningKey) -> None:
    verifier = TokenVerifier(ISSUER, Keys(signing_key), NothingRevoked())
    of_spaces = issue(signing_key, account("ADMIN", {"press": None, "legal": [READ]}))
    assert verifier.verify(of_spaces).reach(Scope.FILES_READ) == Reach(
        frozenset({"press", "legal"}), frozenset({"press"})
    )
    everywhere = verifier.verify(issue(signing_key, account("OPERATOR", {"*": None})))
    assert everywhere.reach(Scope.FILES_READ) == EVERYWHERE
    for role in ("USER", "AUDITOR", "READONLY"):
        reader = verifier.verify(issue(signing_key, account(role, {"*": None}))).reach(Scope.FILES_READ)
        assert reader.withheld == frozenset()
