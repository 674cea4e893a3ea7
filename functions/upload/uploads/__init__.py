"""Uploads: placed, written down, permitted, told about."""
