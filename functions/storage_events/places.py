"""Where an event leads: the place of a document, or a reason why there can be none."""

from __future__ import annotations

import msgspec

from artstore.elements import Right, StorageElement, StorageElements
from artstore.index.claims import Place
from artstore.naming import MAX_KEY_BYTES, attributes_key, document_key, is_attributes_key, is_reserved
from functions.storage_events.events import EventKind, StorageEvent
from functions.storage_events.outcomes import Outcome, Result

NO_ELEMENT = "not_in_a_storage_element"


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A place, the storage element it lies in, and the event that led there."""

    place: Place
    element: StorageElement
    event: StorageEvent

    @property
    def is_new_object(self) -> bool:
        """Tell whether the event tells of an object that was written, not of an attr.json."""
        return self.event.kind is EventKind.CREATED and not is_attributes_key(self.event.key)

    @property
    def is_about_attributes(self) -> bool:
        """Tell whether the event is about the attr.json."""
        return is_attributes_key(self.event.key)

    @property
    def is_removal(self) -> bool:
        """Tell whether the event tells that something is gone."""
        return self.event.kind is EventKind.REMOVED

    @property
    def is_restore(self) -> bool:
        """Tell whether the event tells of archived bytes that were asked back."""
        return self.event.kind is EventKind.RESTORED

    @property
    def may_be_overwritten(self) -> bool:
        """Tell whether documents change in this element; elsewhere every version is kept, and one is verified."""
        return self.element.may(Right.OVERWRITE)


def find_spot(elements: StorageElements, event: StorageEvent) -> Spot | Result:
    """Give the place the event is about; where no document can be, what becomes of the event instead."""
    key = document_key(event.key)
    element = elements.locate(event.bucket, key)
    if event.kind is EventKind.OTHER:
        return Result(Outcome.IGNORED, reason="nothing_follows")
    if is_reserved(event.key):
        return Result(Outcome.IGNORED, reason="reserved")
    if element is None:
        return Result(Outcome.IGNORED, reason=NO_ELEMENT)
    if not key or key.endswith("/"):
        return Result(Outcome.IGNORED, reason="folder_marker")
    if is_attributes_key(key):
        return Result(Outcome.IGNORED, reason="attributes_of_attributes")
    if "\0" in key:
        return Result(Outcome.REJECTED, reason="key_has_nul")
    if len(attributes_key(key).encode()) > MAX_KEY_BYTES:
        return Result(Outcome.REJECTED, reason="key_too_long")
    return Spot(place=Place(event.bucket, key), element=element, event=event)
