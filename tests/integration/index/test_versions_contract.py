"""Which documents are current, their chains, and the trash; on PostgreSQL and on the fake."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from artstore.attributes import Quarantine
from artstore.index import DocumentIndex, Position, Projection, TrashPosition
from artstore.index.postgres import PostgresIndex
from artstore.spaces import EVERYWHERE, Reach
from tests.fakes.documents import NOON, id_number, make_projection
from tests.fakes.memory_index import MemoryIndex

LATER = NOON + timedelta(days=1)
DEFAULT, OTHER = Reach(frozenset({"default"})), Reach(frozenset({"other"}))


@pytest.fixture(params=["postgres", "memory"])
def index(request: pytest.FixtureRequest) -> DocumentIndex:
    if request.param == "memory":
        return MemoryIndex()
    index: PostgresIndex = request.getfixturevalue("postgres_index")
    return index


def version(number: int, of: int | None = None, **changes: Any) -> Projection:
    """Give document ``number``, which came at that minute and names ``of``."""
    values: dict[str, Any] = {
        "file_id": id_number(number),
        "key": f"{number}",
        "created_at": NOON + timedelta(minutes=number),
        "supersedes": None if of is None else id_number(of),
    }
    return make_projection(**values | changes)


def listed(index: DocumentIndex, reach: Reach = EVERYWHERE, **named: Any) -> list[int]:
    return [each.attributes.file_id.int for each in index.search(None, 100, None, reach, **named).items]


def chain(index: DocumentIndex, number: int, reach: Reach = EVERYWHERE) -> list[tuple[int, bool]]:
    items = index.versions(id_number(number), 100, None, reach).items
    return [(each.attributes.file_id.int, each.current) for each in items]


def trashed(index: DocumentIndex, reach: Reach = EVERYWHERE) -> list[int]:
    return [each.attributes.file_id.int for each in index.trash(100, None, reach).items]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_last_of_a_chain_is_current_in_whatever_order_they_came(
    index: DocumentIndex, order: tuple[int, ...]
) -> None:
    versions = [version(1), version(2, 1), version(3, 2)]
    for each in order:
        index.project(versions[each])
    assert listed(index) == [3]
    assert listed(index, all_versions=True) == [3, 2, 1]
    for number in (1, 2, 3):
        assert chain(index, number) == [(3, True), (2, False), (1, False)]
        found = index.find(id_number(number), EVERYWHERE)
        assert found is not None
        assert found.current == (number == 3)


def test_words_find_what_is_current_and_with_all_versions_the_others(index: DocumentIndex) -> None:
    index.project(version(1, text="quarterly"))
    index.project(version(2, 1, text="quarterly"))
    assert index.search("quarterly", 10, None, EVERYWHERE).total == 1
    assert index.search("quarterly", 10, None, EVERYWHERE, all_versions=True).total == 2


@pytest.mark.parametrize("how", ["deleted", "removed", "edited", "moved to another space"])
def test_the_one_before_is_current_again_when_its_successor_is_none_any_more(
    index: DocumentIndex, how: str
) -> None:
    index.project(version(1))
    index.project(version(2, 1))
    assert listed(index) == [2]
    if how == "removed":
        index.remove("edit", "2", LATER)
    elif how == "deleted":
        index.project(version(2, 1, deleted_at=LATER))
    elif how == "edited":
        index.project(version(2))
    else:
        index.project(version(2, 1, space="other"))
    assert 1 in listed(index)
    assert [each for each, _ in chain(index, 1)] == [1]
    index.project(version(2, 1))
    assert listed(index) == [2]


@pytest.mark.parametrize("backwards", [False, True])
def test_two_that_name_the_same_predecessor_are_both_current_and_in_the_chain(
    index: DocumentIndex, backwards: bool
) -> None:
    all_of_them = [version(1), version(2, 1), version(3, 1)]
    for each in reversed(all_of_them) if backwards else all_of_them:
        index.project(each)
    assert listed(index) == [3, 2]
    assert chain(index, 2) == chain(index, 3) == [(3, True), (2, True), (1, False)]


def test_no_circle_hides_all_of_its_members_and_nobody_hides_itself(index: DocumentIndex) -> None:
    index.project(version(1, 2))
    index.project(version(2, 1))
    index.project(version(3, 3))
    assert listed(index) == [3, 2]
    assert chain(index, 1) == [(2, True), (1, False)]


def test_a_document_that_is_older_takes_no_place(index: DocumentIndex) -> None:
    index.project(version(2))
    index.project(version(1, 2))
    assert listed(index) == [2, 1]


def test_a_copy_of_a_successor_that_is_not_shown_takes_no_place(index: DocumentIndex) -> None:
    index.project(version(1))
    index.project(version(2))
    index.project(version(2, 1, key="copy", at_home=False))
    assert listed(index) == [2, 1]
    index.remove("edit", "2", LATER)
    assert listed(index) == [2]


def test_documents_of_other_spaces_are_no_versions(index: DocumentIndex) -> None:
    index.project(version(1))
    index.project(version(2, 1, space="other"))
    assert listed(index, DEFAULT) == [1]
    assert listed(index, OTHER) == [2]
    assert chain(index, 1, OTHER) == []
    assert chain(index, 2, DEFAULT) == []


def test_a_chain_is_read_page_by_page(index: DocumentIndex) -> None:
    for number in range(1, 6):
        index.project(version(number, number - 1 or None))
    seen: list[int] = []
    after: Position | None = None
    while True:
        page = index.versions(id_number(3), 2, after, EVERYWHERE)
        seen += [each.attributes.file_id.int for each in page.items]
        if page.next is None:
            break
        after = page.next
    assert seen == [5, 4, 3, 2, 1]


def test_what_is_not_shown_has_no_chain(index: DocumentIndex) -> None:
    index.project(version(1, deleted_at=LATER))
    assert chain(index, 1) == []
    assert chain(index, 2) == []


def test_a_deleted_document_is_found_by_who_asks_for_any_within_reach(index: DocumentIndex) -> None:
    index.project(version(1, deleted_at=LATER, space="other"))
    assert index.find(id_number(1), EVERYWHERE) is None
    found = index.find_any(id_number(1), OTHER)
    assert found is not None
    assert found.attributes.deleted_at == LATER
    assert index.find_any(id_number(1), DEFAULT) is None
    assert index.find_any(id_number(2), EVERYWHERE) is None
    index.remove("edit", "1", LATER)
    assert index.find_any(id_number(1), EVERYWHERE) is None


def test_the_trash_lists_what_is_deleted_once_the_last_first_page_by_page(index: DocumentIndex) -> None:
    for number in (1, 2, 3):
        index.project(version(number, deleted_at=LATER + timedelta(minutes=number)))
    index.project(version(3, key="copy", at_home=False, deleted_at=LATER))
    index.project(version(4))
    index.project(version(5, space="other", deleted_at=LATER))
    assert trashed(index, DEFAULT) == [3, 2, 1]
    assert trashed(index) == [3, 2, 1, 5]
    seen: list[int] = []
    after: TrashPosition | None = None
    while True:
        page = index.trash(3, after, EVERYWHERE)
        seen += [each.attributes.file_id.int for each in page.items]
        if page.next is None:
            break
        after = page.next
    assert seen == [3, 2, 1, 5]


def test_a_copy_that_says_deleted_of_a_document_that_is_shown_is_not_in_the_trash(index: DocumentIndex) -> None:
    index.project(version(1))
    index.project(version(1, key="copy", at_home=False, deleted_at=LATER))
    assert trashed(index) == []
    assert listed(index) == [1]


def test_writers_at_the_same_time_end_where_one_after_another_would(
    postgres_index: PostgresIndex, database_url: str
) -> None:
    versions = [version(number, number - 1 or None) for number in range(1, 9)]
    indexes = [PostgresIndex(database_url) for _ in range(4)]

    def write(number: int) -> None:
        for each in versions[number::4] * 3:
            indexes[number].project(each)

    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
    finally:
        for each in indexes:
            each.close()
    assert listed(postgres_index) == [8]
    assert [number for number, _ in chain(postgres_index, 4)] == [8, 7, 6, 5, 4, 3, 2, 1]


def test_an_infected_version_takes_the_place_of_none_until_it_is_released(index: DocumentIndex) -> None:
    operator = Reach(frozenset({"default"}), frozenset({"default"}))
    infected = Quarantine(reason="infected", at=NOON)
    index.project(version(1))
    index.project(version(2, 1, quarantine=infected))
    index.project(version(3, 2))
    assert listed(index, DEFAULT) == [3, 1]
    assert listed(index, operator) == [3, 1]
    assert chain(index, 1, DEFAULT) == [(3, True), (1, True)]
    assert chain(index, 1, operator) == [(3, True), (2, False), (1, True)]
    index.project(version(2, 1))
    assert listed(index, DEFAULT) == [3]
    assert chain(index, 1, DEFAULT) == [(3, True), (2, False), (1, False)]
