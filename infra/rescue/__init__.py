"""The archive without ArtStore: what lies in a bucket, read by nothing but S3 calls.

No database, no table, no function, no running service is asked. Whoever has read access to the buckets has the
archive: every document is an object, and what is known of it lies beside it (docs/exit.md).
"""
