"""Identifiers: what they may look like, and how the deterministic ones are made."""

import hashlib
import re
from typing import Final

from domain.errors import Invalid

__all__ = ["ID_PATTERN", "alert_id", "checked_id", "is_id", "order_id", "payload_digest"]

ID_PATTERN: Final = r"^[A-Za-z0-9_-]{1,64}$"
"""No dots: they separate subjects on NATS. No slashes, spaces or wildcards: they separate or match MQTT topics."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


def is_id(text: str) -> bool:
    """True when `text` may name a place, an organisation, a device or a rule in topics and addresses."""
    return _ID.match(text) is not None


def checked_id(text: str, what: str) -> str:
    """Returns `text` when it is a well-formed id; otherwise raises `Invalid` naming `what` it should identify."""
    if not is_id(text):
        raise Invalid("id.malformed", f"{what} id {text!r} must be 1–64 of A–Z a–z 0–9 _ -", what=what, id=text)
    return text


def alert_id(rule: str, target: str, onset_ms: int) -> str:
    """The id of the alert that `rule` opens for `target` at event time `onset_ms` (epoch ms).

    The same breach always has the same id, so judging a packet again after a crash cannot open a second alert.
    """
    return "a" + _spelt(f"{rule}\x00{target}\x00{onset_ms}")


def order_id(made_of: str) -> str:
    """The id of the work order that is made of an alert's id, or of a person's command: made twice, it is the same."""
    return "w" + _spelt(f"order\x00{made_of}")


def _spelt(text: str) -> str:
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(60, -1, -5))


def payload_digest(payload: bytes) -> int:
    """A 63-bit number standing for the bytes of a packet; tells duplicates apart where a device sends no `seq`."""
    return int.from_bytes(hashlib.blake2b(payload, digest_size=8).digest(), "big") >> 1 or 1
