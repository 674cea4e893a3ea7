"""Retention schedules, what is due by them, and decisions about it."""
