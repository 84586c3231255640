"""Work orders, and which alerts they were made of."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"


def upgrade() -> None:
    """Forward only: a step back is a restored backup."""
    op.create_table(
        "orders",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("no", sa.String(64), nullable=False),
        sa.Column("day", sa.String(8), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("open", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("compound", sa.String(64), nullable=False),
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("organisation", sa.String(64)),
        sa.Column("lead", sa.String(64)),
        sa.Column("handler", sa.String(128)),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger()),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("drill", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
    )
    op.create_index(
        "ix_orders_open", "orders", ["created_ms", "id"],
        sqlite_where=sa.text("open = 1"), postgresql_where=sa.text("open"),
    )  # fmt: skip
    op.create_index("ix_orders_created", "orders", ["created_ms", "id"])
    op.create_index("ix_orders_compound", "orders", ["compound", "created_ms", "id"])
    op.create_index("ix_orders_organisation", "orders", ["organisation", "created_ms", "id"])
    op.create_index("ix_orders_lead", "orders", ["lead", "created_ms", "id"])
    op.create_index("ix_orders_number", "orders", ["day", "number"])
    op.create_table(
        "order_alerts",
        sa.Column("alert_id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "order_id", name="pk_order_alerts"),
    )
    op.create_index("ix_order_alerts_order_id", "order_alerts", ["order_id"])
