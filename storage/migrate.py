"""Brings a database to the schema of this version: Alembic, run from inside the package, under the database's lock."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from domain.errors import Conflict
from storage.access import Access

__all__ = ["HEAD", "check", "migrate"]

HEAD: Final = "0005"
"""The newest revision in `storage/migrations/versions`. Named here so that a start that has nothing to do need not
load Alembic; a test holds the two together."""

LOCK: Final = 0x616E6A75
"""PostgreSQL advisory lock: two processes that start together migrate one after the other."""


def migrate(access: Access) -> None:
    """Upgrades to `HEAD`, all or nothing. Raises `Conflict` when the database is newer than this program."""
    with access.read() as connection:
        if _revision(connection) == HEAD:
            return
    # SQLite's write lock and PostgreSQL's advisory lock both end with the transaction, however the process ends.
    with access.write() as connection:
        if not access.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        if _revision(connection) != HEAD:
            _upgrade(connection)


def check(access: Access) -> None:
    """Raises `Conflict` unless the schema is the one of this version. Changes nothing."""
    with access.read() as connection:
        found = _revision(connection)
    if found != HEAD:
        raise Conflict("store.schema", f"the database has schema {found or 'none'}, this program needs {HEAD}")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - a tenth of a second that most starts do not need
    from alembic.config import Config  # noqa: PLC0415 - likewise
    from alembic.util import CommandError  # noqa: PLC0415 - likewise

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Conflict("store.schema", f"the database is not one of this program's: {error}") from error
