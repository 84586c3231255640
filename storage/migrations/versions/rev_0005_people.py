"""Accounts are people: whose member somebody is, where it may look, and how it is reached."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"


def upgrade() -> None:
    """Forward only: a step back is a restored backup. Accounts made before have roles and nothing else."""
    op.add_column("users", sa.Column("profile", sa.JSON()))
