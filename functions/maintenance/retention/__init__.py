"""Carries out what was decided about documents that are due, and what schedules decide by themselves."""
