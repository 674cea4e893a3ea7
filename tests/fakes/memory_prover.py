"""Whoever is asked to prove checksums, and does not yet do it."""

from __future__ import annotations

from artstore.attributes import Attributes
from artstore.index import ObjectVersion
from artstore.index.claims import Place


class MemoryProver:
    """See functions.storage_events.proving.Prover."""

    def __init__(self) -> None:
        """Begin with nothing asked for."""
        self.asked: list[tuple[Place, ObjectVersion]] = []

    def ask(self, described: Attributes, place: Place, held: ObjectVersion) -> None:
        """See Prover."""
        self.asked.append((place, held))
