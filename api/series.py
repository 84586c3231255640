"""Time series as the API sends them."""

from collections.abc import Sequence
from typing import Any

from api.context import Api
from api.times import rfc3339
from domain.errors import Invalid
from domain.kinds import KINDS
from domain.limits import SERIES_POINTS_MAX

__all__ = ["series_body", "signal_labels"]


def signal_labels(kind: str, signals: Sequence[str]) -> dict[str, Any]:
    """Type, unit, range and names of `signals`, from the kind's own description."""
    known = KINDS[kind].signals
    return {
        name: {
            "type": known[name].type,
            "unit": known[name].unit,
            "range": [known[name].low, known[name].high],
            "name": {"zh": known[name].zh, "en": known[name].en},
        }
        for name in signals
    }


def series_body(
    api: Api, device_id: str, signals: Sequence[str], from_ms: int, until_ms: int, points: int = SERIES_POINTS_MAX
) -> dict[str, Any]:
    """Columns of `signals` of a device; those its kind does not have are left out. Empty for an unknown device.

    Raises `Invalid` for a window that is empty or runs backwards.
    """
    if until_ms <= from_ms:
        raise Invalid("series.window", "until must be later than from")
    device = api.ports.registry().devices.get(device_id)
    known = [] if device is None else [name for name in signals if name in KINDS[device.kind].signals]
    body: dict[str, Any] = {"t": [], "v": {}, "sampled": False}
    if device is not None and known:
        found = api.ports.telemetry.series(device.id, device.kind, known, from_ms, until_ms, points)
        body = {"t": found.t, "v": found.v, "sampled": found.sampled}
    labels = {} if device is None else signal_labels(device.kind, known)
    return body | {"from": rfc3339(from_ms), "until": rfc3339(until_ms), "signals": labels}
