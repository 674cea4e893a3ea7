"""The write side: placement and upload sessions."""
