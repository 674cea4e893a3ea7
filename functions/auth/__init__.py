"""The authorization server: tokens, service accounts and signing keys."""
