"""What can be read out of a document: format, title, author, pages, text and so on, under limits.

The format that was sniffed chooses the reader, and it reads in a confined process. The outcome is ``ok``,
``partial`` or ``failed`` with a reason, or ``unsupported``: a bad document is never an exception and never a
reason to try again.
"""

from __future__ import annotations

import msgspec

from artstore.attributes import Extracted
from functions.storage_events.extraction.contract import Document, Reading
from functions.storage_events.extraction.process.confinement import Limits
from functions.storage_events.extraction.process.helper import Helper, Task
from functions.storage_events.extraction.process.messages import put_together
from functions.storage_events.extraction.registry import BY_NAME
from functions.storage_events.extraction.sniffing import Kind


class Extraction:
    """Reads documents of every format in the registry, one at a time."""

    def __init__(self, limits: Limits | None = None, *, keep_place: bool = False) -> None:
        """Take the limits; ``keep_place`` keeps where a picture was taken."""
        self._limits = limits or Limits()
        self._keep_place = keep_place
        self._helper = Helper()

    def start(self) -> None:
        """Start the process that will read, so that the first document need not wait for it."""
        self._helper.start()

    def supports(self, kind: Kind) -> bool:
        """Tell whether anything can be read out of documents of the kind."""
        return kind.format is not None

    def read(self, document: Document, kind: Kind) -> Reading:
        """Read a document. Raises Unavailable only, when no process can be started."""
        if kind.format is None:
            return Reading(extracted=Extracted(status="unsupported", detected_type=kind.detected))
        task = Task(
            reader=kind.format.reader,
            guesses=kind.format.guesses,
            complete=document.complete,
            charset=kind.charset or document.charset,
            limits=self._limits,
        )
        messages, ending = self._helper.run(task, document.body)
        reading = put_together(kind.format.name, messages, ending)
        return msgspec.structs.replace(reading, extracted=self._completed(reading.extracted, kind.detected))

    def _completed(self, extracted: Extracted, detected: str | None) -> Extracted:
        """Add the type that the bytes speak of, or that of the package they turned out to be; see keep_place."""
        found = BY_NAME.get(extracted.format or "")
        if detected is not None and found is not None and found.reader == BY_NAME["zip"].reader:
            detected = found.types[0]
        if not self._keep_place:
            extracted = msgspec.structs.replace(extracted, latitude=None, longitude=None)
        return msgspec.structs.replace(extracted, detected_type=detected)
