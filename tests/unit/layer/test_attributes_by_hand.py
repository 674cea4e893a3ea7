"""attr.json as hands and editors leave it: read, or told why not. And what is written fits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from artstore import attributes as attr
from artstore.errors import Invalid, TooLarge
from tests.fakes.documents import make_attributes


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_file_saved_by_an_editor_that_leaves_a_byte_order_mark_is_read(encoding: str) -> None:
    text = attr.dump(make_attributes(description="Поправка")).decode()
    marked = text if encoding in ("utf-8-sig", "utf-16", "utf-32") else "\ufeff" + text
    assert attr.parse(marked.encode(encoding)).description == "Поправка"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"revision": 2**63}, "attributes_invalid"),
        ({"file_size": 2**63}, "attributes_invalid"),
        ({"extracted": {"status": "ok", "pages": 2**64}}, "attributes_invalid"),
        ({"created_at": "0001-01-01T00:00:00+01:00"}, "attributes_invalid"),
        ({"created_at": "10000-01-01T00:00:00Z"}, "attributes_invalid"),
        ({"custom_attributes": {"a": nested(600)}}, "attributes_too_deep"),
        ({"surprise": nested(65)}, "attributes_too_deep"),
        ({"retention": []}, "attributes_invalid"),
        ({"tags": {"a": 1}}, "attributes_invalid"),
    ],
    ids=["revision", "size", "pages", "too early", "too late", "too deep", "too deep elsewhere", "kind", "tags"],
)
def test_an_edit_that_no_index_could_hold_is_told_as_such(changes: dict[str, Any], code: str) -> None:
    document = attr.to_document(make_attributes()) | changes
    with pytest.raises(Invalid) as error:
        attr.parse(json.dumps(document).encode())
    assert error.value.code == code


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff\xfe{", b"\xff\xfe\x00\xd8", b'{"a": "\\ud800"}', b'{"a": NaN}',
     b'{"a": 1e999}', b"[" * 5000, b'"\xed\xa0\x80"', b'{"a": ' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_what_is_no_json_in_any_encoding_is_told_as_such(raw: bytes) -> None:
    with pytest.raises(Invalid) as error:
        attr.parse(raw)
    assert error.value.code == "attributes_not_json"


def test_what_the_deepest_member_may_hold_is_written_and_read() -> None:
    attributes = make_attributes(custom_attributes={"a": nested(63)})
    assert attr.parse(attr.dump(attributes)) == attributes


def test_what_fits_only_without_indentation_is_written_without() -> None:
    small, large = make_attributes(), make_attributes(custom_attributes={"p": [1] * 8000})
    assert attr.dump(small).startswith(b'{\n  "schema_version"')
    assert attr.dump(large).startswith(b'{"schema_version"')
    assert len(attr.dump(large)) < attr.MAX_BYTES
    assert attr.parse(attr.dump(large)) == large


def test_an_upload_leaves_room_for_what_is_found_in_it() -> None:
    attr.check_room(make_attributes(description="x" * 47_000))
    with pytest.raises(TooLarge) as error:
        attr.check_room(make_attributes(description="x" * 49_000))
    assert error.value.code == "attributes_too_large"
