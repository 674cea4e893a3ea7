"""Changes to documents that are there."""
