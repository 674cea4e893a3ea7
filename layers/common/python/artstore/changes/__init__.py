"""Changing documents that are there: what is said of them, whether they are in the trash, whether they must stay.

Each change is made to one attr.json, on condition of the one that was read, and nowhere else: the index follows.
The use cases lie here, in the layer, since two functions carry them out: the one behind the API, for a client that
waits, and maintenance, for many documents at once.
"""

from __future__ import annotations
