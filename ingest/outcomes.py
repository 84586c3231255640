"""What can become of a packet, a reading or a value. Every outcome has a name, and every name a counter."""

from enum import StrEnum
from typing import Final, NamedTuple

__all__ = ["REFUSALS", "Outcome", "Refusal"]


class Outcome(StrEnum):
    """The table in docs/ingest.md says of each what happens to the data."""

    # What a reading ends as.
    ACCEPTED = "accepted"
    """Handed to the station."""
    DUPLICATE = "duplicate"
    """Already handed to the station once: acknowledged, not counted again."""

    # Marks on an accepted reading.
    LATE = "late"
    STALE = "stale"
    SKEWED = "skewed"
    BACKFILL = "backfill"
    GAP = "gap"
    RESTAMPED = "restamped"
    CLOCK_SET = "clock_set"
    COERCED = "coerced"
    UNKNOWN_KEYS = "unknown_keys"
    UNKNOWN_EVENT = "unknown_event"

    # Refused whole, or (implausible, wrong_type) a value of an otherwise accepted reading: kept as a dead letter.
    IMPLAUSIBLE = "implausible"
    WRONG_TYPE = "wrong_type"
    FUTURE = "future"
    CLOCK_UNSET = "clock_unset"
    CLOCK_BACK = "clock_back"
    EPOCH_SECONDS = "epoch_seconds"
    BAD_TIME = "bad_time"
    UNKNOWN_DEVICE = "unknown_device"
    WRONG_TOPIC = "wrong_topic"
    WRONG_KIND = "wrong_kind"
    UNKNOWN_FORM = "unknown_form"
    WRONG_UNITS = "wrong_units"
    WRONG_VERSION = "wrong_version"
    OVERSIZE = "oversize"
    BAD_JSON = "bad_json"
    NOT_UTF8 = "not_utf8"
    NONFINITE = "nonfinite"
    EMPTY = "empty"
    TOO_MANY_READINGS = "too_many_readings"
    RETAINED = "retained"
    BAD_STATE = "bad_state"
    INTERNAL_ERROR = "internal_error"

    # Packets that carry no reading.
    STATE = "state"
    """A `state` message: becomes a `StateReport`."""
    RESERVED = "reserved"
    """A `cmd` or `cmd_ack` message: acknowledged, nothing else yet."""


REFUSALS: Final = frozenset({
    Outcome.IMPLAUSIBLE, Outcome.WRONG_TYPE, Outcome.FUTURE, Outcome.CLOCK_UNSET, Outcome.CLOCK_BACK,
    Outcome.EPOCH_SECONDS, Outcome.BAD_TIME, Outcome.UNKNOWN_DEVICE, Outcome.WRONG_TOPIC, Outcome.WRONG_KIND,
    Outcome.WRONG_UNITS, Outcome.WRONG_VERSION, Outcome.OVERSIZE, Outcome.BAD_JSON, Outcome.NOT_UTF8,
    Outcome.NONFINITE, Outcome.EMPTY, Outcome.UNKNOWN_FORM,
    Outcome.TOO_MANY_READINGS, Outcome.RETAINED, Outcome.BAD_STATE, Outcome.INTERNAL_ERROR,
})  # fmt: skip
"""Outcomes that can be the reason of a dead letter."""


class Refusal(NamedTuple):
    """Why something was refused: its name, and one English line saying what was wrong and what would be right."""

    outcome: Outcome
    detail: str
