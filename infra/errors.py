"""What goes wrong in front of a person at a terminal."""

from __future__ import annotations


class CommandError(Exception):
    """What the person at the terminal has to know or decide; its text is shown without a traceback."""
