"""Scheduled work and jobs: what takes longer than a request may."""
