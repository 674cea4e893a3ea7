"""Messages of every storage that ArtStore works with, read into one small form.

| sender | read by |
|---|---|
| AWS, MinIO, LocalStack, MiniStack: {"Records": [...]} | ``notification`` |
| the same through Amazon SNS | unwrapped here |
| Amazon EventBridge: {"detail-type": ...} | ``event_bridge`` |
| SeaweedFS's filer: {"event_type": ...} | ``filer`` |
| ArtStore itself: {"look": ...} | ``look`` |

Events come at least once and in any order, so nothing here is trusted to be new, and no number that orders them
(``sequencer``) is read: whoever handles an event looks at the object as it is now. What is added to a message
changes nothing; a message that is none of these, or of a version that is not known to be compatible, is an
UnknownMessage and fails alone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from functions.storage_events.events.contract import EventKind, StorageEvent, UnknownMessage
from functions.storage_events.events.event_bridge import is_event_bridge, read_event
from functions.storage_events.events.filer import is_filer, read_change
from functions.storage_events.events.look import is_look, read_look
from functions.storage_events.events.notification import is_notification, is_test, read_notification

__all__ = ["EventKind", "StorageEvent", "UnknownMessage", "parse_message"]


def parse_message(body: str) -> tuple[StorageEvent, ...]:
    """Read the body of one queue message; ``s3:TestEvent``, sent when a notification is set up, holds no event.

    Raises UnknownMessage for anything that is none of the messages above.
    """
    message = _decode(body)
    if message.get("Type") == "Notification" and isinstance(message.get("Message"), str):
        message = _decode(message["Message"])
    if is_test(message):
        return ()
    if is_notification(message):
        return read_notification(message)
    if is_event_bridge(message):
        return (read_event(message),)
    if is_filer(message):
        return read_change(message)
    if is_look(message):
        return (read_look(message),)
    raise UnknownMessage("a message of no storage that is known")


def _decode(body: str) -> dict[str, Any]:
    try:
        message: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnknownMessage("not JSON") from error
    if not isinstance(message, dict):
        raise UnknownMessage("not a JSON object")
    return message
