"""What every document index must do; run on PostgreSQL and on the fake."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from uuid import uuid4

import pytest

from artstore.attributes import Extracted
from artstore.errors import Invalid
from artstore.index import COUNT_LIMIT, DocumentIndex, Position, SearchPage
from artstore.index.postgres import PostgresIndex
from tests.fakes.documents import NOON, id_number, make_projection
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
    return index.search(query, 10, None).total == 1


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
    assert index.project(projection)
    document = index.find(projection.attributes.file_id)
    assert document is not None
    assert document.attributes == projection.attributes
    assert (document.bucket, document.key, document.attributes_etag) == ("edit", projection.key, '"1"')


def test_an_unknown_document_is_not_found_and_has_no_revision(index: DocumentIndex) -> None:
    assert index.find(uuid4()) is None
    assert index.revision(uuid4()) is None


def test_the_same_projection_twice_is_written_once(index: DocumentIndex) -> None:
    projection = make_projection()
    assert index.project(projection)
    assert not index.project(projection)
    assert index.search(None, 10, None).total == 1


def test_a_higher_revision_replaces_and_a_lower_one_does_not(index: DocumentIndex) -> None:
    file_id = uuid4()
    assert index.project(make_projection(file_id=file_id, revision=2, description="second"))
    assert not index.project(make_projection(file_id=file_id, revision=1, description="first", etag='"0"'))
    assert index.revision(file_id) == 2
    assert index.project(make_projection(file_id=file_id, revision=3, description="third", etag='"3"'))
    document = index.find(file_id)
    assert document is not None
    assert document.attributes.description == "third"
    assert document.attributes_etag == '"3"'
    assert not found(index, "second")


def test_an_edit_by_a_tool_that_counts_no_revision_is_taken_over(index: DocumentIndex) -> None:
    file_id = uuid4()
    index.project(make_projection(file_id=file_id, revision=0, etag='"1"', updated_at=LATER))
    edited = make_projection(file_id=file_id, revision=0, etag='"2"', updated_at=LATER, description="edited")
    stale = make_projection(file_id=file_id, revision=0, etag='"0"', updated_at=NOON, description="stale")
    assert index.project(edited)
    assert not index.project(stale)
    assert found(index, "edited")


def test_a_copy_elsewhere_with_the_same_revision_does_not_take_the_document_over(index: DocumentIndex) -> None:
    original = make_projection(bucket="edit")
    index.project(original)
    copy = make_projection(file_id=original.attributes.file_id, bucket="rw", etag='"2"', updated_at=LATER)
    assert not index.project(copy)
    document = index.find(original.attributes.file_id)
    assert document is not None
    assert document.bucket == "edit"


def test_a_moved_document_survives_the_removal_of_its_old_place(index: DocumentIndex) -> None:
    old = make_projection(bucket="edit", key="a")
    moved = make_projection(bucket="rw", key="b", file_id=old.attributes.file_id, revision=2)
    index.project(old)
    assert index.project(moved)
    assert not index.remove("edit", "a", LATER)
    document = index.find(old.attributes.file_id)
    assert document is not None
    assert (document.bucket, document.key) == ("rw", "b")


def test_a_move_whose_removal_is_seen_first_still_arrives(index: DocumentIndex) -> None:
    old = make_projection(bucket="edit", key="a")
    index.project(old)
    index.remove("edit", "a", LATER)
    moved = make_projection(bucket="rw", key="b", file_id=old.attributes.file_id, revision=2)
    assert index.project(moved)
    assert index.find(old.attributes.file_id) is not None


def test_a_removed_document_is_gone_and_no_late_event_brings_it_back(index: DocumentIndex) -> None:
    projection = make_projection(text="secret plans")
    index.project(projection)
    assert index.remove(projection.bucket, projection.key, LATER)
    assert not index.remove(projection.bucket, projection.key, LATER)
    late = make_projection(file_id=projection.attributes.file_id, key=projection.key, revision=9, etag='"9"')
    assert not index.project(late)
    assert index.find(projection.attributes.file_id) is None
    assert index.search(None, 10, None).total == 0
    assert index.search("secret", 10, None).total == 0


def test_a_removal_that_overtakes_the_creation_wins(index: DocumentIndex) -> None:
    projection = make_projection()
    assert not index.remove(projection.bucket, projection.key, LATER)
    assert not index.project(projection)
    assert index.find(projection.attributes.file_id) is None
    assert index.revision(projection.attributes.file_id) is None


def test_a_document_deleted_by_its_attributes_is_hidden_until_a_higher_revision_restores_it(
    index: DocumentIndex,
) -> None:
    file_id = uuid4()
    index.project(make_projection(file_id=file_id))
    assert index.project(make_projection(file_id=file_id, revision=2, deleted_at=LATER))
    assert index.find(file_id) is None
    assert index.revision(file_id) == 2
    assert index.search(None, 10, None).items == ()
    assert index.project(make_projection(file_id=file_id, revision=3))
    assert index.find(file_id) is not None


def test_attributes_that_name_another_document_under_the_same_key_replace_it(index: DocumentIndex) -> None:
    first = make_projection(key="a")
    second = make_projection(key="a", updated_at=LATER)
    index.project(first)
    assert index.project(second)
    assert index.find(first.attributes.file_id) is None
    assert index.find(second.attributes.file_id) is not None
    assert not index.project(make_projection(key="a", updated_at=NOON))


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
    page = index.search(query, 10, None)
    assert page.total == (1 if query == "report:*" else 0)


@pytest.mark.parametrize(
    "query", ['"', '""', '"open', "-", "--", "- -", "(", "a" * 1000, "or", "or or", '-"', "<->"]
)
def test_odd_queries_are_answered(index: DocumentIndex, query: str) -> None:
    index.project(make_projection())
    assert index.search(query, 10, None).items == ()


def test_a_query_beyond_the_limit_is_refused(index: DocumentIndex) -> None:
    with pytest.raises(Invalid) as error:
        index.search("a" * 1001, 10, None)
    assert error.value.code == "query_too_long"


@pytest.mark.parametrize("query", [None, "", "   "])
def test_no_query_lists_everything(index: DocumentIndex, query: str | None) -> None:
    index.project(make_projection())
    assert index.search(query, 10, None).total == 1


def test_a_word_with_a_minus_must_be_absent(index: DocumentIndex) -> None:
    index.project(make_projection(original_filename="report final.pdf"))
    index.project(make_projection(original_filename="report draft.pdf"))
    assert names(index.search("report -draft", 10, None)) == ["report final.pdf"]
    assert names(index.search("-draft", 10, None)) == ["report final.pdf"]


def test_pages_are_newest_first_and_complete_even_when_times_are_equal(index: DocumentIndex) -> None:
    for number in range(7):
        created = NOON + timedelta(seconds=number // 3)
        index.project(
            make_projection(file_id=id_number(number), original_filename=f"{number}.txt", created_at=created)
        )
    seen: list[str] = []
    position: Position | None = None
    for _ in range(4):
        page = index.search("txt", 2, position)
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
    first = index.search(None, 2, None)
    index.project(make_projection(original_filename="new", created_at=NOON + timedelta(days=1)))
    assert names(index.search(None, 2, first.next)) == ["1", "0"]


def test_a_page_that_holds_the_rest_exactly_is_the_last(index: DocumentIndex) -> None:
    index.project(make_projection())
    index.project(make_projection())
    assert index.search(None, 2, None).next is None


def test_the_count_is_capped_and_says_so(index: DocumentIndex) -> None:
    for number in range(COUNT_LIMIT + 2):
        created = NOON + timedelta(seconds=number)
        index.project(make_projection(original_filename=f"{number} many.txt", created_at=created))
    page = index.search("many", 2, None)
    assert (page.total, page.total_is_exact) == (COUNT_LIMIT, False)
    assert names(page) == [f"{COUNT_LIMIT + 1} many.txt", f"{COUNT_LIMIT} many.txt"]
    assert names(index.search("many", 1, page.next)) == [f"{COUNT_LIMIT - 1} many.txt"]


def test_nul_and_other_hostile_characters_in_a_document_do_no_harm(index: DocumentIndex) -> None:
    projection = make_projection(
        text="be\0fore \x07\ufffe after", description="nul\0nul", custom_attributes={"a\0": ["\0", {"b": "\0"}]}
    )
    assert index.project(projection)
    assert index.find(projection.attributes.file_id) is not None
    assert found(index, "after")


def test_attributes_of_the_first_artstore_have_revision_zero_and_are_projected(index: DocumentIndex) -> None:
    projection = make_projection(revision=0)
    assert index.project(projection)
    assert index.revision(projection.attributes.file_id) == 0


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
    assert index.search('end -"golden bridges"', 10, None).total == 0
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
    index.search(query[:1000], 10, None)
    assert index.search(None, 10, None).total == 1
