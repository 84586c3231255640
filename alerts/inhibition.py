"""When a gateway is silent, the silence of the devices behind it is explained. Nothing else ever is.

The result does not depend on which of the two alerts came first: each change of a source looks at all its symptoms
again. Once the source is back, its devices have a grace period to speak before their own alerts ring; one that speaks
is given the time that its alert needs to return, and nobody is called to something that is over.
"""

from alerts.alert import Alert, Suppression
from alerts.draft import Draft
from alerts.lifecycle import suppressed_by
from alerts.liveness import OFFLINE, ONLINE
from alerts.rules.base import RuleInfo
from alerts.state import Watch
from alerts.suppression import grace_ms
from domain.limits import INHIBITION_RETURN_MS

__all__ = ["explain_silence_behind", "inhibition", "review"]


def inhibition(draft: Draft, watch: Watch, info: RuleInfo) -> Suppression | None:
    """What explains an alert of `info` at the device of `watch`, if anything does now. Never for life safety."""
    gateway = watch.device.gateway
    if gateway is None or info.life_safety or not info.symptom_of:
        return None
    for source in info.symptom_of:
        slot = draft.state.slots.get((source, gateway))
        alert = draft.open_at(slot) if slot is not None else None
        if alert is not None and alert.cleared_ms is None:
            return Suppression("inhibited", "source_alert", ref=alert.id)
    through = draft.state.watches.get(gateway)
    if through is not None and draft.live(through) == OFFLINE:
        return Suppression("inhibited", "source_offline", ref=gateway)
    return None


def explain_silence_behind(draft: Draft, gateway: str) -> None:
    """Looks again at every open alert that something about `gateway` may explain."""
    for device in draft.state.registry.devices_behind(gateway):
        watch = draft.state.watches[device.id]
        for slot, rule, *_ in watch.rules:
            if rule.info.symptom_of:
                alert = draft.open_at(slot)
                if alert is not None:
                    review(draft, alert, watch, rule.info)


def review(draft: Draft, alert: Alert, watch: Watch, info: RuleInfo) -> None:
    """Suppresses an alert that is explained now; lets one ring again whose explanation has gone for long enough."""
    if alert.life_safety:
        return
    wanted = inhibition(draft, watch, info)
    if wanted is not None:
        draft.suppress(alert, wanted)
    elif suppressed_by(alert, "inhibited") is not None and not (_in_grace(draft, watch) or _returning(draft, watch)):
        draft.unsuppress(alert, "inhibited", "source_back", "system")


def _in_grace(draft: Draft, watch: Watch) -> bool:
    through = draft.state.watches.get(watch.device.gateway or "")
    return through is not None and draft.now_ms - draft.back_since(through) < grace_ms(watch.period_ms)


def _returning(draft: Draft, watch: Watch) -> bool:
    """True while the device itself has been heard again, but not for so long that its alert should have returned."""
    if draft.live(watch) != ONLINE:
        return False
    return watch in draft.changes.live or draft.now_ms - watch.since_ms < INHIBITION_RETURN_MS
