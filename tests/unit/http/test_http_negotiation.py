"""Accept is read as RFC 9110 §12.5.1 says: by quality, and the most specific range decides."""

from __future__ import annotations

import pytest

from artstore.http.negotiation import Accept

JSON = "application/json"
PDF = "application/pdf"


@pytest.mark.parametrize(
    ("accept", "media_type", "quality"),
    [
        (None, JSON, 1),
        ("", JSON, 1),
        ("*/*", JSON, 1),
        ("text/html", JSON, 0),
        ("application/*;q=0.4, */*;q=0.1", JSON, 0.4),
        ("*/*;q=0.5, application/json;q=0", JSON, 0),
        ("APPLICATION/Json; Q=0.3", JSON, 0.3),
        ('application/json;v="1, 2";q=0.2, application/json;q=0.9', JSON, 0.9),
        ("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5", "text/plain;format=flowed", 1),
        ("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5", "text/plain", 0.7),
        ("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5", "text/html", 0.3),
        ("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5", "image/jpeg", 0.5),
        ("application/json;q=7", JSON, 1),
        ("nonsense, application/json;q=0.5", JSON, 0.5),
        ('"' * 5000, JSON, 1),
    ],
)
def test_the_quality_of_a_media_type(accept: str | None, media_type: str, quality: float) -> None:
    assert Accept(accept).quality(media_type) == quality


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/json", True),
        ("application/problem+json, application/json", True),
        ("application/json, text/plain, */*", True),
        ("text/html, application/json;q=0.9, */*;q=0.8", True),
        ("*/*", False),
        (None, False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/*", False),
        ("application/pdf, application/json;q=0.9", False),
        ("application/json;q=0", False),
        ("*/*, application/json;q=0.1", False),
        ("image/*", False),
    ],
)
def test_json_in_place_of_a_pdf_is_for_those_who_name_it(accept: str | None, wanted: bool) -> None:
    assert Accept(accept).prefers(JSON, PDF) is wanted


def test_who_asks_for_json_of_a_document_that_is_json_gets_the_link() -> None:
    assert Accept("application/json").prefers(JSON, JSON)
