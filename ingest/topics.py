"""The topic tree ``anju/v1/{compound}/{kind}/{device}/{channel}``, in both directions."""

from typing import Final, NamedTuple

from domain.ids import checked_id, is_id
from domain.kinds import KINDS
from domain.limits import TOPIC_BYTES_MAX
from ingest.outcomes import Outcome, Refusal

__all__ = ["CHANNELS", "FILTER", "ROOT", "Topic", "build", "parse"]

ROOT: Final = "anju/v1"
CHANNELS: Final = ("telemetry", "event", "state", "cmd", "cmd_ack")

FILTER: Final = f"{ROOT}/+/+/+/+"
"""The one subscription. One filter for all channels, because each filter is a queue of its own on a NATS broker:
three would lose the order between a device's channels, and three windows of 30,000 do not fit in MQTT's 65,535 packet
ids (the third SUBSCRIBE is refused)."""


class Topic(NamedTuple):
    """Who speaks, by what kind, on which channel."""

    compound: str
    kind: str
    device: str
    channel: str


def build(compound: str, kind: str, device: str, channel: str) -> str:
    """The topic of a channel. Raises `Invalid` if an id is malformed; `kind` and `channel` must be known ones."""
    if kind not in KINDS or channel not in CHANNELS:
        msg = f"no such kind or channel: {kind!r}, {channel!r}"
        raise ValueError(msg)
    return f"{ROOT}/{checked_id(compound, 'compound')}/{kind}/{checked_id(device, 'device')}/{channel}"


def parse(raw: bytes) -> Topic | Refusal:  # noqa: PLR0911  (one for each named fault)
    """Reads a topic as it came from the broker. Never raises: what is wrong is said in the refusal."""
    if len(raw) > TOPIC_BYTES_MAX:
        return _wrong(f"the topic has {len(raw)} bytes, at most {TOPIC_BYTES_MAX} are allowed")
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        return _wrong("the topic must be ASCII")
    levels = text.split("/")
    if len(levels) != 6 or levels[0] != "anju":
        return _wrong(f"a topic must be {ROOT}/{{compound}}/{{kind}}/{{device}}/{{channel}}")
    _, version, compound, kind, device, channel = levels
    if version != "v1":
        return _wrong(f"unknown version {version[:16]!r}: this service speaks v1")
    if not is_id(compound) or not is_id(device):
        return _wrong("compound and device ids must be 1–64 of A–Z a–z 0–9 _ -")
    if kind not in KINDS:
        return _wrong(f"unknown kind {kind[:64]!r}, must be one of: {' '.join(KINDS)}")
    if channel not in CHANNELS:
        return _wrong(f"unknown channel {channel[:64]!r}, must be one of: {' '.join(CHANNELS)}")
    return Topic(compound, kind, device, channel)


def _wrong(detail: str) -> Refusal:
    return Refusal(Outcome.WRONG_TOPIC, detail)
