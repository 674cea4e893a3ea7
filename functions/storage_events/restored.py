"""What storage says of archived bytes that were asked back is kept for whoever is shown the document."""

from __future__ import annotations

from artstore.index import DocumentIndex
from artstore.restoring import NotedRestore
from functions.storage_events.outcomes import Outcome, Result, Step
from functions.storage_events.places import Spot
from functions.storage_events.sight import Look


def note_restore(spot: Spot, look: Look, index: DocumentIndex) -> Step:
    """Keep what storage says now of the bytes that the index knows there. Who wrote looks again: another event of
    the same place may have seen an earlier state and written it later. Raises Unavailable."""
    place = spot.place
    known = index.at(*place)
    if known is None or known.file_id is None or known.object is None:
        return Step(Result(Outcome.GONE))
    version_id = known.object.version_id
    stored = look.object(version_id)
    now = None
    if stored is not None and stored.restore is not None:
        now = NotedRestore(etag=stored.etag, restore=stored.restore)
    if index.restore_of(*place, version_id) == now:
        return Step(Result(Outcome.UNCHANGED, known.file_id))
    index.note_restore(*place, version_id, now)
    return Step(Result(Outcome.RESTORE_NOTED, known.file_id), wrote=True, settled=False)
