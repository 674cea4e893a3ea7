"""What every document index must do; run on PostgreSQL and on the fake."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest

from artstore.attributes import Extracted, Quarantine, Scan
from artstore.errors import Invalid
from artstore.index import COUNT_LIMIT, DocumentIndex, KnownPlace, Only, Position, Projection, SearchPage, Written
from artstore.index.postgres import PostgresIndex
from artstore.index.unscanned import Which
from artstore.index.usage import Dimension
from artstore.spaces import EVERYWHERE, Reach
from tests.fakes.documents import NOON, id_number, make_projection, make_version
from tests.fakes.memory_index import MemoryIndex

LATER = NOON + timedelta(minutes=1)


@pytest.fixture(params=["postgres", "memory"])
def index(request: pytest.FixtureRequest) -> DocumentIndex:
    if request.param == "memory":
        return MemoryIndex()
    index: PostgresIndex = request.getfixturevalue("postgres_index")
    return index


def names(page: SearchPage) -> list[str]:
    return [item.attributes.original_filename for item in page.items]


def found(index: DocumentIndex, query: str) -> bool:
    return index.search(query, 10, None, EVERYWHERE).total == 1


def test_an_index_that_answers_gives_a_sign_of_life(index: DocumentIndex) -> None:
    index.ping()


def test_a_projected_document_is_found_as_its_attributes_say(index: DocumentIndex) -> None:
    projection = make_projection(
        original_filename="Отчёт № 1.pdf",
        description="quotes \" ' and \\ and %s",
        tags=("один", "two"),
        custom_attributes={"number": 1.5, "nested": {"list": [None, True]}},
        unknown={"future": {"field": 1}},
    )
    index.project(projection)
    document = index.find(projection.attributes.file_id, EVERYWHERE)
    assert document is not None
    assert document.attributes == projection.attributes
    assert (document.bucket, document.key, document.attributes_etag) == ("edit", projection.key, '"1"')


def test_an_unknown_document_is_not_found_and_an_unknown_place_not_known(index: DocumentIndex) -> None:
    assert index.find(uuid4(), EVERYWHERE) is None
    assert index.at("edit", "a") is None
    assert not index.is_claimed(uuid4())


def test_places_are_walked_by_their_keys_in_the_order_of_bytes(index: DocumentIndex) -> None:
    keys = ["a", "b", "b/", "b/a", "b/Z", "b/é", "b/\U0001f600", "ba", "c"]
    for key in keys:
        index.project(make_projection(key=key))
    index.remove("edit", "b/a", NOON)
    index.project(make_projection(bucket="kept", key="b/x"))

    def walked(prefix: str, after: str, until: str, limit: int = 100) -> list[str]:
        return [key for key, _ in index.places("edit", prefix, after, until, limit)]

    assert walked("", "", "\U0010ffff") == sorted(keys, key=str.encode)
    assert walked("b/", "", "b/\U0010ffff") == ["b/", "b/Z", "b/a", "b/é", "b/\U0001f600"]
    assert walked("b/", "b/Z", "b/é") == ["b/a", "b/é"], "behind the one, up to and with the other"
    assert walked("", "a", "c", 2) == ["b", "b/"]
    assert dict(index.places("edit", "b/", "b/Z", "b/é", 9)) == {
        key: index.at("edit", key) for key in ("b/a", "b/é")
    }


def test_what_was_written_of_a_place_is_known_of_it(index: DocumentIndex) -> None:
    version = make_version(etag='"b"', version_id="v1", sha256="cd" * 32)
    projection = make_projection(key="a", object=version)
    index.project(projection)
    assert index.at("edit", "a") == KnownPlace(
        file_id=projection.attributes.file_id, attributes_etag='"1"', object=version
    )
    assert index.is_claimed(projection.attributes.file_id)
    document = index.find(projection.attributes.file_id, EVERYWHERE)
    assert document is not None
    assert (document.version_id, document.missing) == ("v1", False)


def test_only_the_first_write_of_a_place_is_the_first(index: DocumentIndex) -> None:
    projection = make_projection(key="a")
    place = projection.place
    assert index.project(projection) == Written(first=True, file_id=projection.attributes.file_id, shown=place)
    assert index.project(projection) == Written(first=False, file_id=projection.attributes.file_id, shown=place)
    assert index.search(None, 10, None, EVERYWHERE).total == 1
    assert index.remove("edit", "b", LATER).first
    assert not index.remove("edit", "b", LATER).first
    assert not index.project(make_projection(key="b")).first


def test_what_was_written_last_is_shown_whatever_its_revision(index: DocumentIndex) -> None:
    file_id = uuid4()
    for revision, description in ((2, "second"), (1, "first"), (3, "third")):
        etag = f'"{revision}"'
        index.project(
            make_projection(file_id=file_id, key="a", revision=revision, description=description, etag=etag)
        )
        document = index.find(file_id, EVERYWHERE)
        assert document is not None
        assert (document.attributes.description, document.attributes_etag) == (description, etag)
    assert not found(index, "second")
    assert not found(index, "first")


def test_a_document_whose_bytes_are_gone_is_shown_as_such_and_found_by_its_name(index: DocumentIndex) -> None:
    projection = make_projection(key="a", text="quarterly")
    index.project(projection)
    index.project(make_projection(key="a", file_id=projection.attributes.file_id, missing=True))
    document = index.find(projection.attributes.file_id, EVERYWHERE)
    assert document is not None
    assert (document.missing, document.version_id) == (True, None)
    assert found(index, "report")
    assert not found(index, "quarterly")


def claims(**changes: Any) -> Projection:
    """Give a claim of one and the same document."""
    return make_projection(file_id=id_number(7), **changes)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("better", "other"),
    [
        (claims(key="b", at_home=False), claims(key="a", missing=True, revision=9)),
        (claims(key="b"), claims(key="a", at_home=False, revision=9)),
        (claims(key="b"), claims(key="a", finalization=id_number(8), revision=9)),
        (claims(key="a", finalization=id_number(8)), claims(key="b", at_home=False)),
        (claims(key="b", revision=2), claims(key="a", revision=1)),
        (claims(key="a"), claims(key="b")),
        (claims(bucket="edit", key="b"), claims(bucket="rw", key="a")),
        (claims(key="B"), claims(key="a")),
    ],
    ids=[
        "bytes before none",
        "home before elsewhere",
        "what stays before what is being finalized",
        "what is being finalized before a copy",
        "the newest",
        "the key",
        "the bucket",
        "letters as bytes",
    ],
)
def test_of_two_places_that_claim_a_document_one_is_shown_in_whatever_order_they_came(
    index: DocumentIndex, better: Projection, other: Projection, backwards: bool
) -> None:
    for each in [other, better] if backwards else [better, other]:
        written = index.project(each)
    assert written.shown == better.place
    document = index.find(id_number(7), EVERYWHERE)
    assert document is not None
    assert (document.bucket, document.key) == better.place
    assert index.search(None, 10, None, EVERYWHERE).total == 1


def test_a_copy_appears_when_the_original_goes_and_makes_way_when_it_returns(index: DocumentIndex) -> None:
    original, copy = claims(key="a"), claims(key="b", at_home=False)
    index.project(original)
    assert index.project(copy).shown == original.place
    assert index.remove("edit", "a", LATER) == Written(first=False, file_id=id_number(7), shown=copy.place)
    assert shown_at(index) == "b"
    assert index.project(original).shown == original.place
    assert shown_at(index) == "a"
    index.project(claims(key="a", missing=True))
    assert shown_at(index) == "b"


def shown_at(index: DocumentIndex) -> str:
    """Give the key at which the one document is shown."""
    [document] = index.search(None, 10, None, EVERYWHERE).items
    assert index.find(document.attributes.file_id, EVERYWHERE) == document
    return document.key


def test_a_copy_appears_when_the_originals_place_holds_another_document(index: DocumentIndex) -> None:
    index.project(claims(key="a"))
    index.project(claims(key="b", at_home=False))
    other = make_projection(key="a")
    index.project(other)
    for file_id, key in ((id_number(7), "b"), (other.attributes.file_id, "a")):
        document = index.find(file_id, EVERYWHERE)
        assert document is not None
        assert document.key == key


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_document_that_moves_is_one_at_its_new_place_in_whatever_order_it_is_seen(
    index: DocumentIndex, order: tuple[int, ...]
) -> None:
    index.project(claims(key="a"))
    seen: list[Callable[[], object]] = [
        lambda: index.project(claims(key="b", at_home=False, missing=True)),
        lambda: index.project(claims(key="b", at_home=False)),
        lambda: index.project(claims(key="a", missing=True)),
        lambda: index.remove("edit", "a", LATER),
    ]
    for number in order:
        seen[number]()
    index.project(claims(key="b", at_home=False))  # who wrote last has looked again
    index.remove("edit", "a", LATER)
    assert shown_at(index) == "b"


def test_a_removed_document_is_gone_and_its_tombstone_remembers_its_object(index: DocumentIndex) -> None:
    version = make_version(etag='"bytes"')
    projection = make_projection(key="a", text="secret plans", object=version)
    index.project(projection)
    assert index.remove("edit", "a", None).file_id == projection.attributes.file_id
    assert index.at("edit", "a") == KnownPlace(file_id=None, object=version)
    assert index.find(projection.attributes.file_id, EVERYWHERE) is None
    assert not index.is_claimed(projection.attributes.file_id)
    assert index.search(None, 10, None, EVERYWHERE).total == 0
    assert index.search("secret", 10, None, EVERYWHERE).total == 0


def test_a_tombstone_keeps_the_latest_time_it_was_told_until_something_lies_there(index: DocumentIndex) -> None:
    for at in (NOON, None, LATER, NOON):
        index.remove("edit", "a", at)
    assert index.at("edit", "a") == KnownPlace(file_id=None, removed_at=LATER)
    index.project(make_projection(key="a"))
    index.remove("edit", "a", None)
    known = index.at("edit", "a")
    assert known is not None
    assert known.removed_at is None


def test_a_document_deleted_by_its_attributes_is_hidden_and_so_are_its_copies(index: DocumentIndex) -> None:
    index.project(claims(key="a"))
    index.project(claims(key="b", at_home=False))
    index.project(claims(key="a", revision=2, deleted_at=LATER))
    assert index.find(id_number(7), EVERYWHERE) is None
    assert index.search(None, 10, None, EVERYWHERE).items == ()
    index.project(claims(key="a", revision=3))
    assert shown_at(index) == "a"


def test_attributes_that_name_another_document_under_the_same_key_replace_it(index: DocumentIndex) -> None:
    first = make_projection(key="a", updated_at=LATER)
    second = make_projection(key="a", updated_at=NOON)
    index.project(first)
    index.project(second)
    assert index.find(first.attributes.file_id, EVERYWHERE) is None
    assert index.find(second.attributes.file_id, EVERYWHERE) is not None


@pytest.mark.parametrize(
    "query",
    [
        "report",
        "REPORT",
        "alpha",
        "0001",
        "pdf",
        "report_alpha_0001.pdf",
        "alpha report",
        "договор",
        "ДОГОВОР",
        "поставки",
        "urgent",
        "счёт",
        "счет",
        "2026-03-01",
        "invoice",
    ],
)
def test_name_description_tags_and_text_are_searched_word_by_word(index: DocumentIndex, query: str) -> None:
    index.project(
        make_projection(
            original_filename="report_alpha_0001.pdf",
            description="Договор поставки",
            tags=("urgent", "счёт"),
            text="invoice of 2026-03-01",
        )
    )
    index.project(make_projection(original_filename="other.txt"))
    assert found(index, query)


def test_a_decomposed_file_name_from_a_mac_is_found(index: DocumentIndex) -> None:
    index.project(make_projection(original_filename=unicodedata.normalize("NFD", "Новый договор.pdf")))
    assert found(index, unicodedata.normalize("NFC", "новый"))


@pytest.mark.parametrize(
    "query", ["%", "_", "rep%", "r_port", "' OR 1=1 --", "\0", "\\", "*", "report:*", "!", "&|"]
)
def test_nothing_that_is_typed_is_a_wildcard_or_an_operator(index: DocumentIndex, query: str) -> None:
    index.project(make_projection(original_filename="report.pdf"))
    page = index.search(query, 10, None, EVERYWHERE)
    assert page.total == (1 if query == "report:*" else 0)


@pytest.mark.parametrize(
    "query", ['"', '""', '"open', "-", "--", "- -", "(", "a" * 1000, "or", "or or", '-"', "<->"]
)
def test_odd_queries_are_answered(index: DocumentIndex, query: str) -> None:
    index.project(make_projection())
    assert index.search(query, 10, None, EVERYWHERE).items == ()


def test_a_query_beyond_the_limit_is_refused(index: DocumentIndex) -> None:
    with pytest.raises(Invalid) as error:
        index.search("a" * 1001, 10, None, EVERYWHERE)
    assert error.value.code == "query_too_long"


@pytest.mark.parametrize("query", [None, "", "   "])
def test_no_query_lists_everything(index: DocumentIndex, query: str | None) -> None:
    index.project(make_projection())
    assert index.search(query, 10, None, EVERYWHERE).total == 1


def test_a_word_with_a_minus_must_be_absent(index: DocumentIndex) -> None:
    index.project(make_projection(original_filename="report final.pdf"))
    index.project(make_projection(original_filename="report draft.pdf"))
    assert names(index.search("report -draft", 10, None, EVERYWHERE)) == ["report final.pdf"]
    assert names(index.search("-draft", 10, None, EVERYWHERE)) == ["report final.pdf"]


def test_pages_are_newest_first_and_complete_even_when_times_are_equal(index: DocumentIndex) -> None:
    for number in range(7):
        created = NOON + timedelta(seconds=number // 3)
        index.project(
            make_projection(file_id=id_number(number), original_filename=f"{number}.txt", created_at=created)
        )
    seen: list[str] = []
    position: Position | None = None
    for _ in range(4):
        page = index.search("txt", 2, position, EVERYWHERE)
        assert page.total == 7
        assert page.total_is_exact
        seen += names(page)
        position = page.next
        if position is None:
            break
    assert position is None
    assert seen == ["6.txt", "5.txt", "4.txt", "3.txt", "2.txt", "1.txt", "0.txt"]


def test_a_page_is_not_disturbed_by_documents_that_arrive_meanwhile(index: DocumentIndex) -> None:
    for number in range(4):
        index.project(make_projection(original_filename=f"{number}", created_at=NOON + timedelta(hours=number)))
    first = index.search(None, 2, None, EVERYWHERE)
    index.project(make_projection(original_filename="new", created_at=NOON + timedelta(days=1)))
    assert names(index.search(None, 2, first.next, EVERYWHERE)) == ["1", "0"]


def test_a_page_that_holds_the_rest_exactly_is_the_last(index: DocumentIndex) -> None:
    index.project(make_projection())
    index.project(make_projection())
    assert index.search(None, 2, None, EVERYWHERE).next is None


def test_the_count_is_capped_and_says_so(index: DocumentIndex) -> None:
    for number in range(COUNT_LIMIT + 2):
        created = NOON + timedelta(seconds=number)
        index.project(make_projection(original_filename=f"{number} many.txt", created_at=created))
    page = index.search("many", 2, None, EVERYWHERE)
    assert (page.total, page.total_is_exact) == (COUNT_LIMIT, False)
    assert names(page) == [f"{COUNT_LIMIT + 1} many.txt", f"{COUNT_LIMIT} many.txt"]
    assert names(index.search("many", 1, page.next, EVERYWHERE)) == [f"{COUNT_LIMIT - 1} many.txt"]


def test_nul_and_other_hostile_characters_in_a_document_do_no_harm(index: DocumentIndex) -> None:
    projection = make_projection(
        text="be\0fore \x07\ufffe after",
        description="nul\0nul",
        tags=("\0",),
        custom_attributes={"a\0": ["\0", {"b": "\0"}]},
    )
    index.project(projection)
    assert index.find(projection.attributes.file_id, EVERYWHERE) is not None
    assert found(index, "after")


def test_attributes_of_the_first_artstore_have_revision_zero_and_are_projected(index: DocumentIndex) -> None:
    projection = make_projection(revision=0)
    index.project(projection)
    assert index.find(projection.attributes.file_id, EVERYWHERE) is not None


@pytest.mark.parametrize(
    "query",
    ["Titelwort", "Autorwort", "Nordwerft", "4711", "19.95", "INN-77", "0.00001", "Altbestand", "tief", "sigil"],
)
def test_what_was_extracted_and_the_values_of_attributes_are_searched(index: DocumentIndex, query: str) -> None:
    index.project(
        make_projection(
            extracted=Extracted(status="ok", title="Titelwort", author="Autorwort"),
            custom_attributes={
                "customer": "Nordwerft",
                "number": 4711,
                "price": 19.95,
                "tiny": 0.00001,
                "party": {"inn": "INN-77", "notes": [None, True, ["tief", {"seal": "sigil"}]]},
            },
            metadata={"source": "Altbestand"},
        )
    )
    index.project(make_projection())
    assert found(index, query)


@pytest.mark.parametrize("query", ["customer", "true", "null", "None"])
def test_names_of_attributes_and_constants_are_not_searched(index: DocumentIndex, query: str) -> None:
    index.project(make_projection(custom_attributes={"customer": [True, None]}))
    assert not found(index, query)


def test_a_phrase_does_not_reach_from_one_field_into_the_next(index: DocumentIndex) -> None:
    index.project(make_projection(original_filename="golden", description="bridge", tags=("north", "south")))
    assert found(index, "golden bridge north south")
    assert not found(index, '"golden bridge"')
    assert not found(index, '"north south"')


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(" ".join(f"w{number}" for number in range(20_000)), id="past the last position"),
        pytest.param("the golden treaty of the bridge and " * 2_000, id="past the most of one word"),
        pytest.param("金 橋 " * 20_000, id="characters alone"),
    ],
)
def test_a_phrase_is_found_wherever_it_stands(index: DocumentIndex, text: str) -> None:
    index.project(make_projection(text=f"{text} golden bridges treaty 東京都庁 end"))
    for query in ("golden bridge", '"golden bridge treaty"', '"bridges treaty 東京都庁 end"', "京都庁", "庁"):
        assert found(index, query), query
    for query in ('"bridge golden"', '"golden bridge end"', "庁都"):
        assert not found(index, query), query
    assert index.search('end -"golden bridges"', 10, None, EVERYWHERE).total == 0
    assert found(index, 'end -"bridges golden"')


def test_a_phrase_of_any_length_is_found(index: DocumentIndex) -> None:
    words = [f"w{number}" for number in range(20_000)]
    index.project(make_projection(text=" ".join(words)))
    for start in range(15_800, 16_200, 37):
        phrase = words[start : start + 120]
        assert found(index, f'"{" ".join(phrase)}"')
    assert not found(index, f'"{" ".join([*words[:100], *words[101:150]])}"')


@pytest.mark.parametrize(
    "query",
    [
        "a\ud800b",
        "\udfff",
        " or ".join("abcdefghijklmnopqrstuvwxyz" * 12),
        " ".join(f"{number:x}-{number:o}" for number in range(100)),
        " or ".join(f'"{number} {number}"' for number in range(70)),
        " ".join(f"-{letter}{number}" for letter in "abc" for number in range(80)),
        '"' * 1000,
        "a" * 1000,
        "-" * 1000,
        "(" * 1000,
        "'\"\\ :*&|!<->()" * 60,
        "%s %(words_0)s {0} $1",
        "''; DROP TABLE documents; --",
        "快" * 1000,
        "\u0301" * 1000,
    ],
)
def test_a_hostile_query_is_answered(index: DocumentIndex, query: str) -> None:
    index.project(make_projection())
    index.search(query[:1000], 10, None, EVERYWHERE)
    assert index.search(None, 10, None, EVERYWHERE).total == 1


def test_content_that_is_stored_is_found_by_its_checksum_the_newest_first(index: DocumentIndex) -> None:
    old, new, other = (
        make_projection(checksum="aa" * 32),
        make_projection(checksum="aa" * 32, created_at=LATER),
        make_projection(checksum="bb" * 32),
    )
    for each in (new, old, other):
        index.project(each)
    assert index.with_checksum(["aa" * 32, "bb" * 32, "cc" * 32], EVERYWHERE) == {
        "aa" * 32: new.attributes.file_id,
        "bb" * 32: other.attributes.file_id,
    }
    assert index.with_checksum([], EVERYWHERE) == {}


@pytest.mark.parametrize(
    "state",
    [
        {"missing": True},
        {"deleted_at": NOON},
        {"checksum_verified": False},
        {"quarantine": Quarantine(at=NOON, reason="checksum_mismatch")},
    ],
    ids=str,
)
def test_what_is_gone_or_not_proven_is_no_duplicate(index: DocumentIndex, state: dict[str, Any]) -> None:
    index.project(make_projection(checksum="aa" * 32, **state))
    assert index.with_checksum(["aa" * 32], EVERYWHERE) == {}


def test_a_document_that_was_removed_is_no_duplicate(index: DocumentIndex) -> None:
    projection = make_projection(checksum="aa" * 32)
    index.project(projection)
    index.remove(*projection.place, NOON)
    assert index.with_checksum(["aa" * 32], EVERYWHERE) == {}


def test_a_duplicate_out_of_reach_is_none(index: DocumentIndex) -> None:
    theirs, mine = (
        make_projection(checksum="aa" * 32, space="press", created_at=LATER),
        make_projection(checksum="aa" * 32),
    )
    index.project(theirs)
    assert index.with_checksum(["aa" * 32], Reach(frozenset({"default", "legal"}))) == {}
    index.project(mine)
    assert index.with_checksum(["aa" * 32], Reach(frozenset({"default"}))) == {"aa" * 32: mine.attributes.file_id}
    assert index.with_checksum(["aa" * 32], Reach(frozenset())) == {}


def test_a_list_is_narrowed_to_a_checksum(index: DocumentIndex) -> None:
    for name, checksum in (("a.txt", "aa" * 32), ("b.txt", "bb" * 32), ("c.txt", "aa" * 32)):
        index.project(make_projection(original_filename=name, checksum=checksum))
    page = index.search(None, 10, None, EVERYWHERE, only=Only(sha256="aa" * 32))
    assert (sorted(names(page)), page.total) == (["a.txt", "c.txt"], 2)
    assert names(index.search("b", 10, None, EVERYWHERE, only=Only(sha256="aa" * 32))) == []


def test_a_list_is_narrowed_to_a_folder_and_what_is_below_it(index: DocumentIndex) -> None:
    folders = {"in": "/a b", "below": "/a b/c/d", "beside": "/a b0", "above": "/a", "like": "/a_b", "none": None}
    for name, folder in folders.items():
        index.project(make_projection(original_filename=f"{name}.txt", folder=folder))
    page = index.search(None, 10, None, EVERYWHERE, only=Only(folder="/a b"))
    assert sorted(names(page)) == ["below.txt", "in.txt"]
    assert names(index.search("in", 10, None, EVERYWHERE, only=Only(folder="/a b"))) == ["in.txt"]
    assert names(index.search(None, 10, None, Reach(frozenset({"press"})), only=Only(folder="/a b"))) == []


USER = Reach(frozenset({"default"}))
OPERATOR = Reach(frozenset({"default"}), frozenset({"default"}))
ABROAD = Reach(frozenset({"default"}), frozenset({"press"}))


def infected(**changes: Any) -> Projection:
    return make_projection(
        file_id=id_number(7),
        original_filename="invoice.exe",
        text="quarterly",
        checksum="aa" * 32,
        quarantine=Quarantine(reason="infected", at=NOON),
        **changes,
    )


def test_what_is_infected_exists_for_those_alone_who_administer_its_space(index: DocumentIndex) -> None:
    index.project(infected())
    assert index.find(id_number(7), OPERATOR) is not None
    assert index.find_any(id_number(7), OPERATOR) is not None
    assert index.find(id_number(7), EVERYWHERE) is not None
    assert names(index.search("quarterly", 10, None, OPERATOR)) == ["invoice.exe"]
    assert names(index.search(None, 10, None, OPERATOR)) == ["invoice.exe"]
    assert len(index.versions(id_number(7), 10, None, OPERATOR).items) == 1
    for reach in (USER, ABROAD, Reach(None), Reach(frozenset({"default", "press"}))):
        assert index.find(id_number(7), reach) is None
        assert index.find_any(id_number(7), reach) is None
        assert index.search(None, 10, None, reach).total == 0
        assert index.search("quarterly", 10, None, reach).total == 0
        assert index.search(None, 10, None, reach, only=Only(sha256="aa" * 32)).total == 0
        assert index.versions(id_number(7), 10, None, reach).items == ()
    assert index.with_checksum(["aa" * 32], OPERATOR) == {}


def test_among_many_what_is_infected_is_not_listed_either(index: DocumentIndex) -> None:
    """The lists of one space, of several, and of all are read by statements of their own."""
    for number in range(COUNT_LIMIT + 1):
        index.project(make_projection(key=f"{number}", created_at=NOON - timedelta(minutes=number)))
    index.project(infected(created_at=NOON + timedelta(minutes=1)))
    for reach in (USER, Reach(None), Reach(frozenset({"default", "press"}))):
        assert "invoice.exe" not in names(index.search(None, 10, None, reach))
    assert "invoice.exe" in names(index.search(None, 10, None, OPERATOR))


def test_what_is_infected_is_in_the_trash_for_those_alone_who_administer_its_space(index: DocumentIndex) -> None:
    index.project(infected(deleted_at=NOON))
    assert len(index.trash(10, None, OPERATOR).items) == 1
    assert index.trash(10, None, USER).items == ()
    assert index.find_any(id_number(7), USER) is None


def test_what_is_released_exists_for_everybody_again_and_what_is_removed_leaves_no_trace(
    index: DocumentIndex,
) -> None:
    index.project(infected(key="a"))
    index.project(make_projection(file_id=id_number(7), key="a"))
    assert index.find(id_number(7), USER) is not None
    index.project(infected(key="a"))
    index.remove("edit", "a", NOON)
    index.project(make_projection(file_id=id_number(8), key="a"))
    assert index.find(id_number(8), USER) is not None


def test_what_is_infected_counts_as_used(index: DocumentIndex) -> None:
    index.project(infected())
    assert index.usage(Dimension.SPACE, USER, 10).total.documents == 1


def test_what_a_scanner_is_yet_to_look_at_is_walked_page_by_page(index: DocumentIndex) -> None:
    def scanned(status: str) -> Scan:
        return Scan(status=status, at=NOON)

    said: list[dict[str, Any]] = [
        {},
        {"scan": scanned("clean")},
        {"scan": scanned("failed")},
        {"scan": scanned("failed"), "missing": True},
        {"scan": scanned("failed"), "storage_element_id": "rw-01"},
        {"scan": scanned("failed"), "deleted_at": NOON},
    ]
    for number, each in enumerate(said):
        index.project(make_projection(file_id=id_number(number), key=f"{number}", **each))

    def walk(which: Which, element_id: str | None = None) -> list[int]:
        found, after = [], None
        while True:
            page = index.unscanned(which, element_id, 2, after)
            found += [each.file_id.int for each in page.items]
            after = page.next
            if after is None:
                return found

    assert walk(Which.FAILED) == [2, 4]
    assert walk(Which.UNSCANNED) == [0, 2, 4]
    assert walk(Which.ALL) == [0, 1, 2, 4]
    assert walk(Which.FAILED, "rw-01") == [4]
