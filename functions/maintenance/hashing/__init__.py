"""Proving checksums that were only declared: large objects are read through, in as many invocations as it
takes."""
