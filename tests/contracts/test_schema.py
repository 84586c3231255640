"""The schema as migrated is the schema as declared, and a database of another version is left alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from domain.errors import Conflict
from storage.database import open_database
from storage.schema import METADATA


def differences(database):
    with database._access.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "target_metadata": METADATA}
        )
        return compare_metadata(context, METADATA)


def test_a_database_migrated_from_empty_has_the_declared_schema(empty):
    database = open_database(empty)
    assert differences(database) == []
    with database._access.read() as connection:
        inspector = sa.inspect(connection)
        for table in METADATA.tables.values():
            unique = {index["name"] for index in inspector.get_indexes(table.name) if index["unique"]}
            assert unique == {index.name for index in table.indexes if index.unique}, table.name
    database.close()


def test_many_that_open_an_empty_database_at_once_migrate_it_once(empty):
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda _: open_database(empty), range(6)))
    assert len({database.store for database in opened}) == 1
    assert differences(opened[0]) == []
    for database in opened:
        database.close()


def test_a_newer_database_is_refused_and_left_as_it_is(empty):
    database = open_database(empty)
    with database._access.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    for upgrade in (True, False):
        with pytest.raises(Conflict):
            open_database(empty, upgrade=upgrade)
