"""Readers that behave as no reader should, to be run confined."""
