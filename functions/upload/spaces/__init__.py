"""Administering spaces."""
