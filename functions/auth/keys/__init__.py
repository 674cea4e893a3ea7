"""The ring of signing keys: what verifiers may see of it, its secret half, and its rotation."""
