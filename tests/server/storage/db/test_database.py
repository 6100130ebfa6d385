"""One door to the database: durable, sound, and its refusals are sentences; on SQLite and PostgreSQL alike."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import MetaData, Table, create_engine, inspect, select, text

from latentwalk.errors import Conflict, DiskFull, Invalid, StorageFailed
from server.jobs.job import Job
from server.storage.db import migrations
from server.storage.db.database import Database
from server.storage.db.job_table import JobTable
from server.storage.db.tables import METADATA, STATES

ROW = {"id": "a" * 64, "kind": "edit", "body": "{}", "created": "2026"}


def names(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(select(STATES.c.id)).scalars())


def test_what_was_written_is_there_and_what_failed_is_not(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(STATES.insert().values(ROW))

    def failing() -> None:
        with database.writing() as connection:
            connection.execute(STATES.insert().values({**ROW, "id": "b" * 64}))
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        failing()
    assert names(database) == ["a" * 64]
    assert database.unsound() == ""


def test_a_refused_row_is_a_sentence_without_its_values(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(STATES.insert().values(ROW))
    with pytest.raises(StorageFailed) as caught, database.writing() as connection:
        connection.execute(STATES.insert().values({**ROW, "body": "secret"}))
    assert "secret" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_many_writers_wait_for_each_other(url: str) -> None:
    failures: list[BaseException] = []

    def write(number: int) -> None:
        database = Database(url)  # each opens and migrates, as processes that start together do
        try:
            for index in range(5):
                with database.writing() as connection:
                    connection.execute(select(STATES.c.id)).all()
                    connection.execute(STATES.insert().values({**ROW, "id": f"{number}-{index}"}))
        except BaseException as error:
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    again = Database(url)
    assert len(names(again)) == 20
    again.close()


def described(table: Table) -> dict[str, object]:
    return {
        column.name: (
            column.nullable, column.primary_key, column.type._type_affinity, getattr(column.type, "length", None),
        )
        for column in table.columns
    }  # fmt: skip


def test_a_migrated_database_has_exactly_the_tables_the_program_knows(database: Database) -> None:
    with database.reading() as connection:
        found = MetaData()
        found.reflect(connection)
        assert set(found.tables) == {*METADATA.tables, "schema_versions"}
        for name, table in METADATA.tables.items():
            assert described(found.tables[name]) == described(table)
            assert {index.name for index in table.indexes} == {
                index["name"] for index in inspect(connection).get_indexes(name)
            }


def test_a_database_of_an_earlier_version_keeps_its_rows(url: str) -> None:
    driver = url.replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(driver)
    with engine.begin() as connection:
        assert migrations.upgrade(connection, migrations.STEPS[:1]) == [1]
        connection.execute(
            text("INSERT INTO library VALUES ('direction', 'eyes', 'zoom', :sha, 3, NULL, '2026')"), {"sha": "a" * 64}
        )
    engine.dispose()
    database = Database(url)
    with database.reading() as connection:
        assert connection.execute(text("SELECT name FROM library")).scalars().all() == ["zoom"]
        assert migrations.version(connection) == migrations.STEPS[-1].number
        assert migrations.upgrade(connection) == []
    database.close()


def test_jobs_of_a_database_before_people_were_kept_are_nobodys_in_particular(url: str) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        assert migrations.upgrade(connection, migrations.STEPS[:2]) == [1, 2]
        connection.execute(
            text(
                "INSERT INTO jobs (id, kind, title, state, progress, message, created, version, attempts, mark,"
                " stopping, lease) VALUES ('j-1', 'learn', 'Learning', 'queued', 0, '', '2026', 7, 1, 0, false, 0)"
            )
        )
    engine.dispose()
    database = Database(url)
    worklist = JobTable(database)
    [kept] = worklist.free()
    assert (kept.job.id, kept.job.version, kept.job.person) == ("j-1", 7, "")
    worklist.add(Job("j-2", "learn", "Learning", created="2027", person="somebody"), None)
    assert [kept.job.person for kept in worklist.all()] == ["somebody", ""]
    database.close()


def test_a_step_that_fails_leaves_the_database_as_it_was(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: object) -> None:
        raise ValueError("half a step")

    database = Database(url)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*migrations.STEPS, migrations.Step(99, "broken", broken)))
        with pytest.raises(ValueError, match="half"):
            names(database)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    assert names(database) == []
    database.close()


def test_a_database_of_a_newer_version_is_not_touched(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("INSERT INTO schema_versions VALUES (99, 'later', '2030')"))
    database.close()
    with pytest.raises(Conflict, match="of version 99"):
        names(database)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://a@b/c", "postgresql+asyncpg://a@b/c"])
def test_a_url_that_is_none_or_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        Database(url)


def test_a_password_is_never_shown() -> None:
    assert "sesame" not in Database("postgresql://me:sesame@nowhere.invalid/x").name


def test_a_server_that_is_not_there_is_a_sentence() -> None:
    pytest.importorskip("psycopg", reason="the package psycopg is not installed here")
    with pytest.raises(StorageFailed, match="could not be used"):
        names(Database("postgresql://me:sesame@/x?host=/nowhere"))


def test_reading_makes_no_file(tmp_path: Path) -> None:
    assert not Database.at(tmp_path / "home").exists
    assert not (tmp_path / "home").exists()


def test_sqlite_writes_ahead_and_durably(tmp_path: Path) -> None:
    database = Database.at(tmp_path)
    with database.reading() as connection:
        found = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
    assert found == ["wal", 2]
    database.close()


def test_a_damaged_file_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "latentwalk.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageFailed, match="damaged") as caught:
        names(Database.at(tmp_path))
    assert "doctor --repair" in caught.value.hint


def test_a_full_disk_is_said_to_be(tmp_path: Path) -> None:
    database = Database.at(tmp_path)
    assert names(database) == []

    def fill() -> None:
        with database.writing() as connection:
            connection.execute(text("PRAGMA max_page_count=1"))
            connection.execute(STATES.insert().values({**ROW, "body": "x" * 10**6}))

    with pytest.raises(DiskFull, match="disk is full"):
        fill()
    assert names(database) == []
    database.close()
