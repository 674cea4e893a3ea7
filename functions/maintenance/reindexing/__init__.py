"""Rebuilding the index from attr.json files alone, beside the one in use."""
