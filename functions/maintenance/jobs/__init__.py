"""Doing jobs, and showing them."""
