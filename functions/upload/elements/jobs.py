"""Starting the work that a change of mode takes."""

from __future__ import annotations

from artstore.elements import Transition


class LeftToTheSchedule:
    """Starts nothing: the schedule looks for changes that nobody works at, each minute."""

    def start(self, element_id: str, transition: Transition) -> None:
        """Do nothing."""
