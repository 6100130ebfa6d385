"""The database: durable, migrated on first use, and its errors are sentences; on SQLite and PostgreSQL alike."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy import MetaData, Table, create_engine, inspect, select, text

from latentwalk.errors import Conflict, DiskFull, Invalid, StorageFailed
from server.storage.db.database import Database
from server.storage.db.migrations import upgrade
from server.storage.db.tables import METADATA, STATES

ROW = {"id": "a" * 64, "kind": "edit", "body": "{}", "created": "2026"}


def names(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(select(STATES.c.id)).scalars())


def test_a_transaction_is_committed_whole_or_rolled_back(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(STATES.insert().values(ROW))

    def failing() -> None:
        with database.writing() as connection:
            connection.execute(STATES.insert().values({**ROW, "id": "b" * 64}))
            raise ValueError("after the insert")

    with pytest.raises(ValueError, match="after the insert"):
        failing()
    assert names(database) == ["a" * 64]
    assert database.unsound() == ""


def test_the_error_for_a_rejected_row_does_not_quote_its_values(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(STATES.insert().values(ROW))
    with pytest.raises(StorageFailed) as caught, database.writing() as connection:
        connection.execute(STATES.insert().values({**ROW, "body": "secret"}))
    assert "secret" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_concurrent_first_starts_migrate_once_and_writers_wait_for_each_other(url: str) -> None:
    failures: list[BaseException] = []

    def write(number: int) -> None:
        database = Database(url)  # each opens and migrates, like processes that start together
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
    reopened = Database(url)
    assert len(names(reopened)) == 20
    reopened.close()


def described(table: Table) -> dict[str, object]:
    return {
        column.name: (
            column.nullable, column.primary_key, column.type._type_affinity, getattr(column.type, "length", None),
        )
        for column in table.columns
    }  # fmt: skip


def test_a_migrated_database_has_exactly_the_tables_the_program_knows(database: Database) -> None:
    with database.reading() as connection:
        reflected = MetaData()
        reflected.reflect(connection)
        assert set(reflected.tables) == {*METADATA.tables, "alembic_version"}
        for name, table in METADATA.tables.items():
            assert described(reflected.tables[name]) == described(table)
            assert {index.name for index in table.indexes} == {
                index["name"] for index in inspect(connection).get_indexes(name)
            }


SECOND_REVISION = """
from alembic import op
import sqlalchemy as sa
revision, down_revision = "0003", "0002"
def upgrade():
    op.add_column("states", sa.Column("extra", sa.Text))
    {failure}
"""


def history(folder: Path, failure: str = "") -> Path:
    """The program's revisions and one more, which raises when `failure` says so."""
    shutil.copytree(upgrade.REVISIONS / "versions", folder / "versions", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "second.py").write_text(SECOND_REVISION.format(failure=failure))
    return folder


def test_a_database_of_an_earlier_version_keeps_its_rows(database: Database, tmp_path: Path) -> None:
    with database.writing() as connection:
        connection.execute(STATES.insert().values(ROW))
        upgrade.upgrade(connection, history(tmp_path / "later"))
    with database.writing() as connection:
        assert connection.execute(text("SELECT id, extra FROM states")).all() == [("a" * 64, None)]
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["0003"]
        upgrade.upgrade(connection, tmp_path / "later")  # nothing is left to do


def test_a_revision_that_fails_leaves_the_database_unchanged(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, original = history(tmp_path / "failing", "raise ValueError('halfway')"), upgrade.upgrade
    database = Database(url)
    with monkeypatch.context() as patch:
        patch.setattr(upgrade, "upgrade", lambda connection: original(connection, failing))
        with pytest.raises(ValueError, match="halfway"):
            names(database)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    assert names(database) == []
    database.close()


def test_a_database_of_a_newer_version_is_refused_and_not_changed(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(Conflict, match="schema revision 9999; this version of Latentwalk knows revisions up to 0002"):
        names(database)


def test_a_database_with_tables_of_another_program_is_refused_and_not_changed(url: str) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE jobs (id TEXT)"))
    database = Database(url)
    with pytest.raises(Conflict, match="tables that this version of Latentwalk did not create"):
        names(database)
    database.close()
    assert inspect(engine).get_table_names() == ["jobs"]
    engine.dispose()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://a@b/c", "postgresql+asyncpg://a@b/c"])
def test_a_malformed_url_and_an_unsupported_database_are_refused(url: str) -> None:
    with pytest.raises(Invalid):
        Database(url)


def test_a_password_is_never_shown() -> None:
    assert "sesame" not in Database("postgresql://me:sesame@nowhere.invalid/x").name


def test_an_unreachable_server_is_a_storage_error() -> None:
    pytest.importorskip("psycopg", reason="the package psycopg is not installed here")
    with pytest.raises(StorageFailed, match="could not be used"):
        names(Database("postgresql://me:sesame@/x?host=/nowhere"))


def test_asking_whether_a_database_exists_creates_no_file(tmp_path: Path) -> None:
    assert not Database.at(tmp_path / "home").exists
    assert not (tmp_path / "home").exists()


def test_sqlite_uses_a_durable_write_ahead_log(tmp_path: Path) -> None:
    database = Database.at(tmp_path)
    with database.reading() as connection:
        found = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
    assert found == ["wal", 2]
    database.close()


def test_a_damaged_file_is_reported_as_damaged(tmp_path: Path) -> None:
    (tmp_path / "latentwalk.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageFailed, match="damaged") as caught:
        names(Database.at(tmp_path))
    assert "doctor --repair" in caught.value.hint


def test_a_full_disk_is_reported_as_full(tmp_path: Path) -> None:
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


def test_closing_waits_for_the_transactions_of_other_threads(database: Database) -> None:
    begun, release = threading.Event(), threading.Event()

    def write() -> None:
        with database.writing() as connection:
            begun.set()
            release.wait(10)
            connection.execute(STATES.insert().values(ROW))

    writer, closer = threading.Thread(target=write), threading.Thread(target=database.close)
    writer.start()
    assert begun.wait(10)
    closer.start()
    closer.join(0.2)
    assert closer.is_alive()
    release.set()
    for thread in (writer, closer):
        thread.join(10)
        assert not thread.is_alive()
    assert names(database) == ["a" * 64]


def test_a_database_that_was_shut_stays_closed(database: Database) -> None:
    assert names(database) == []
    database.shut()
    with pytest.raises(StorageFailed, match="was closed"):
        names(database)
