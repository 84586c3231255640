"""Run by Alembic for each command; the connection, and the transaction on it, come from `storage.migrate`."""

from alembic import context

from storage.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite can roll back DDL as well as PostgreSQL can, now that the driver does not commit behind our back.
    transactional_ddl=True,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
