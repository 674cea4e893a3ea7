"""Flows through an archive in memory, killed anywhere, and what must hold afterwards."""
