"""Checkpoints of working memory: written in parts, so that no alert waits behind megabytes, and sealed last."""

import hashlib
from typing import Final

from sqlalchemy import delete, func, select

from alerts.ports import Checkpoint
from storage.access import Access
from storage.schema import checkpoint_parts, checkpoints

__all__ = ["latest", "save"]

PART_BYTES: Final = 256 * 1024
"""A few milliseconds of writing; the journal gets its turn in between."""
KEPT: Final = 2


def save(access: Access, checkpoint: Checkpoint) -> None:
    """Stores `checkpoint` durably and forgets all but the last two. Raises `Unavailable`; then nothing has changed."""
    whole = checkpoint.engine + checkpoint.gate
    with access.read() as connection:
        number = 1 + (connection.scalar(select(func.max(checkpoints.c.id))) or 0)
    # Parts of a checkpoint that was never sealed are in the way; parts that are too old have served.
    useless = (checkpoint_parts.c.checkpoint >= number) | (checkpoint_parts.c.checkpoint <= number - KEPT - 1)
    with access.write(durable=False) as connection:
        connection.execute(delete(checkpoint_parts).where(useless))
    starts = range(0, len(whole), PART_BYTES)
    for part, start in enumerate(starts):
        row = {"checkpoint": number, "part": part, "data": whole[start : start + PART_BYTES]}
        with access.write(durable=False) as connection:
            connection.execute(checkpoint_parts.insert(), row)
    # The parts went into the same log before this: what seals them cannot be durable without them.
    with access.write() as connection:
        connection.execute(
            checkpoints.insert(),
            {
                "id": number,
                "batch": checkpoint.batch,
                "at_ms": checkpoint.at_ms,
                "engine_bytes": len(checkpoint.engine),
                "parts": len(starts),
                "digest": hashlib.sha256(whole).digest(),
            },
        )
        connection.execute(delete(checkpoints).where(checkpoints.c.id <= number - KEPT))
    access.fold()


def latest(access: Access) -> Checkpoint | None:
    """The newest checkpoint that is whole; None if there is none."""
    with access.read() as connection:
        for row in connection.execute(select(checkpoints).order_by(checkpoints.c.id.desc())).all():
            parts = select(checkpoint_parts.c.data).where(checkpoint_parts.c.checkpoint == row.id)
            whole = b"".join(connection.scalars(parts.order_by(checkpoint_parts.c.part)))
            if hashlib.sha256(whole).digest() == row.digest:
                cut = row.engine_bytes
                return Checkpoint(row.batch, row.at_ms, whole[:cut], whole[cut:])
    return None
