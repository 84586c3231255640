"""Alerts of drills are counted in no figure."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"


def upgrade() -> None:
    """Forward only: a step back is a restored backup. There were no drills before."""
    op.add_column("alerts", sa.Column("drill", sa.Boolean(), nullable=False, server_default=sa.false()))
