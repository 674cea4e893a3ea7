"""A caller reaches the spaces that its token names, each for the scopes it has there, and nothing else exists."""

from __future__ import annotations

import msgspec
import pytest

from artstore.errors import NotFound
from artstore.security import Principal, Scope
from artstore.spaces import DEFAULT, EVERYWHERE, Reach, SpaceName, SpaceNameOrAll, is_name, name_of, stored_as

READ, WRITE = Scope.FILES_READ, Scope.FILES_WRITE


def caller(spaces: dict[str, set[str]] | None, *scopes: Scope) -> Principal:
    held = None if spaces is None else {name: frozenset(each) for name, each in spaces.items()}
    return Principal("sa_1", "robot", frozenset(scopes or Scope), held)


def test_a_token_without_spaces_is_for_the_default_space() -> None:
    assert caller(None).reach(READ).names == frozenset({DEFAULT})
    assert caller(None, READ).reach(WRITE) == Reach(frozenset())


def test_each_space_is_reached_for_the_scopes_held_there() -> None:
    asking = caller({"press": {READ, WRITE}, "legal": {READ}})
    assert asking.reach(READ) == Reach(frozenset({"press", "legal"}))
    assert asking.reach(WRITE) == Reach(frozenset({"press"}))
    assert asking.reach(Scope.FILES_DELETE) == Reach(frozenset())


def test_a_scope_that_the_token_lacks_reaches_nothing_whatever_its_spaces_say() -> None:
    assert caller({"press": {READ, WRITE}}, READ).reach(WRITE) == Reach(frozenset())


def test_the_star_reaches_every_space_for_its_own_scopes() -> None:
    asking = caller({"*": {READ}, "press": {READ, WRITE}})
    assert asking.reach(READ).names is None
    assert asking.reach(WRITE) == Reach(frozenset({"press"}))


def test_a_document_that_names_no_space_is_in_the_default_one() -> None:
    reach = Reach(frozenset({DEFAULT}))
    assert reach.includes(None)
    assert reach.includes(DEFAULT)
    assert not reach.includes("press")
    assert not Reach(frozenset({"press"})).includes(None)


@pytest.mark.parametrize("odd", ["", "Default", "default\0", "*", " default"])
def test_what_is_no_name_of_a_space_is_theirs_alone_who_reach_everything(odd: str) -> None:
    assert not Reach(frozenset({DEFAULT, "press"})).includes(odd)
    assert EVERYWHERE.includes(odd)


def test_out_of_reach_is_as_if_it_did_not_exist() -> None:
    Reach(frozenset({"press"})).require("press", "document")
    with pytest.raises(NotFound) as refused:
        Reach(frozenset({"press"})).require(None, "document")
    assert (refused.value.code, refused.value.detail) == ("document_not_found", "there is no such document")


def test_a_part_of_a_reach_is_never_more_than_it() -> None:
    reach = Reach(frozenset({"press", "legal"}))
    assert reach.within(None) == reach
    assert reach.within("press") == Reach(frozenset({"press"}))
    assert reach.within("other") == Reach(frozenset())
    assert EVERYWHERE.within("other").names == frozenset({"other"})


def test_a_reach_is_known_by_its_key() -> None:
    keys = [EVERYWHERE.key, Reach(frozenset({"a", "b"})).key, Reach(frozenset({"a"})).key, Reach(frozenset()).key]
    assert keys == [["*"], ["a", "b"], ["a"], []]


@pytest.mark.parametrize("name", ["default", "a", "0", "press-2026", "a" * 63])
def test_a_name_is_of_lowercase_letters_digits_and_hyphens(name: str) -> None:
    assert msgspec.convert(name, SpaceName) == msgspec.convert(name, SpaceNameOrAll) == name
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "-a", "A", "a b", "a_b", "a/b", "a\n", "a" * 64, "пресса", "*"])
def test_anything_else_is_no_name(name: str) -> None:
    assert not is_name(name)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(name, SpaceName)


def test_the_default_space_is_not_written_down() -> None:
    assert (stored_as(DEFAULT), stored_as("press")) == (None, "press")
    assert (name_of(None), name_of("press")) == (DEFAULT, "press")
