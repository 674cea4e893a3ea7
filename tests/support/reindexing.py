"""An archive in memory over an index in PostgreSQL that is rebuilt; every call of who does it can be the last."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg

from artstore.index.postgres import PostgresIndex
from artstore.index.rebuilding.postgres import PostgresRebuild
from artstore.index.usage import Dimension
from artstore.jobs import Job, Priority, new_job
from artstore.spaces import EVERYWHERE
from functions.maintenance.reindexing.filling import Filling
from functions.maintenance.reindexing.runner import KIND, PART, Reindexing, ReindexPart
from functions.maintenance.steps import Runner
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.support.ingesting.world import ELEMENTS, World, rebuild
from tests.support.killing import Killer
from tests.support.reconciling import MemoryListing
from tests.support.working import Looks, Worked


class Reindexed(Worked):
    """The world over PostgreSQL, with jobs that rebuild its index."""

    def __init__(self, database_url: str, *, page: int = 1000, fits: bool = True) -> None:
        self.database_url = database_url
        self.sql("TRUNCATE documents")
        self.index = PostgresIndex(database_url)
        self.rebuild = PostgresRebuild(database_url)
        self.rebuild.drop()
        self.world = World(self.index, knows_sha256=True)
        self.buckets = self.world.buckets
        self.listing = MemoryListing(self.buckets, page=page, fits=fits)
        self.jobs = MemoryJobs()
        self.looks = Looks()

    def close(self) -> None:
        self.rebuild.drop()
        self.index.close()
        self.rebuild.close()

    def sql(self, statement: str) -> list[Any]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            answer = connection.execute(statement)
            return answer.fetchall() if answer.description else []

    def runner_of(self, killer: Killer, kind: str) -> Runner:
        """Give a process that does jobs of a kind, and dies where it is to."""
        rebuilding = killer.guard(self.rebuild)
        filling = Filling(
            listing=killer.guard(self.listing), objects=killer.guard(self.buckets), rebuild=rebuilding
        )
        if kind == PART:
            return ReindexPart(lambda: ELEMENTS, filling)
        return Reindexing(
            elements=lambda: ELEMENTS,
            folders=killer.guard(self.listing),
            filling=filling,
            rebuild=rebuilding,
            looks=killer.guard(self.looks),
            documents=lambda: self.index.usage(Dimension.SPACE, EVERYWHERE, 1).total.documents,
            jobs=killer.guard(self.jobs),
            wake=RememberedWake(),
            clock=lambda: self.buckets.now,
        )

    def start(self) -> UUID:
        """Write a rebuild down."""
        job_id = uuid4()
        self.jobs.create(new_job(job_id, KIND, {}, self.buckets.now, priority=Priority.HIGH))
        return job_id

    def reindex(self) -> Job:
        """Rebuild, and have looked at what that asks for; give the job."""
        job_id = self.start()
        self.work()
        self.look()
        return self.job(job_id)

    def claims(self) -> list[Any]:
        """Give every row that claims a document, all of it."""
        return self.sql(
            """
            SELECT (to_jsonb(row) - 'current') || jsonb_build_object('current', CASE WHEN shown THEN current END)
            FROM (SELECT * FROM documents WHERE file_id IS NOT NULL ORDER BY bucket, object_key) AS row
            """
        )

    def damaged(self) -> list[Any]:
        return self.sql("SELECT bucket, object_key, damage FROM documents WHERE damage IS NOT NULL ORDER BY 1, 2")

    def tombstones(self) -> list[Any]:
        return self.sql("SELECT bucket, object_key FROM documents WHERE file_id IS NULL ORDER BY 1, 2")

    def check(self) -> None:
        """The index is what a rebuild of the still bucket by ingest leaves; usage is a count of it."""
        self.check_usage()
        found, damaged = self.claims(), self.damaged()
        self.sql("TRUNCATE documents")
        rebuild(self.world._build(self.index), self.buckets)
        assert found == self.claims()
        assert damaged == self.damaged()

    def check_usage(self) -> None:
        counted = self.sql(
            """
            SELECT used.space, used.account, used.element, used.content_type, used.trashed, count(*), sum(bytes)
            FROM documents, LATERAL usage_of(documents) AS used WHERE documents.shown OR documents.trashed
            GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
            """
        )
        kept = self.sql(
            """
            SELECT space, account, element, content_type, trashed, sum(documents), sum(bytes) FROM usage_deltas
            GROUP BY 1, 2, 3, 4, 5 HAVING sum(documents) <> 0 ORDER BY 1, 2, 3, 4, 5
            """
        )
        assert kept == counted

    def leftovers(self) -> list[Any]:
        return self.sql(
            "SELECT relname FROM pg_class WHERE relname LIKE 'reindex%' AND relkind = 'r'"
            " UNION SELECT tgname FROM pg_trigger WHERE tgname LIKE 'reindex%'"
            " UNION SELECT proname FROM pg_proc WHERE proname LIKE 'reindex%'"
        )
