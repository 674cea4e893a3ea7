"""Comparing buckets, index and upload records: what differs is reported, and repaired when told."""
