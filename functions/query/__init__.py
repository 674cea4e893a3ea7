"""The read side: list and search, metadata, download and health."""
