"""`state` messages: a device or gateway came online, or (usually by its Last Will) went offline."""

import msgspec
from msgspec import Struct

from domain.readings import StateReport
from ingest.kinds.base import event_time
from ingest.outcomes import Outcome, Refusal

__all__ = ["read_state"]


class _State(Struct, gc=False):
    online: bool
    ts: int | float | str | None = None


_decode = msgspec.json.Decoder(_State).decode
_WORDS = {b"online": True, b"offline": False, b"1": True, b"0": False, b"true": True, b"false": False}


def read_state(payload: bytes, device: str, received_ms: int, *, retained: bool = False) -> StateReport | Refusal:
    """Reads ``online``, ``offline`` or ``{"online": bool, "ts": …}``. Never raises.

    A Last Will was written when the device connected: its `ts`, if it has one, says nothing of when it went, so the
    time of receipt stands for every offline report, and for an online one whose own time cannot be used.
    """
    online = _WORDS.get(payload.strip().strip(b'"').lower())
    if online is not None:
        return StateReport(device, online, received_ms, received_ms, retained)
    try:
        state = _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(Outcome.BAD_STATE, f'a state is online, offline or {{"online": true}}: {str(error)[:120]}')
    at_ms = event_time(state.ts) if state.ts is not None and state.online else received_ms
    if isinstance(at_ms, Refusal) or at_ms > received_ms:
        at_ms = received_ms
    return StateReport(device, state.online, at_ms, received_ms, retained)
