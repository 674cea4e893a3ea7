"""A rebuild of the index, on a real PostgreSQL: nothing is lost, nobody waits long, and names end as they were."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from uuid import UUID

import msgspec
import pytest
from alembic import command

from artstore.index.postgres import PostgresIndex
from artstore.jobs import JobStatus
from artstore.naming import attributes_key
from artstore.spaces import EVERYWHERE
from functions.maintenance.jobs.engine import cancel
from functions.maintenance.reconciling.comparing import suspects
from functions.maintenance.reindexing import runner
from functions.maintenance.reindexing.runner import Leftovers
from functions.maintenance.steps import Continue, Fail
from infra import migrate
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.fakes.memory_jobs import RememberedWake
from tests.support.killing import AFTER, BEFORE, Killed, Killer
from tests.support.reindexing import Reindexed

CATALOG = """
SELECT 'column', attname::text, format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' ||
    coalesce(collname, '') || ' ' || coalesce(pg_get_expr(adbin, adrelid), '')
FROM pg_attribute LEFT JOIN pg_collation ON pg_collation.oid = attcollation
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = 'documents'::regclass AND attnum > 0 AND NOT attisdropped
UNION ALL SELECT 'constraint', conname::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = 'documents'::regclass
UNION ALL SELECT 'index', indexname::text, indexdef FROM pg_indexes
    WHERE tablename IN ('documents', 'usage_deltas')
