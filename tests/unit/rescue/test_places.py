"""What the objects of a listing are to each other."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from infra.rescue.places import Described, Listed, Undescribed, places

KEYS = st.lists(st.text("ab./", min_size=1, max_size=4), unique=True, max_size=12)


def listed(*keys: str) -> list[Listed]:
    return [Listed(key, len(key), f'"{key}"') for key in sorted(keys, key=str.encode)]


def described(*keys: str) -> set[str]:
    return {each.key for each in places("b", listed(*keys)) if isinstance(each, Described)}


def undescribed(*keys: str) -> set[str]:
    return {each.key for each in places("b", listed(*keys)) if isinstance(each, Undescribed)}


@given(documents=KEYS, others=KEYS)
def test_each_object_is_described_by_the_attributes_beside_it_or_is_told_without(
    documents: list[str], others: list[str]
) -> None:
    keys = {*documents, *others, *(key + ".attr.json" for key in documents)}
    assert described(*keys) == set(documents)
    assert undescribed(*keys) == set(others) - set(documents)


def test_attributes_whose_object_is_gone_are_a_place_as_well() -> None:
    assert described("a.pdf.attr.json") == {"a.pdf"}
    assert undescribed("a.pdf.attr.json") == set()


def test_own_records_of_the_archive_are_no_places() -> None:
    assert list(places("b", listed(".artstore/audit/1.jsonl", ".artstore/x.attr.json"))) == []


def test_an_object_without_attributes_is_told_before_the_listing_is_over() -> None:
    read: list[str] = []

    def listing() -> Iterator[Listed]:
        for each in listed("a", "b", "c"):
            read.append(each.key)
            yield each

    first = next(iter(places("b", listing())))
    assert (first.key, read) == ("a", ["a", "b"])
