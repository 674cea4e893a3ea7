"""Administering storage elements."""
