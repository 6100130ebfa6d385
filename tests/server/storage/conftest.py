"""A database of each kind: an SQLite file, and a PostgreSQL server that these tests start if it is installed."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from server.storage.db.database import Database


def _programs() -> Path | None:
    # Debian installs them outside PATH, in one folder per version.
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    program = shutil.which("initdb")
    return Path(program).parent if program else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server reached through a socket in a temporary folder; its URL with {name} for the database."""
    programs = _programs()
    if programs is None or importlib.util.find_spec("psycopg") is None:
        pytest.skip("PostgreSQL's initdb or the package psycopg is not installed here")
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="latentwalk-pg-", dir="/tmp"))  # a socket's path must be short
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    data, how = folder / "data", {"cwd": folder, "user": user and user.pw_uid, "group": user and user.pw_gid}
    try:
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "latentwalk", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True, capture_output=True, **how,
        )  # fmt: skip
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        control = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
        subprocess.run([*control, "-o", settings, "start"], check=True, stdout=subprocess.DEVNULL, **how)
        try:
            yield f"postgresql://latentwalk@/{{name}}?host={folder}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL, **how)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database on that server."""
    name = f"t{abs(hash(request.node.nodeid)):x}"
    admin = create_engine(
        postgres.format(name="postgres").replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield postgres.format(name=name)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'latentwalk.sqlite'}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """The same as a `Database`, closed after the test."""
    database = Database(url)
    yield database
    database.close()
