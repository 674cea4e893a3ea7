"""Clients change, delete, bring back and hold documents while tools throw the buckets into disorder, and events
come late, twice or in the middle of a change: the index still ends as a rebuild would leave it."""

from __future__ import annotations

import functools
from uuid import UUID

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from artstore.attributes import Attributes
from artstore.changes.changing import no_precondition
from artstore.changes.patching import DocumentPatch
from artstore.errors import ArtStoreError, Conflict
from artstore.spaces import EVERYWHERE
from tests.support.changing.desk import ANNA, Desk
from tests.support.ingesting.truth import EXAMPLES, Act, Truth, acts, places, profile

WHAT = ("patch", "delete", "undelete", "hold", "release")


class ChangedTruth(Truth):
    """The disorder of the truth, with clients in it."""

    @rule(number=places, what=st.sampled_from(WHAT), interruptions=st.lists(st.none() | acts, max_size=4))
    def change(self, number: int, what: str, interruptions: list[Act | None]) -> None:
        """Let a client change the document of a place, while something happens between its calls."""
        named = self.world.file_id(*self.place(number))
        if named is None:
            return
        desk, file_id = Desk(self.world), UUID(named)
        self.world.interruptions = [functools.partial(self.do, each or ("wait", (0,))) for each in interruptions]
        try:
            changed = self._change(desk, file_id, what)
        except ArtStoreError:
            return
        finally:
            self.world.interruptions = []
        self._check(changed, what)

    @staticmethod
    def _change(desk: Desk, file_id: UUID, what: str) -> Attributes:
        if what == "patch":
            patch = msgspec.convert({"description": "by a client"}, DocumentPatch)
            return desk.patching.patch(file_id, EVERYWHERE, patch, no_precondition).attributes
        if what == "delete":
            return desk.deleting.delete(file_id, EVERYWHERE, ANNA).attributes
        if what == "undelete":
            return desk.deleting.undelete(file_id, EVERYWHERE, ANNA).attributes
        hold = what == "hold"
        return desk.holding.set(file_id, EVERYWHERE, hold=hold, reason="case 7", actor=ANNA).attributes

    @staticmethod
    def _check(changed: Attributes, what: str) -> None:
        """What was answered is what was asked for."""
        is_held = changed.retention is not None and changed.retention.legal_hold
        assert {
            "patch": changed.description == "by a client" and changed.deleted_at is None,
            "delete": changed.deleted_at is not None,
            "undelete": changed.deleted_at is None,
            "hold": is_held,
            "release": not is_held,
        }[what]

    @rule(number=places)
    def try_to_delete_what_is_held(self, number: int) -> None:
        """A hold that nobody ends keeps its document."""
        named = self.world.file_id(*self.place(number))
        if named is None:
            return
        desk, file_id = Desk(self.world), UUID(named)
        try:
            held = desk.holding.set(file_id, EVERYWHERE, hold=True, reason="case 7", actor=ANNA)
        except ArtStoreError:
            return
        if held.attributes.deleted_at is not None:
            return
        try:
            desk.deleting.delete(file_id, EVERYWHERE, ANNA)
        except Conflict as error:
            assert error.code in ("legal_hold", "changing_too_fast")  # noqa: PT017
        else:
            raise AssertionError("a document under a hold was deleted")


def test_the_index_ends_as_a_rebuild_would_leave_it_whatever_clients_and_tools_do() -> None:
    run_state_machine_as_test(ChangedTruth, settings=profile(EXAMPLES // 2))
