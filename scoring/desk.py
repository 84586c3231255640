"""Somebody at the desk: acknowledges what rings, and closes what only a person can close.

Without them a month of alerts would stay open, and a second fault of one lift would be an occurrence of the first
one's alert instead of an alert. They know nothing of rules: they go by what rings, and by what they see on site.
"""

from collections.abc import Iterator
from typing import Final

from alerts.alert import Alert, AlertState
from alerts.inputs import Acknowledge, Resolve
from alerts.state import EngineState
from simulators.truth import Truth

__all__ = ["ACK_MS", "CLOSE_MS", "Desk"]

ACK_MS: Final = 60_000
"""Whoever sits there acknowledges a minute after it rang: the seat's own target for severity 1 (`ACK_DUE_MS`)."""
CLOSE_MS: Final = 15 * 60_000
"""So long after all is over on site the record is closed: somebody goes, looks, and comes back."""
_WAITS: Final = frozenset({AlertState.UNACKNOWLEDGED, AlertState.RETURNED_UNACKNOWLEDGED})


class Desk:
    """Always there, never wrong, never in a hurry. The same for every rule set."""

    def __init__(self) -> None:
        self._acks: dict[str, int] = {}
        self._open: dict[str, int] = {}
        """Acknowledged alerts that wait for a person → when something last happened to them."""
        self._going_on: dict[str, Truth] = {}

    def learn(self, truth: Truth) -> None:
        """What people on site see: whether it still goes on."""
        if truth.to_ms is None:
            self._going_on[truth.id] = truth
        else:
            self._going_on.pop(truth.id, None)

    def see(self, alert: Alert, now_ms: int) -> None:
        """An alert changed on the screen."""
        self._acks.pop(alert.id, None)
        self._open.pop(alert.id, None)
        if not alert.open:
            return
        if alert.state in _WAITS and not alert.suppressed:
            self._acks[alert.id] = now_ms + ACK_MS
        elif alert.state not in _WAITS:
            self._open[alert.id] = now_ms

    def due(self, state: EngineState, now_ms: int) -> Iterator[Acknowledge | Resolve]:
        """What they do now."""
        if not self._acks and not self._open:
            return
        for alert_id, at_ms in list(self._acks.items()):
            if at_ms <= now_ms:
                self._acks.pop(alert_id)
                yield Acknowledge(alert_id=alert_id, actor="desk")
        for alert_id, since_ms in list(self._open.items()):
            alert = state.alerts.get(alert_id)
            if alert is None or now_ms - since_ms < CLOSE_MS or not self._closable(state, alert):
                continue
            if any(_touches(truth, alert) for truth in self._going_on.values()):
                self._open[alert_id] = now_ms
                continue
            self._open.pop(alert_id)
            yield Resolve(alert_id=alert_id, actor="desk", reason="resolved")

    @staticmethod
    def _closable(state: EngineState, alert: Alert) -> bool:
        info = state.rule(alert.rule)
        return alert.state is AlertState.RETURNED_LATCHED or (info is not None and info.clear == "manual")


def _touches(truth: Truth, alert: Alert) -> bool:
    about = {alert.target, alert.device}
    return truth.device in about or truth.zone in about or any(device in about for device in truth.devices)
