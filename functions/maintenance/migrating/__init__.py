"""Rewriting attr.json files of the first ArtStore's older formats as schema 2.0, when somebody asks."""