UNION ALL SELECT 'trigger', tgname::text, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE tgrelid = 'documents'::regclass AND NOT tgisinternal
UNION ALL SELECT 'function', proname::text, pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace
UNION ALL SELECT 'relation', relname::text, relkind::text FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace
ORDER BY 1, 2, 3
"""


@pytest.fixture
def archive(database_url: str) -> Iterator[Reindexed]:
    archive = Reindexed(database_url)
    yield archive
    archive.close()


def fill(archive: Reindexed) -> None:
    """Documents of every kind: shown, in the trash, copied, replaced by a later one, missing, damaged, gone."""
    for number in range(1, 9):
        archive.world.upload((EDIT, KEPT)[number % 2], number, f"text of number {number}".encode())
        archive.world.deliver_all()
    keys = {number: str(archive.world.records.kept[UUID(int=number)].key) for number in range(1, 9)}
    archive.world.edit(EDIT, keys[2], deleted_at="2026-03-01T12:00:00Z")
    archive.world.copy(EDIT, keys[4], EDIT, "copied.txt")
    archive.world.copy(EDIT, attributes_key(keys[4]), EDIT, attributes_key("copied.txt"))
    archive.world.edit(EDIT, keys[6], supersedes=str(UUID(int=4)))
    infected = {"reason": "infected", "at": "2026-03-01T12:00:00Z"}
    archive.world.edit(KEPT, keys[7], supersedes=str(UUID(int=5)), quarantine=infected)
    archive.buckets.delete(EDIT, keys[8])
    archive.buckets.put(EDIT, "stranger.txt", b"from elsewhere")
    archive.buckets.put(KEPT, keys[1], b"foreign bytes")
    archive.world.deliver_all()
    archive.buckets.put(EDIT, "damaged.txt", b"soon damaged")
    archive.buckets.put(EDIT, "deleted.txt", b"left behind")
    archive.world.deliver_all()
    archive.buckets.put(EDIT, "damaged.txt.attr.json", b"no JSON")
    archive.world.remove(EDIT, "deleted.txt.attr.json")
    archive.world.deliver_all()


def test_a_rebuild_of_an_index_that_is_right_changes_nothing_and_asks_for_little(archive: Reindexed) -> None:
    fill(archive)
    before, tombstones = archive.claims(), archive.tombstones()
    job = archive.job(archive.start())
    archive.work()
    assert archive.job(job.job_id).status is JobStatus.COMPLETED
    assert {place.key for place in archive.looks.asked} <= {"damaged.txt"} | {
        str(archive.world.records.kept[UUID(int=1)].key)
    }
    assert archive.claims() == before
    assert archive.tombstones() == tombstones
    archive.look()
    assert archive.claims() == before
    assert archive.leftovers() == []
    archive.check()


def test_an_index_that_was_lost_comes_back_from_the_buckets_alone(archive: Reindexed) -> None:
    fill(archive)
    archive.sql("TRUNCATE documents")
    job = archive.reindex()
    assert job.result is not None
    assert job.result["documents"] > 5
    assert archive.index.search("number 3", 10, None, EVERYWHERE).total == 1, "the text was read again"
    archive.check()


def test_what_is_not_read_yet_is_listed_and_a_reconciliation_finds_it(archive: Reindexed) -> None:
    archive.world.upload(EDIT, 1, b"words to find")
    archive.world.deliver_all()
    archive.sql("TRUNCATE documents")
    archive.start()
    archive.work()
    assert archive.index.find(UUID(int=1), EVERYWHERE) is not None
    assert archive.index.search("words", 10, None, EVERYWHERE).total == 0
    rows = archive.index.places(EDIT, "", "", "\U0010ffff", 10)
    listed = archive.listing.page(EDIT, "", None, None).versions
    assert list(suspects(listed, rows, "", lambda _: True)[0]) == [rows[0][0]], "should the message be lost"
    archive.look()
    assert archive.index.search("words", 10, None, EVERYWHERE).total == 1


def test_an_index_that_is_wrong_is_right_afterwards(archive: Reindexed) -> None:
    """Rows that nobody heard of, rows of what is gone, and rows that are damaged."""
    fill(archive)
    archive.buckets.put(EDIT, "unheard.txt", b"x")
    archive.buckets.put(EDIT, "unheard.txt.attr.json", archive.buckets.body(EDIT, "stranger.txt.attr.json") or b"")
    archive.buckets.delete(EDIT, "stranger.txt.attr.json")
    archive.buckets.events.clear()
    archive.sql('UPDATE documents SET attributes = attributes || \'{"description": "forged"}\' WHERE shown')
    archive.sql("UPDATE documents SET shown = false, at_home = false WHERE bucket = 'kept'")
    archive.reindex()
    assert archive.index.at(EDIT, "stranger.txt") is not None
    assert archive.buckets.body(EDIT, "stranger.txt.attr.json") is None, "it is not described again"
    archive.check()


def test_a_rebuild_in_parts_and_small_pages_comes_to_the_same(database_url: str) -> None:
    archive = Reindexed(database_url, page=3, fits=False)
    fill(archive)
    archive.sql("TRUNCATE documents")
    job_id = archive.start()
    archive.work(seconds=0)
    archive.look()
    assert len(archive.jobs.list("part", None, 100, None).items) > 3
    assert archive.job(job_id).status is JobStatus.COMPLETED
    archive.check()
    archive.close()


def test_names_of_everything_are_those_of_a_fresh_schema_and_migrations_go_on(archive: Reindexed) -> None:
    before = archive.sql(CATALOG)
    fill(archive)
    archive.sql("GRANT SELECT ON documents TO PUBLIC")
    archive.reindex()
    archive.reindex()
    assert archive.sql(CATALOG) == before
    assert archive.sql("SELECT has_table_privilege('pg_monitor', 'documents', 'SELECT')") == [(True,)]
    archive.sql("REVOKE SELECT ON documents FROM PUBLIC")
    downgrade(archive.database_url, "0003")
    migrate.upgrade(archive.database_url)
    assert archive.sql(CATALOG) == before


def downgrade(url: str, revision: str) -> None:
    with migrate._engine(url).begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def test_a_rebuild_that_is_killed_at_any_call_ends_well(database_url: str) -> None:
    counting = Killer()
    first = Reindexed(database_url, page=4, fits=False)
    fill(first)
    expected = first.claims()
    first.start()
    first.work(counting)
    first.look()
    assert first.claims() == expected
    moments = [(number, when) for number in range(len(counting.calls)) for when in (BEFORE, AFTER)]
    for number, when in random.Random(10).sample(moments, 12):  # the same each time
        archive, killer = Reindexed(database_url, page=4, fits=False), Killer()
        fill(archive)
        expected = archive.claims()
        job_id = archive.start()
        killer.kill_at(number, when)
        with pytest.raises(Killed):
            archive.work(killer)
        archive.work()
        archive.look()
        where = (when, number, counting.calls[number])
        assert archive.job(job_id).status is JobStatus.COMPLETED, where
        assert archive.claims() == expected, where
        archive.check_usage()
        assert archive.leftovers() == [], where
        archive.close()
    first.close()


def test_places_are_looked_at_a_page_after_another_each_once(
    archive: Reindexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOOKS_AT_ONCE", 3)
    fill(archive)
    archive.sql("TRUNCATE documents")
    job_id = archive.start()
    archive.work()
    job = archive.job(job_id)
    assert job.result is not None
    assert job.result["looked_at"] == len(archive.looks.asked) == len(set(archive.looks.asked)) > 6
    archive.look()
    archive.check()


def test_a_rebuild_cancelled_while_it_is_swapped_in_has_its_places_looked_at_all_the_same(
    archive: Reindexed,
) -> None:
    counting, killer = Killer(), Killer()
    fill(archive)
    archive.sql("TRUNCATE documents")
    archive.start()
    archive.work(counting)
    archive.look()
    archive.sql("TRUNCATE documents")
    job_id, told = archive.start(), RememberedWake()
    at = counting.calls.index("PostgresRebuild.swap")
    killer.do_at(at, AFTER, lambda: cancel(archive.jobs, told, job_id, "sa_admin", archive.buckets.now))
    archive.work(killer)
    assert killer.calls[at] == "PostgresRebuild.swap"
    job = archive.job(job_id)
    assert (job.status, job.cancelled_by_id) == (JobStatus.COMPLETED, "sa_admin")
    assert job.result is not None
    assert job.result["looked_at"] > 6
    archive.look()
    assert archive.index.search("number 3", 10, None, EVERYWHERE).total == 1, "the text was read again"
    assert archive.leftovers() == []
    archive.check()


def test_what_a_rebuild_left_that_nobody_goes_on_with_harms_nobody_and_is_dropped(archive: Reindexed) -> None:
    fill(archive)
    abandoned = UUID(int=77)
    archive.rebuild.begin(abandoned, 1)
    archive.buckets.put(EDIT, "later.txt", b"x")
    archive.world.deliver_all()
    assert archive.leftovers()
    archive.reindex()
    assert archive.leftovers() == []
    archive.rebuild.begin(abandoned, 1)
    assert Leftovers(archive.rebuild, archive.jobs).drop()
    assert archive.leftovers() == []
    assert not Leftovers(archive.rebuild, archive.jobs).drop()
    archive.check()


def test_a_schema_that_was_migrated_meanwhile_keeps_what_the_migration_made(archive: Reindexed) -> None:
    fill(archive)
    job_id = archive.start()
    stepping = archive.runner_of(Killer(), "reindex")
    job = archive.job(job_id)
    while True:
        step = stepping.step(job, lambda: 300)
        if not isinstance(step, Continue):
            break
        job = msgspec.structs.replace(job, progress=step.progress, state=step.state or job.state)
        if job.state == "swapping":
            archive.sql("CREATE TABLE told AS SELECT version_num FROM alembic_version")
            archive.sql("UPDATE alembic_version SET version_num = 'later'")
    assert isinstance(step, Fail)
    assert step.code == "schema_changed"
    archive.sql("UPDATE alembic_version SET version_num = (SELECT version_num FROM told)")
    archive.sql("DROP TABLE told")
    assert archive.leftovers() == []
    archive.check()


def test_attributes_that_are_damaged_or_mended_meanwhile_are_so_as_soon_as_the_new_index_is(
    archive: Reindexed,
) -> None:
    fill(archive)
    keys = {number: str(archive.world.records.kept[UUID(int=number)].key) for number in (2, 4, 6)}
    good = archive.buckets.body(EDIT, attributes_key(keys[2])) or b""
    archive.buckets.put(EDIT, attributes_key(keys[2]), b"no JSON")
    archive.world.deliver_all()
    archive.buckets.put(EDIT, attributes_key(keys[4]), b"[]")  # of which nobody hears
    archive.buckets.events.clear()
    stepping, job = archive.runner_of(Killer(), "reindex"), archive.job(archive.start())
    while job.state != "swapping":
        step = stepping.step(job, lambda: 300)
        assert isinstance(step, Continue)
        if job.state == "filling" and step.state == "finishing":
            archive.buckets.put(EDIT, attributes_key(keys[2]), good)
            archive.buckets.put(EDIT, attributes_key(keys[6]), b"{}")
            archive.world.deliver_all()
        job = msgspec.structs.replace(job, progress=step.progress, state=step.state or job.state)
    step = stepping.step(job, lambda: 300)
    assert isinstance(step, Continue)
    assert step.state == "looking"
    assert [key for _, key, _ in archive.damaged()] == sorted(["damaged.txt", keys[6]])
    assert archive.index.find_any(UUID(int=2), EVERYWHERE) is not None
    assert (EDIT, keys[4]) in archive.tombstones(), "shown no more"
    archive.check_usage()
    job = msgspec.structs.replace(job, progress=step.progress, state=step.state)
    stepping.step(job, lambda: 300)
    archive.look()
    assert [key for _, key, _ in archive.damaged()] == sorted(["damaged.txt", keys[4], keys[6]]), "why, too"
    archive.check()


def test_writers_and_readers_go_on_while_the_index_is_rebuilt(database_url: str) -> None:
    """Threads write through ingest all the while, others read: nobody fails, no list is empty, nothing is lost."""
    archive = Reindexed(database_url, page=7, fits=False)
    for number in range(40):
        archive.buckets.put(EDIT, f"{number % 5}/fixed{number}.txt", f"fixed words {number}".encode())
    archive.world.deliver_all()
    over = threading.Event()
    bucket_lock = threading.Lock()
    problems: list[BaseException] = []
    written = [0]

    def write(thread: int) -> None:
        index = PostgresIndex(database_url)
        ingest = archive.world._build(index)
        source = random.Random(thread)  # the same each time
        try:
            turn = 0
            while not over.is_set():
                turn += 1
                key = f"{thread}/doc{source.randrange(12)}.txt"
                with bucket_lock:
                    act = source.choice(["put", "put", "edit", "delete", "drop"])
                    if act == "put":
                        archive.buckets.put(EDIT, key, f"words {thread} {turn}".encode())
                    elif act == "edit":
                        archive.world.edit(EDIT, key, description=f"turn {turn}")
                    elif act == "delete":
                        archive.buckets.delete(EDIT, key)
                    else:
                        archive.buckets.delete(EDIT, attributes_key(key))
                    mine = [each for each in archive.buckets.events if each.key.startswith(f"{thread}/doc")]
                    for each in mine:
                        archive.buckets.events.remove(each)
                for each in mine:
                    ingest.handle(each)
                written[0] += 1
        except BaseException as error:  # noqa: BLE001  # told by the test
            problems.append(error)
        finally:
            index.close()

    def read() -> None:
        index = PostgresIndex(database_url)
        try:
            while not over.is_set():
                page = index.search("fixed", 50, None, EVERYWHERE)
                assert page.total == 40, page.total
                assert index.find(page.items[0].attributes.file_id, EVERYWHERE) is not None
                assert len(index.search(None, 100, None, EVERYWHERE).items) >= 40
        except BaseException as error:  # noqa: BLE001  # told by the test
            problems.append(error)
        finally:
            index.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in (7, 8)]
    threads += [threading.Thread(target=read) for _ in range(2)]
    for each in threads:
        each.start()
    try:
        for _ in range(3):
            begun = written[0]
            ends = time.monotonic() + 20
            job_id = archive.start()
            archive.work(seconds=0)
            assert archive.job(job_id).status is JobStatus.COMPLETED
            while written[0] < begun + 5 and not problems and time.monotonic() < ends:
                time.sleep(0.01)
    finally:
        over.set()
        for each in threads:
            each.join()
    assert not problems, problems
    assert written[0] > 20
    archive.look()
    archive.check()
    archive.close()
