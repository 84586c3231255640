"""The one schema of journal, alerts, outbox, registry and users, for SQLite and PostgreSQL alike.

What changes here needs a migration beside it; a test compares the two. Times are epoch milliseconds.
"""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

__all__ = [
    "METADATA",
    "alerts",
    "checkpoint_parts",
    "checkpoints",
    "contracts",
    "dead_letter_counts",
    "dead_letters",
    "devices",
    "ended_sessions",
    "journal",
    "maintenance",
    "meta",
    "order_alerts",
    "orders",
    "organisations",
    "outbox",
    "overrides",
    "places",
    "secrets",
    "slot_marks",
    "tokens",
    "users",
]

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ROW_ID: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only for a column of exactly this type."""


def _when(condition: str, sqlite: str) -> dict[str, Any]:
    """A partial index: PostgreSQL writes a bare boolean where SQLite compares with 1."""
    return {"sqlite_where": text(sqlite), "postgresql_where": text(condition)}


meta = Table(
    "meta",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""``store``: random id of this database. ``registry``: version. ``head``: seq and hash of the newest journal line.
``import:…``: a journal line that is owed (`SqlRegistryStore.owed`)."""

journal = Table(
    "journal",
    METADATA,
    Column("seq", ROW_ID, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("alert_id", String(64)),
    Column("cmd", Text),
    Column("body", LargeBinary, nullable=False),
    Column("alert_after", LargeBinary),
    Column("prev_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_journal_alert", "alert_id", "seq"),
    Index("ix_journal_cmd", "at_ms", "seq", **_when("cmd IS NOT NULL", "cmd IS NOT NULL")),
)
"""Append-only: triggers refuse to change or delete a line. `body` and `alert_after` are canonical JSON in UTF-8.

A line of kind ``order.…`` is about a work order: its id stands in `alert_id`, the order after it in `alert_after`.
"""

alerts = Table(
    "alerts",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("no", String(64), nullable=False),
    Column("day", String(8), nullable=False),
    Column("number", Integer, nullable=False),
    Column("rule", String(64), nullable=False),
    Column("target", String(64), nullable=False),
    Column("target_kind", String(32), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("open", Boolean(create_constraint=False), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("compound", String(64), nullable=False),
    Column("place", String(64), nullable=False),
    Column("device", String(64)),
    Column("onset_ms", BigInteger, nullable=False),
    Column("raised_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),
    Column("rev", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("drill", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Index("uq_alerts_open", "rule", "target", unique=True, **_when("open", "open = 1")),
    Index("ix_alerts_open", "onset_ms", "id", **_when("open", "open = 1")),
    Index("ix_alerts_onset", "onset_ms", "id"),
    Index("ix_alerts_compound", "compound", "onset_ms", "id"),
    Index("ix_alerts_device", "device", "onset_ms", "id"),
    Index("ix_alerts_slot", "rule", "target", "onset_ms"),
    Index("ix_alerts_raised", "raised_ms"),
    Index("ix_alerts_number", "day", "number"),
)
"""Each alert as it stands: the fold of its journal lines. `seq` is the line that made it so."""

orders = Table(
    "orders",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("no", String(64), nullable=False),
    Column("day", String(8), nullable=False),
    Column("number", Integer, nullable=False),
    Column("open", Boolean(create_constraint=False), nullable=False),
    Column("state", String(16), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("compound", String(64), nullable=False),
    Column("place", String(64), nullable=False),
    Column("organisation", String(64)),
    Column("lead", String(64)),
    Column("handler", String(128)),
    Column("source", String(16), nullable=False),
    Column("level", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),
    Column("rev", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("drill", Boolean(create_constraint=False), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_orders_open", "created_ms", "id", **_when("open", "open = 1")),
    Index("ix_orders_created", "created_ms", "id"),
    Index("ix_orders_compound", "compound", "created_ms", "id"),
    Index("ix_orders_organisation", "organisation", "created_ms", "id"),
    Index("ix_orders_lead", "lead", "created_ms", "id"),
    Index("ix_orders_number", "day", "number"),
)
"""Each work order as it stands: the fold of its journal lines. `seq` is the line that made it so."""

order_alerts = Table(
    "order_alerts",
    METADATA,
    Column("alert_id", String(64), primary_key=True),
    Column("order_id", String(64), primary_key=True),
    Index("ix_order_alerts_order_id", "order_id"),
)

slot_marks = Table(
    "slot_marks",
    METADATA,
    Column("rule", String(64), primary_key=True),
    Column("target", String(64), primary_key=True),
    Column("alert_id", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("sources", LargeBinary, nullable=False),
)

maintenance = Table(
    "maintenance",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("target", String(64), nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("ended_seq", BigInteger),
    Column("body", LargeBinary, nullable=False),
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),
    Column("channel", String(64), nullable=False),
    Column("alert_id", String(64), nullable=False),
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("visible_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger),
    Column("detail", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("uq_outbox_key", "key", unique=True),
    Index("ix_outbox_owed", "visible_ms", "id", **_when("state = 'owed'", "state = 'owed'")),
    Index("ix_outbox_settled", "state", "settled_ms", **_when("settled_ms IS NOT NULL", "settled_ms IS NOT NULL")),
    Index("ix_outbox_alert", "alert_id", "id"),
)
"""`state` is ``owed``, ``done`` or ``dead``."""

dead_letters = Table(
    "dead_letters",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("topic", Text, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("detail", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("device", String(64)),
    Column("count", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Index("uq_dead_letters", "topic", "reason", "digest", unique=True),
    Index("ix_dead_letters_last", "last_ms", "id"),
    Index("ix_dead_letters_reason", "reason", "last_ms", "id"),
)

dead_letter_counts = Table(
    "dead_letter_counts",
    METADATA,
    Column("reason", String(64), primary_key=True),
    Column("packets", BigInteger, nullable=False),
)
"""Kept apart from the rows, so that the oldest rows can go without the count forgetting them."""

checkpoints = Table(
    "checkpoints",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("batch", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("engine_bytes", BigInteger, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
"""Written last, durably: a checkpoint without this row, or whose parts do not match its digest, never was."""

checkpoint_parts = Table(
    "checkpoint_parts",
    METADATA,
    Column("checkpoint", ROW_ID, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

users = Table(
    "users",
    METADATA,
    Column("name", String(128), primary_key=True),
    Column("password", Text, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("profile", JSON(none_as_null=True)),  # the rest of `domain.people.Person`; null before there was any
)

tokens = Table(
    "tokens",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("name", String(128), ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("label", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index("ix_tokens_name", "name"),
)

ended_sessions = Table(
    "ended_sessions",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    Index("ix_ended_sessions_until_ms", "until_ms"),
)
"""Signed-out sessions, until their cookies expire by themselves."""

secrets = Table(
    "secrets",
    METADATA,
    Column("purpose", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

# The registry names things across tables without foreign keys: whether a reference dangles is judged, and named to a
# person, by the import, which knows the file and line. `position` keeps the order of registration.
places = Table(
    "places",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("parent", String(64)),
    Column("code", Text, nullable=False),
    Column("attrs", JSON, nullable=False),
    Index("ix_places_parent", "parent"),
)

organisations = Table(
    "organisations",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("place", String(64)),
    Column("phone", Text, nullable=False),
    Column("attrs", JSON, nullable=False),
)

contracts = Table(
    "contracts",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("compounds", JSON, nullable=False),
    Column("valid_from", String(10), nullable=False),
    Column("valid_until", String(10)),
    Column("role", String(32), nullable=False),
    Column("filed", Boolean(create_constraint=False), nullable=False),
    Index("ix_contracts_organisation", "organisation"),
)

devices = Table(
    "devices",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("compound", String(64), nullable=False),
    Column("place", String(64), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("type", String(32), nullable=False),
    Column("zone", String(64)),
    Column("gateway", String(64)),
    Column("period_s", Double),
    Column("model", Text, nullable=False),
    Column("in_service", Boolean(create_constraint=False), nullable=False),
    Column("overrides", JSON, nullable=False),
    Column("attrs", JSON, nullable=False),
    Index("ix_devices_compound", "compound"),
    Index("ix_devices_gateway", "gateway"),
)

overrides = Table(
    "overrides",
    METADATA,
    Column("compound", String(64), primary_key=True),
    Column("rule", String(64), primary_key=True),
    Column("param", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)
"""Thresholds a compound sets for itself."""
