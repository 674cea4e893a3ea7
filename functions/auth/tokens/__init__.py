"""Tokens: proving a client, issuing, introspecting and revoking, and the metadata that tells clients how."""
