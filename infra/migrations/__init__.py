"""The schema of the document index, as Alembic migrations; run by infra.migrate."""
