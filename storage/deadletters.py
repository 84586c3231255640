"""Refused packets as kept: the same bytes on the same topic for the same reason are one row with a count."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, case, delete, func, select

from domain.limits import DEAD_LETTER_BYTES_MAX, DEAD_LETTERS_MAX, ID_CHARS_MAX, TOPIC_BYTES_MAX
from domain.readings import DeadLetter
from storage.schema import dead_letter_counts, dead_letters
from storage.upsert import upsert

__all__ = ["DeadLetterBox"]

SLACK: Final = 64
"""The cap is passed by one part in so many before the oldest rows are removed: counting has a price."""


class DeadLetterBox:
    """Writes refused packets within somebody else's transaction, and keeps their number bounded."""

    def __init__(self, most: int = DEAD_LETTERS_MAX) -> None:
        self._most = most
        self._room = 0
        """Rows that can be added before they must be counted."""

    def keep(self, connection: Connection, letters: Sequence[DeadLetter]) -> None:
        """Adds `letters`: a flood of equal packets costs one row, a flood of different ones pushes out the oldest."""
        rows: dict[tuple[str, str, bytes], dict[str, Any]] = {}
        counts: dict[str, int] = {}
        for letter in letters:
            counts[letter.reason] = counts.get(letter.reason, 0) + 1
            row = _row(letter)
            key = (row["topic"], row["reason"], row["digest"])
            if (seen := rows.get(key)) is not None:
                row["count"] = seen["count"] + 1
                row["first_ms"] = min(seen["first_ms"], row["first_ms"])
                row["last_ms"] = max(seen["last_ms"], row["last_ms"])
            rows[key] = row
        upsert(connection, dead_letters, list(rows.values()), key=("topic", "reason", "digest"), update=_again)
        totals = [{"reason": reason, "packets": count} for reason, count in counts.items()]
        upsert(connection, dead_letter_counts, totals, key=("reason",), update=_more)
        self._room -= len(rows)
        if self._room < 0:
            self._trim(connection)

    def _trim(self, connection: Connection) -> None:
        held: int = connection.scalar(select(func.count()).select_from(dead_letters)) or 0
        surplus = held - self._most
        if surplus > 0:
            oldest = select(dead_letters.c.id).order_by(dead_letters.c.last_ms, dead_letters.c.id).limit(surplus)
            connection.execute(delete(dead_letters).where(dead_letters.c.id.in_(oldest.scalar_subquery())))
        self._room = max(0, -surplus) + self._most // SLACK


def _row(letter: DeadLetter) -> dict[str, Any]:
    raw = letter.raw[:DEAD_LETTER_BYTES_MAX]
    return {
        "topic": _text(letter.topic, TOPIC_BYTES_MAX),
        "reason": letter.reason,
        "digest": hashlib.sha256(raw).digest(),
        "detail": _text(letter.detail, TOPIC_BYTES_MAX),
        "raw": raw,
        "device": None if letter.device is None else _text(letter.device, ID_CHARS_MAX),
        "count": 1,
        "first_ms": letter.received_ms,
        "last_ms": letter.received_ms,
    }


def _text(text: str, limit: int) -> str:
    """What a database can hold of a text from outside: no lone surrogates, no NUL, bounded."""
    return text[:limit].encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")[:limit]


def _again(new: Any) -> dict[str, Any]:
    old = dead_letters.c
    return {
        "count": old.count + new.count,
        "detail": new.detail,
        "device": new.device,
        "last_ms": case((new.last_ms > old.last_ms, new.last_ms), else_=old.last_ms),
    }


def _more(new: Any) -> dict[str, Any]:
    return {"packets": dead_letter_counts.c.packets + new.packets}
