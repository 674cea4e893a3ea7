"""What looks alike is alike, on both sides."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artstore.index.folding import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Отчёт", "ОТЧЕТ"),
        ("Müller", "Mu\u0308ller"),
        ("naïve", "naive"),
        ("Łódź Ørsted Đà Nẵng æther œuvre", "lodz orsted da nang aether oeuvre"),
        ("ΑΎΡΙΟ ΟΔΟΣ", "αυριο οδος"),
        ("ᾠδή", "ωδη"),
        ("İI ıi", "ii ii"),
        ("ﬂ ﬃ ĳ Ǆ", "fl ffi ij dz"),
        ("ＡＢＣ１２３", "abc123"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("한국", unicodedata.normalize("NFD", "한국")),
        ("㎏ ㎡ H₂O", "kg m2 h2o"),
        ("Ⅻ ⅻ", "xii XII"),
        ("١٢٣ ۱۲۳ १२३ ๑๒๓ １２３", "123 123 123 123 123"),
        ("١٢٣", "123"),
        ("ﷲ ﻻ", "الله لا"),
        ("مـــرحبا", "مرحبا"),
        ("می‌خواهم", "ميخواهم"),
        ("کتاب", "كتاب"),
        ("שׂ בּ", "ש ב"),
        (
            "so\u00adft \u200bze\u200bro \ufeffmark \u202ebidi\u202c a\ufe0fb c\U000e0100d",
            "soft zero mark bidi ab cd",
        ),
        ("Doku\u00ad\r\n  mentation", "dokumentation"),
        ("\x1b[1;31mred\x1b[0m \x1b]0;title\x07text \x9b32mgreen", "red text green"),
        ("N\bNA\bA _\bM_\bE", "NA ME"),
        ("a’b a‘b aʼb a`b a´b a'b", "a b a b a b a b a b a b"),
        ("a–b a—b a‑b a−b a‐b a_b", "a b a b a b a b a b a b"),
        ("«a» “b” „c‟ ‹d›", "a b c d"),
        ("Договор №5, №\u00a06", "договор 5 6"),
        ("Acme™ Bolt℠", "acme bolt"),
        ("слово¹ word²³", "слово 1 word 23"),
        ("2½ ①пункт", "2 1 2 1 пункт"),
        ("line\u2028line\u0085line\tline", "line line line line"),
    ],
)
def test_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("й", "и"),
        ("ї", "і"),
        ("ў", "у"),
        ("ґ", "г"),
        ("ѓ", "г"),
        ("バ", "ハ"),
        ("कि", "की"),
        ("ไม่", "ไม้"),
        ("A", "А"),
        ("ü", "ue"),
        ("ة", "ه"),
    ],
)
def test_not_alike(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_words_of_scripts_whose_marks_spell_stay_whole() -> None:
    assert fold("हिन्दी भाषा, தமிழ்; ภาษาไทย") == "हिन्दी भाषा தமிழ் ภาษาไทย"


@pytest.mark.parametrize(
    "text", ["", " ", "\0", "\ud800", "a\ud800b", "\x1b", "\x1b[", "\b", "\u0301", "...", "🎉"]
)
def test_whatever_comes_is_folded(text: str) -> None:
    assert fold(text) in ("", "a b")


@given(st.text())
def test_folded_text_is_words_and_folding_it_again_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert folded.split() == [word for word in folded.split(" ") if word]
    assert all(unicodedata.category(each)[0] in "LMN" for each in folded.replace(" ", ""))
    assert fold(folded) == folded


@given(st.text(st.characters(exclude_characters="\x1b\x9b\b")))
def test_composed_and_decomposed_text_is_the_same(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize("piece", ["\x1b]", "\x1b[", "\x9b", "a\b", "\u0301", "é\u0301", "\u00ad ", "¹"])
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * 200_000)[:200_000]
    began = time.process_time()
    fold(text)
    assert time.process_time() - began < 2
