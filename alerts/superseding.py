"""One event, one call: an alert that says less is quiet while one that says more rings for the same target.

An entrapment told by code and the same one inferred from the signals are two rules, two records and one person in the
car. `yields_to` in a pack names the rule that speaks for both. In which order they come makes no difference: whichever
is there first is looked at again when the other changes, and every second while it is quiet.

Nobody can be lost by it. The quiet alert stays open with its own evidence. It is quiet only while the other one is
open, holds, is no milder, is no less life safety, is no exercise and is itself suppressed by nothing at all; so two
can never silence each other. The moment one of these ends it rings, if nobody has acknowledged it. And an alert that
begins long after anything happened to the other one is another event: it rings.
"""

from typing import Final

from alerts.alert import Alert, Suppression
from alerts.draft import Draft
from alerts.lifecycle import suppressed_by
from alerts.rules.base import RuleInfo
from domain.limits import SUPERSEDED_GRACE_MS

__all__ = ["review_superseded", "review_yielding_to", "superseded"]

_EXERCISES: Final = frozenset({"drill", "simulated"})
"""What is only played never speaks for what is real."""


def superseded(draft: Draft, alert: Alert, info: RuleInfo) -> Suppression | None:
    """What keeps `alert`, of the rule `info`, quiet because another one speaks for it; None if nothing does now."""
    if info.yields_to is None:
        return None
    slot = draft.state.slots.get((info.yields_to, alert.target))
    source = draft.open_at(slot) if slot is not None else None
    if source is None or not _outranks(source, alert):
        return None
    # Receive times only: the clock of a device may be set back.
    unchanged_ms = draft.now_ms - source.changed_ms
    before = suppressed_by(alert, "superseded")
    if before is not None and before.ref == source.id:
        # Both end together, though seldom with the same reading.
        stands = source.cleared_ms is None or unchanged_ms < SUPERSEDED_GRACE_MS
    else:
        stands = source.cleared_ms is None and alert.cleared_ms is None and unchanged_ms <= 1_000 * info.yields_within_s
    return Suppression("superseded", "source_alert", ref=source.id) if stands else None


def _outranks(source: Alert, alert: Alert) -> bool:
    return (
        not source.suppressed
        and source.severity <= alert.severity
        and source.life_safety >= alert.life_safety
        and not _EXERCISES.intersection(source.flags).difference(alert.flags)
    )


def review_superseded(draft: Draft, alert: Alert, info: RuleInfo) -> None:
    """Quiets an alert that another one speaks for now; lets one ring again that nothing speaks for any more."""
    wanted = superseded(draft, alert, info)
    if wanted is not None:
        draft.suppress(alert, wanted)
    elif suppressed_by(alert, "superseded") is not None:
        draft.unsuppress(alert, "superseded", "source_ended", "system")


def review_yielding_to(draft: Draft, source: Alert) -> None:
    """Looks again at every open alert that `source`, which has changed, may speak for."""
    for info in draft.state.rulebook.rules.values():
        if info.yields_to == source.rule:
            slot = draft.state.slots.get((info.id, source.target))
            alert = draft.open_at(slot) if slot is not None else None
            if alert is not None:
                review_superseded(draft, alert, info)
