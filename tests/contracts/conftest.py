"""The databases every promise is held against. A further implementation is one more name here."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest

from storage.database import Database, open_database
from storage.schema import METADATA
from tests.contracts import postgres

NAMES = itertools.count(1)
IMPLEMENTATIONS = ("memory", "sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory) -> Iterator[str]:
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres.cluster(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


def make(server: str) -> str:
    name = f"anju_{next(NAMES)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


@pytest.fixture(scope="session")
def shared(postgresql) -> str:
    """A migrated database that is emptied for each test: quicker than a new one."""
    url = make(postgresql)
    open_database(url).close()
    return url


def emptied(url: str) -> str:
    tables = ", ".join(METADATA.tables)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '10s'")
        connection.execute("SET session_replication_role = replica")  # the journal's guards look away
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")
    return url


@pytest.fixture(params=IMPLEMENTATIONS)
def where(request, tmp_path) -> str:
    """Where a fresh database may be opened, once for each kind of database."""
    if request.param == "memory":
        return "sqlite://"
    if request.param == "sqlite":
        return str(tmp_path / "anju.db")
    return emptied(request.getfixturevalue("shared"))


@pytest.fixture(params=("sqlite", "postgresql"))
def empty(request, tmp_path) -> str:
    """Where nothing has been migrated yet."""
    if request.param == "sqlite":
        return str(tmp_path / "anju.db")
    return make(request.getfixturevalue("postgresql"))


@pytest.fixture
def database(where) -> Iterator[Database]:
    opened = open_database(where)
    yield opened
    opened.close()
