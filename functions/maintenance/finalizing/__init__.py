"""Finalization: a document moves from an edit element into one that keeps documents (docs/finalization.md)."""
