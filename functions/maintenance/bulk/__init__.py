"""One change for many documents."""
