"""Sweeps: what is over, expired or left behind, found and settled."""
