"""One rule decides between the places that claim a document, and it looks at nothing but them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artstore.index.claims import Claim, Place, rank, winner

claims = st.builds(
    Claim,
    place=st.builds(Place, st.sampled_from("ab"), st.sampled_from("xyz")),
    revision=st.integers(0, 3),
    missing=st.booleans(),
    at_home=st.booleans(),
    deleted=st.booleans(),
    sealed=st.booleans(),
)


@given(st.lists(claims, max_size=6, unique_by=lambda claim: claim.place), st.randoms())
def test_the_same_claims_have_the_same_winner_in_any_order(many: list[Claim], chance: object) -> None:
    best = winner(*many)
    chance.shuffle(many)  # type: ignore[attr-defined]
    assert winner(*many) == best
    assert best is None if not many else best in many


@given(claims, claims)
def test_bytes_decide_before_home_before_a_finalization_before_revision(one: Claim, other: Claim) -> None:
    def order(claim: Claim) -> tuple[bool, bool, bool, int]:
        return claim.missing, not claim.at_home, claim.sealed, -claim.revision

    if rank(one) < rank(other):
        assert order(one) <= order(other)


def test_a_document_that_was_finalized_is_shown_there_whatever_is_done_to_what_it_left() -> None:
    left = Claim(place=Place("edit", "a"), revision=9, missing=False, at_home=True, deleted=False, sealed=True)
    there = Claim(place=Place("rw", "a"), revision=4, missing=False, at_home=True, deleted=False)
    assert winner(left, there) == there


def test_nobody_wins_without_a_claim() -> None:
    assert winner() is None
    assert winner(None, None) is None
